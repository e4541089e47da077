// @ts-check
'use strict'

/**
 * Payloads, results and headers as bytes. What they were is a number that is kept with them.
 */

const { inspect, types } = require('node:util')
const { QueueError } = require('./errors')

const CONTENT = { BYTES: 0, TEXT: 1, JSON: 2, NOTHING: 3 }

/** @param {unknown} value @returns {number} */
function contentOf(value) {
  if (typeof value === 'string') return CONTENT.TEXT
  if (value === undefined) return CONTENT.NOTHING
  const bytes = typeof value === 'object' && value !== null && (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value))
  return bytes ? CONTENT.BYTES : CONTENT.JSON
}

/**
 * May call the app's `toJSON()`.
 * @param {unknown} value
 * @param {number} content what it is
 * @returns {string | Uint8Array}
 */
function encode(value, content) {
  if (content === CONTENT.JSON) return json(value)
  if (content === CONTENT.TEXT) return /** @type {string} */ (value)
  if (content === CONTENT.NOTHING) return ''
  if (value instanceof Uint8Array) return value
  if (!ArrayBuffer.isView(value)) return new Uint8Array(/** @type {ArrayBuffer} */ (value))
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}

/** @param {unknown} value @returns {string} */
function json(value) {
  let text
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw new QueueError('QUEUE_PAYLOAD_INVALID', `expected something that JSON can hold: ${String(cause)}`, { cause })
  }
  if (text !== undefined) return text
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

module.exports = { CONTENT, contentOf, decode, decodeTagged, encode, errorText }
