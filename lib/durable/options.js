// @ts-check
'use strict'

const { MOST, check, integer, isBoolean, isKey, isMillis, isName, isTime, oneOf, show, wrong } = require('../queues/rules')

/** @typedef {import('../queues/rules').Rule} Rule */

/** @type {{ [name: string]: Rule }} */
const DURABLE = {
  name: isName,
  ackTimeout: integer(1, 2 ** 31 - 1),
  retryDelay: integer(1, MOST),
  maxRetryDelay: integer(1, MOST),
  window: integer(1, 1024),
  maxInFlight: integer(1, 100_000),
  maxLength: integer(1, MOST),
  overflow: oneOf('reject', 'dropOldest'),
  ttl: integer(1, MOST),
  maxAttempts: integer(1, 65_535),
  deadLetter: isName,
}

const DEFAULTS = {
  ackTimeout: 10_000,
  retryDelay: 1_000,
  maxRetryDelay: 60_000,
  window: 16,
  maxInFlight: 10_000,
  maxLength: 10_000,
  overflow: 'reject',
  maxAttempts: 65_535,
}

/** @type {{ [name: string]: Rule }} */
const EMIT = { ttl: integer(1, MOST), dedupId: isKey }

/** @type {{ [name: string]: Rule }} */
const SCHEDULE = { delay: isMillis, deliverAt: isTime, volatile: isBoolean }

/** @param {unknown} options */
function durableOptions(options) {
  return /** @type {any} */ ({ ...DEFAULTS, ...check('durable', DURABLE, options) })
}

/** @param {unknown} options */
function emitOptions(options) {
  return check('durable emit', EMIT, options)
}

/** @param {unknown} options */
function scheduleOptions(options) {
  const given = check('durable emit, schedule', SCHEDULE, options)
  if ((given.delay === undefined) === (given.deliverAt === undefined)) {
    throw wrong('durable emit, schedule', 'either delay or deliverAt', options)
  }
  return given
}

/** @param {unknown} room @returns {string} */
function checkRoom(room) {
  const expected = isKey(room)
  if (expected) throw wrong('durable emit', `a room that is ${expected}`, room)
  return /** @type {string} */ (room)
}

/** Socket.IO's own events cannot be emitted. */
const RESERVED = new Set(['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'])

/** @param {unknown} event @param {any[]} args */
function checkEvent(event, args) {
  if (typeof event !== 'string') throw wrong('durable emit', 'an event name that is a text', event)
  if (RESERVED.has(event)) throw wrong('durable emit', 'an event name that Socket.IO does not use itself', event)
  const last = args.at(-1)
  if (typeof last === 'function') throw wrong('durable emit', 'data and no function: listen to "acknowledged"', last)
}

/** @param {any} io a server or a namespace @returns {any} the namespace */
function namespaceOf(io) {
  const nsp = typeof io?.of === 'function' ? io.of('/') : io
  if (typeof nsp?.adapter?.broadcastWithAck === 'function' && nsp.sockets) return nsp
  throw wrong('durable', 'a Socket.IO server or a namespace that is not dynamic (io.of("/x"))', show(io))
}

module.exports = { checkEvent, checkRoom, durableOptions, emitOptions, namespaceOf, scheduleOptions }
