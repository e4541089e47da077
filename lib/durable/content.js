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

module.exports = { pack, unpack }
