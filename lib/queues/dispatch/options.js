// @ts-check
'use strict'

/** The options of `dispatch()`: checked once, with the defaults filled in. */

const { MOST, check, integer, isText, oneOf, show, wrong } = require('../rules')

/** Socket.IO's own events. */
const RESERVED = new Set(['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'])

/** @type {import('../rules').Rule} */
const isEvent = (event) =>
  isText(event) || RESERVED.has(event) ? 'the name of an event, and not one of those of Socket.IO itself' : undefined

/** @type {{ [name: string]: import('../rules').Rule }} */
const DISPATCH = {
  event: isEvent,
  timeout: integer(1, MOST),
  prefetch: integer(1, 10_000),
  strategy: oneOf('least-loaded', 'round-robin', 'sticky'),
  maxDisconnects: integer(0, 65_535),
  maxResultBytes: integer(0, 1024 ** 3),
}

const DEFAULTS = { timeout: 30_000, prefetch: 1, strategy: 'least-loaded', maxDisconnects: 5, maxResultBytes: 1024 ** 2 }

/**
 * @typedef {object} DispatchSettings
 * @property {string} event
 * @property {number} timeout
 * @property {number} prefetch
 * @property {string} strategy
 * @property {number} maxDisconnects
 * @property {number} maxResultBytes
 */

/**
 * @param {string} queue
 * @param {unknown} options
 * @returns {DispatchSettings}
 */
function dispatchOptions(queue, options) {
  const where = `queue ${show(queue)}, dispatch`
  const given = check(where, DISPATCH, options)
  if (given.event === undefined) throw wrong(where, 'an event to emit', options)
  return /** @type {any} */ ({ ...DEFAULTS, ...given })
}

module.exports = { dispatchOptions, isEvent }
