// @ts-check
'use strict'

/**
 * A value with bytes in it as bytes: the length of the head (u32, little endian), the head (JSON `{ mark, lengths, json }`), and the parts one
 * after another. In `json` a part is the text `mark` and its number.
 */

const { randomBytes } = require('node:crypto')
const { types } = require('node:util')

/** Deeper than this nobody looks for bytes: such a value is packed. */
const DEPTH = 64

/** @param {unknown} value @returns {value is ArrayBufferView | ArrayBufferLike} */
function isBytes(value) {
  return typeof value === 'object' && value !== null && (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value))
}

/** @param {ArrayBufferView | ArrayBufferLike} bytes @returns {Uint8Array} a view */
function viewOf(bytes) {
  if (bytes instanceof Uint8Array) return bytes
  if (!ArrayBuffer.isView(bytes)) return new Uint8Array(bytes)
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * Whether there may be bytes in what JSON can hold (so it is a tree).
 * @param {any} value
 * @param {number} [depth]
 * @returns {boolean}
 */
function mayHoldBytes(value, depth = DEPTH) {
  if (typeof value !== 'object' || value === null) return false
  if (depth === 0 || isBytes(value)) return true
  if (Array.isArray(value)) return value.some((item) => mayHoldBytes(item, depth - 1))
  for (const key in value) if (mayHoldBytes(value[key], depth - 1)) return true
  return false
}

/**
 * May call the app's `toJSON()`, and throws what that throws.
 * @param {unknown} value
 * @returns {string | Buffer | undefined} JSON when there are no bytes in it; `undefined` for what JSON cannot hold
 */
function pack(value) {
  /** @type {Uint8Array[]} */
  const parts = []
  let mark = ''
  /** @this {any} @param {string} key @param {unknown} item */
  const replace = function (key, item) {
    // Not `item`: a Buffer has a toJSON().
    const bytes = this[key]
    if (!isBytes(bytes)) return item
    // Nobody can have put this text into the data before.
    mark ||= randomBytes(12).toString('base64')
    return mark + (parts.push(viewOf(bytes)) - 1)
  }
  const json = JSON.stringify(value, replace)
  if (parts.length === 0) return json
  const head = Buffer.from(JSON.stringify({ mark, lengths: parts.map((part) => part.length), json }))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(head.length)
  return Buffer.concat([length, head, ...parts])
}

/**
 * @param {Buffer} packed as `pack()` made it
 * @returns {any} parts are views of `packed`
 */
function unpack(packed) {
  let at = 4 + packed.readUInt32LE(0)
  const { mark, lengths, json } = JSON.parse(packed.toString('utf8', 4, at))
  const parts = lengths.map((/** @type {number} */ length) => packed.subarray(at, (at += length)))
  return JSON.parse(json, (_, value) =>
    typeof value === 'string' && value.startsWith(mark) ? parts[Number(value.slice(mark.length))] : value,
  )
}

module.exports = { isBytes, mayHoldBytes, pack, unpack, viewOf }
