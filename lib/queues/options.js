// @ts-check
'use strict'

/** The options of `createQueues()`, of queues and of workers: checked once, with the defaults filled in. */

const path = require('node:path')
const { redisOf } = require('../cluster/options')
const { QueueError } = require('./errors')
const {
  MOST,
  check,
  integer,
  isBoolean,
  isFunction,
  isMillis,
  isName,
  isText,
  oneOf,
  show,
  wrong,
} = require('./rules')

/** @typedef {import('./rules').Rule} Rule */

const MIB = 1024 * 1024
const MOST_U32 = 2 ** 32 - 1

/** @type {{ [name: string]: Rule }} */
const OPENING = {
  path: isText,
  memory: isBoolean,
  durability: oneOf('commit', 'interval', 'none'),
  interval: integer(1, 60_000),
  segmentBytes: integer(64 * 1024, 1024 * MIB),
  redis: (redis) => (typeof redis === 'string' || (typeof redis === 'object' && redis !== null) ? undefined : 'a URL or an object'),
  key: isText,
  timeout: integer(100, 2 ** 31),
  tracing: isBoolean,
}

/** @type {Rule} */
const isRate = (rate) => {
  if (typeof rate !== 'object' || rate === null) return 'an object { max, per }'
  return integer(1, MOST_U32)(rate.max) || integer(1, MOST)(rate.per)
    ? 'an object { max, per } of a number of messages and of milliseconds, both 1 or more'
    : undefined
}

/** @type {Rule} */
const isBackoff = (backoff) => {
  if (typeof backoff === 'function' || isMillis(backoff) === undefined) return undefined
  const expected = 'milliseconds, a function, or { type: "fixed" or "exponential", delay, max, jitter (0 to 1) }'
  if (typeof backoff !== 'object' || backoff === null) return expected
  const { type, delay, max, jitter, ...rest } = backoff
  const right =
    (type === 'exponential' || (type === 'fixed' && max === undefined)) &&
    isMillis(delay) === undefined &&
    (max === undefined || isMillis(max) === undefined) &&
    (jitter === undefined || (typeof jitter === 'number' && jitter >= 0 && jitter <= 1)) &&
    Object.keys(rest).length === 0
  return right ? undefined : expected
}

/** @type {{ [name: string]: Rule }} */
const QUEUE = {
  maxAttempts: integer(1, 65_535),
  backoff: isBackoff,
  deadLetter: isName,
  deadLetterExpired: isBoolean,
  ttl: integer(1, MOST),
  concurrency: integer(1, MOST_U32),
  keyConcurrency: integer(1, MOST_U32),
  rate: isRate,
  keyRate: isRate,
  maxLength: integer(1, MOST),
  maxBytes: integer(1, MOST),
  overflow: oneOf('reject', 'dropOldest', 'wait'),
  maxMessageBytes: integer(1, 1024 * MIB),
  dedupWindow: integer(0, MOST),
  dedupMax: integer(0, MOST_U32),
}

const EXPONENTIAL = { type: 'exponential', delay: 1000, max: 300_000, jitter: 0.2 }

const QUEUE_DEFAULTS = {
  maxAttempts: 5,
  backoff: EXPONENTIAL,
  deadLetterExpired: false,
  keyConcurrency: 1,
  overflow: 'reject',
  maxMessageBytes: 16 * MIB,
  dedupWindow: 300_000,
  dedupMax: 1_000_000,
}

/** @type {Rule} */
const isBatch = (batch) => {
  const expected = 'an object { size, wait } of a number of messages, 1 to 10000, and of milliseconds'
  if (typeof batch !== 'object' || batch === null) return expected
  const { size, wait = 0, ...rest } = batch
  return integer(1, 10_000)(size) || isMillis(wait) || Object.keys(rest).length > 0 ? expected : undefined
}

/** @type {{ [name: string]: Rule }} */
const WORKER = {
  concurrency: integer(1, 100_000),
  prefetch: integer(0, 100_000),
  visibilityTimeout: integer(1, MOST),
  maxRunTime: integer(1, MOST),
  batch: isBatch,
  signal: (signal) => (typeof signal?.addEventListener === 'function' ? undefined : 'an AbortSignal'),
}

const WORKER_DEFAULTS = { concurrency: 1, prefetch: 0, visibilityTimeout: 30_000 }

/**
 * @param {unknown} options
 * @returns {Omit<import('../../native').NativeQueuesOptions, 'view'> & { tracing: boolean }}
 */
