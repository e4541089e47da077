// @ts-check
'use strict'

const { NativeAdapterError } = require('../errors')

/** @typedef {import('../..').QueueErrorCode} Code */

/** What went wrong in a queue: `code` tells. */
class QueueError extends NativeAdapterError {}

/** The queue or the store is full: `QUEUE_FULL`, `QUEUE_DISK_FULL`, `QUEUE_REDIS_FULL`. */
class QueueFullError extends QueueError {}

/** What was settled or extended is not held any more (`QUEUE_LEASE_ENDED`). */
class LeaseEndedError extends QueueError {}

/** A request got no answer: `QUEUE_REQUEST_TIMEOUT`, `QUEUE_REQUEST_FAILED`. */
class RequestError extends QueueError {}

/** @type {Partial<Record<Code, typeof QueueError>>} */
const CLASSES = {
  QUEUE_FULL: QueueFullError,
  QUEUE_DISK_FULL: QueueFullError,
  QUEUE_REDIS_FULL: QueueFullError,
  QUEUE_LEASE_ENDED: LeaseEndedError,
  QUEUE_REQUEST_TIMEOUT: RequestError,
  QUEUE_REQUEST_FAILED: RequestError,
}

/** What to do, behind what the engine says. @type {Partial<Record<Code, string>>} */
const ADVICE = {
  QUEUE_FULL: 'send later, raise maxLength or maxBytes, or choose the policy "dropOldest" or "wait"',
  QUEUE_DISK_FULL: 'free space on it; sends work again then, consumers go on meanwhile',
  QUEUE_LEASE_ENDED: 'the message was settled before, or maxRunTime has passed; this had no effect',
  QUEUE_MESSAGE_TOO_LARGE: 'raise maxMessageBytes, or store the content elsewhere and send where it is',
  QUEUE_MESSAGE_HELD: 'wait until it is settled',
  QUEUE_LOCKED: 'end that process, or give each process a directory of its own',
  QUEUE_CLOSED: 'createQueues() opens them again',
  QUEUE_FORMAT_NEWER: 'use the version of this package that wrote it, or a later one',
}

/**
 * @param {Code} code
 * @param {string} message
 * @returns {QueueError}
 */
function queueError(code, message) {
  const advice = ADVICE[code]
  return new (CLASSES[code] ?? QueueError)(code, advice ? `${message}: ${advice}` : message)
}

/** @param {string} [doing] */
function closedError(doing) {
  return queueError('QUEUE_CLOSED', doing ? `${doing}: the queues are closed` : 'the queues are closed')
}

/** Tells of an error that nobody waits for or listens to. @param {any} error */
function warn(error) {
  // Not the error itself: Node.js does not know one of another realm (Jest) as such.
  process.emitWarning(String(error?.message ?? error), { type: error?.name, code: error?.code, detail: error?.stack })
}

module.exports = { QueueError, QueueFullError, LeaseEndedError, RequestError, closedError, queueError, warn }
