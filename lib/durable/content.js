// @ts-check
'use strict'

/** The event of an emit as a payload: JSON text, or with bytes in it: the texts' length, the JSON, and the bytes one after another. */

const { randomBytes } = require('node:crypto')
const { types } = require('node:util')
const { QueueError } = require('../queues/errors')

/**
 * What is emitted.
 * @typedef {{ event: string, args: any[] }} Content
 */

/** @param {unknown} value @returns {Uint8Array | undefined} */
function bytesOf(value) {
  if (typeof value !== 'object' || value === null) return undefined
  if (value instanceof Uint8Array) return value
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return types.isAnyArrayBuffer(value) ? new Uint8Array(value) : undefined
}

/**
 * May call the app's `toJSON()`.
 * @param {Content} content
 * @returns {string | Buffer}
 */
function pack({ event, args }) {
  /** @type {Uint8Array[]} */
  const parts = []
  let mark = ''
  /** @this {any} @param {string} key @param {unknown} value */
  const replace = function (key, value) {
    const bytes = bytesOf(this[key])
    if (bytes === undefined) return value
    // Nobody can have put this text into the data before.
    mark ||= randomBytes(12).toString('base64')
    return mark + (parts.push(bytes) - 1)
  }
  let json
  try {
    json = JSON.stringify([event, ...args], replace)
  } catch (cause) {
    throw new QueueError('QUEUE_PAYLOAD_INVALID', `durable emit: expected bytes and what JSON can hold: ${String(cause)}`, { cause })
  }
  if (parts.length === 0) return json
  const head = Buffer.from(JSON.stringify({ mark, lengths: parts.map((part) => part.length), json }))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(head.length)
  return Buffer.concat([length, head, ...parts])
}

/**
 * @param {string | Buffer} payload as `pack()` made it
 * @returns {Content} bytes are views
 */
function unpack(payload) {
  if (typeof payload === 'string') {
    const [event, ...args] = JSON.parse(payload)
    return { event, args }
  }
  let at = 4 + payload.readUInt32LE(0)
  const { mark, lengths, json } = JSON.parse(payload.toString('utf8', 4, at))
  const parts = lengths.map((/** @type {number} */ length) => payload.subarray(at, (at += length)))
  const [event, ...args] = JSON.parse(json, (_, value) =>
    typeof value === 'string' && value.startsWith(mark) ? parts[Number(value.slice(mark.length))] : value,
  )
  return { event, args }
}

module.exports = { pack, unpack }
