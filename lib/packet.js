// @ts-check
'use strict'

/**
 * Packets on their way from Socket.IO's parser to the engine.
 */

const { isOriginal } = require('./originals')

/** The type of an event packet, in all versions of socket.io-parser for Socket.IO 4. */
const EVENT = 2

/** What socket.io-parser's own encoder does, in a fraction of the time, where that is known to be the same. */
class PlainEncoder {
  #encoder
  /** Methods that were found to be the original ones. @type {Function | undefined} */
  #encode
  /** @type {Function | undefined} */
  #encodeAsString

  /** @param {any} encoder of the Socket.IO server */
  constructor(encoder) {
    this.#encoder = encoder
  }

  /**
   * The text of an event whose data is plain. The encoder looks for binary data with several checks for each value, which the
   * usual ones (texts, numbers, arrays and objects without a class) do not need.
   * @param {any} packet
   * @returns {string | null} null for everything else: another parser, a patched one, or data that it has to look at
   */
  encode({ type, nsp, id, data }) {
    const encoder = this.#encoder
    const known = encoder.encode === this.#encode && encoder.encodeAsString === this.#encodeAsString
    if (type !== EVENT || !(known || this.#isOriginal()) || !isPlain(data)) return null
    const head = nsp === '/' || !nsp ? '2' : `2${nsp},`
    return head + (id ?? '') + JSON.stringify(data, encoder.replacer)
  }

  /** Whether other threads can do what the encoder does, for all data. */
  isStandard() {
    return this.#isOriginal() && this.#encoder.replacer === undefined
  }

  #isOriginal() {
    const { encode, encodeAsString } = this.#encoder
    if (!isOriginal(encode, /\bhasBinary\b/) || !isOriginal(encodeAsString, /attachments/)) return false
    this.#encode = encode
    this.#encodeAsString = encodeAsString
    return true
  }
}

/**
 * Whether a value holds nothing but texts, numbers and the like, arrays, and objects without a class.
 * @param {unknown} value
 * @returns {boolean}
 */
function isPlain(value) {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isPlain(value[i])) return false
    return true
  }
  const prototype = Object.getPrototypeOf(value)
  if ((prototype !== Object.prototype && prototype !== null) || 'toJSON' in value) return false
  for (const key in value) if (!isPlain(/** @type {any} */ (value)[key])) return false
  return true
}

/**
 * What an encoder made of a packet, or its text, as the engine takes it: a text, then attachments; or one binary message (msgpack).
 *
 * @param {unknown} encoded
 * @returns {{ text: string | null, attachments: Buffer[] | null } | null} null for anything else: it goes the stock way
 */
function splitPacket(encoded) {
  if (typeof encoded === 'string') return { text: encoded, attachments: null }
  if (!Array.isArray(encoded) || encoded.length === 0) return null
  const first = encoded[0]
  if (typeof first === 'string' && encoded.length === 1) return { text: first, attachments: null }
  const binaries = typeof first === 'string' ? encoded.slice(1) : encoded
  const attachments = binaries.map(toBuffer)
  if (attachments.includes(null)) return null
  return { text: typeof first === 'string' ? first : null, attachments: /** @type {Buffer[]} */ (attachments) }
}

/** @param {unknown} part @returns {Buffer | null} the same memory; null when it is not binary */
function toBuffer(part) {
  if (Buffer.isBuffer(part)) return part
  if (part instanceof ArrayBuffer) return Buffer.from(part)
  if (ArrayBuffer.isView(part)) return Buffer.from(part.buffer, part.byteOffset, part.byteLength)
  return null
}

module.exports = { PlainEncoder, isPlain, splitPacket }