function openingOptions(options) {
  const given = check('createQueues', OPENING, options)
  const stores = [given.path !== undefined, given.memory === true, given.redis !== undefined].filter(Boolean)
  if (stores.length !== 1) {
    // Not what was given: a URL may hold a password.
    const got = given.redis === undefined ? options : Object.keys(given)
    throw wrong('createQueues', 'either { path: "a directory" } or { memory: true }, or { redis: "redis://…" }', got)
  }
  if (given.redis !== undefined) return redisOptions(given)
  for (const name of ['key', 'timeout']) {
    if (given[name] !== undefined) throw wrong('createQueues', `${name} with { redis } only`, given[name])
  }
  for (const name of ['durability', 'interval', 'segmentBytes']) {
    if (given.memory && given[name] !== undefined) throw wrong('createQueues', `no ${name} with { memory: true }`, given[name])
  }
  if (given.interval !== undefined && given.durability !== 'interval') {
    throw wrong('createQueues', 'interval with { durability: "interval" } only', given.durability)
  }
  const { durability = 'commit', interval = 1000, segmentBytes = 64 * MIB, tracing = true } = given
  // A later process.chdir() must not matter: the engine opens it on its own thread.
  return { ...NO_REDIS, path: given.path && path.resolve(given.path), durability, interval, segmentBytes, tracing }
}

/** @param {{ [name: string]: any }} given */
function redisOptions({ redis, key = 'socket.io-queues', timeout = 10_000, tracing = true, ...others }) {
  for (const name of ['durability', 'interval', 'segmentBytes']) {
    if (others[name] !== undefined) throw wrong('createQueues', `no ${name} with { redis }: Redis decides`, others[name])
  }
  // Braces would end the part of the keys by which a Redis Cluster finds their node.
  if (/[{}]/.test(key) || Buffer.byteLength(key) > 200) throw wrong('createQueues', 'a key of at most 200 bytes, without braces', key)
  const mistaken = ['sentinel', 'nodes'].find((name) => typeof redis === 'object' && name in redis)
  if (mistaken) throw wrong('createQueues', 'redis to be a URL, its parts, { sentinels, name } or { cluster: [urls] }', mistaken)
  let settings
  try {
    settings = redisOf(redis)
  } catch (error) {
    const { message } = /** @type {Error} */ (error)
    throw new QueueError('QUEUE_OPTION_INVALID', message.replaceAll('createAdapter', 'createQueues').replaceAll('cluster.redis', 'redis'))
  }
  return { ...NO_DISK, redis: JSON.stringify(settings), key, timeout, tracing }
}

const NO_REDIS = { redis: undefined, key: '', timeout: 0 }
const NO_DISK = { path: undefined, durability: 'commit', interval: 1000, segmentBytes: 64 * MIB }

/**
 * @param {string} name
 * @param {unknown} options
 * @returns {{ settings: object, backoff: Function | undefined }} the engine's settings, complete, and a backoff that is a function
 */
function queueOptions(name, options) {
  const { backoff = EXPONENTIAL, ...given } = check(`queue ${show(name)}`, QUEUE, options)
  const custom = typeof backoff === 'function' ? backoff : undefined
  return { settings: { ...QUEUE_DEFAULTS, ...given, backoff: custom ? EXPONENTIAL : backoffSettings(backoff) }, backoff: custom }
}

/** @param {any} backoff */
function backoffSettings(backoff) {
  if (typeof backoff === 'number') return { type: 'fixed', delay: Math.ceil(backoff), jitter: 0 }
  const { type, delay, max = 300_000, jitter = 0 } = backoff
  return { type, delay: Math.ceil(delay), ...(type === 'exponential' && { max: Math.ceil(max) }), jitter }
}

/**
 * @param {string} queue
 * @param {unknown} handler
 * @param {unknown} options
 * @returns {import('./worker').WorkerSettings}
 */
function workerOptions(queue, handler, options) {
  const where = `queue ${show(queue)}, consume`
  const expected = isFunction(handler)
  if (expected) throw wrong(where, `${expected} that processes a message`, handler)
  const { batch, ...given } = check(where, WORKER, options)
  if (given.maxRunTime !== undefined && given.prefetch > 0) {
    // Its time would run while it waits for the handler.
    throw wrong(where, 'no prefetch with maxRunTime', given.prefetch)
  }
  return { ...WORKER_DEFAULTS, ...given, batch: batch && { size: batch.size, wait: Math.ceil(batch.wait ?? 0) } }
}

module.exports = { openingOptions, queueOptions, workerOptions }
