// @ts-check
'use strict'

/**
 * Payloads, results and headers as bytes. What they were is a number that is kept with them.
 */

const { inspect, types } = require('node:util')
const { QueueError } = require('./errors')
const { isBytes, mayHoldBytes, pack, unpack, viewOf } = require('./parts')

/** `PARTS`: what JSON can hold, with bytes in it. */
const CONTENT = { BYTES: 0, TEXT: 1, JSON: 2, NOTHING: 3, PARTS: 4 }

/**
 * A value as it is stored.
 * @typedef {{ content: number, body: string | Uint8Array }} Encoded
 */

/**
 * May call the app's `toJSON()`.
 * @param {unknown} value
 * @returns {Encoded}
 */
function encode(value) {
  if (typeof value === 'string') return { content: CONTENT.TEXT, body: value }
  if (value === undefined) return { content: CONTENT.NOTHING, body: '' }
  if (isBytes(value)) return { content: CONTENT.BYTES, body: viewOf(value) }
  let text
  try {
    text = JSON.stringify(value)
    const packed = mayHoldBytes(value) ? pack(value) : text
    if (typeof packed === 'object') return { content: CONTENT.PARTS, body: packed }
  } catch (cause) {
    throw new QueueError('QUEUE_PAYLOAD_INVALID', `expected bytes and what JSON can hold: ${String(cause)}`, { cause })
  }
  if (text !== undefined) return { content: CONTENT.JSON, body: text }
  throw new QueueError('QUEUE_PAYLOAD_INVALID', `expected bytes, a text, or something that JSON can hold, got ${inspect(value)}`)
}

/**
 * @param {number} content
 * @param {Buffer} bytes
 * @param {number} start
 * @param {number} end
 * @param {boolean} [ascii] each byte is a character
 * @returns {any} bytes stay views of `bytes`
 */
function decode(content, bytes, start, end, ascii = false) {
  if (content === CONTENT.BYTES) return bytes.subarray(start, end)
  if (content === CONTENT.NOTHING) return undefined
  if (content === CONTENT.PARTS) return unpack(bytes.subarray(start, end))
  const text = ascii ? bytes.toString('latin1', start, end) : bytes.toString('utf8', start, end)
  return content === CONTENT.JSON ? JSON.parse(text) : text
}

/**
 * A result or progress: its content is its first byte, and nothing is nothing.
 * @param {Buffer} bytes
 * @returns {any}
 */
function decodeTagged(bytes) {
  return bytes.length === 0 ? undefined : decode(bytes[0], bytes, 1, bytes.length)
}

/**
 * What is kept of what a handler threw.
 * @param {unknown} error
 * @returns {string}
 */
function errorText(error) {
  if (!types.isNativeError(error) && !(error instanceof Error)) return typeof error === 'string' ? error : inspect(error)
  try {
    return String(error)
  } catch {
    return 'Error'
  }
}

module.exports = { CONTENT, decode, decodeTagged, encode, errorText }
