// @ts-check
'use strict'

/** The event of an emit as a payload: JSON text, or bytes when there are bytes in it. */

const parts = require('../queues/parts')
const { QueueError } = require('../queues/errors')

/**
 * What is emitted.
 * @typedef {{ event: string, args: any[] }} Content
 */

/**
 * May call the app's `toJSON()`.
 * @param {Content} content
 * @returns {string | Buffer}
 */
function pack({ event, args }) {
  try {
    return /** @type {string | Buffer} */ (parts.pack([event, ...args]))
  } catch (cause) {
    throw new QueueError('QUEUE_PAYLOAD_INVALID', `durable emit: expected bytes and what JSON can hold: ${String(cause)}`, { cause })
  }
}

/**
 * @param {string | Buffer} payload as `pack()` made it
 * @returns {Content} bytes are views
 */
function unpack(payload) {
  const [event, ...args] = typeof payload === 'string' ? JSON.parse(payload) : parts.unpack(payload)
  return { event, args }
}

/**
 * A payload that `unpack()` takes, as JSON with one argument more.
 * @param {unknown} payload
 * @param {object} argument
 * @returns {string | undefined} undefined: there are bytes in it
 */
function jsonWith(payload, argument) {
  if (typeof payload !== 'string' || !payload.startsWith('["') || !payload.endsWith(']')) return undefined
  return `${payload.slice(0, -1)},${JSON.stringify(argument)}]`
}

module.exports = { jsonWith, pack, unpack }
