// @ts-check
'use strict'

/**
 * What an encoder made of a packet, as the engine takes it: a text, then attachments; or one binary message (msgpack).
 *
 * @param {unknown} encoded
 * @returns {{ text: string | null, attachments: Buffer[] | null } | null} null for anything else: it goes the stock way
 */
function splitPacket(encoded) {
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

module.exports = { splitPacket }
