// @ts-check
'use strict'

/**
 * WebSocket frames as they are on the wire, without the `ws` package: what a server wrote is read strictly, so that one stray
 * byte fails the test that reads it.
 */

const { randomBytes } = require('node:crypto')

const OP = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 }

/** @typedef {{ opcode: number, payload: Buffer }} Frame */

/**
 * A frame of a client, or with `mask: false` one of a server.
 * @param {number} opcode
 * @param {Buffer | string} [payload]
 * @param {{ mask?: boolean, fin?: boolean, rsv?: number }} [options]
 */
function encodeFrame(opcode, payload = '', { mask = true, fin = true, rsv = 0 } = {}) {
  const data = Buffer.from(payload)
  const length = encodeLength(data.length)
  length[0] |= mask ? 0x80 : 0
  const first = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode])
  if (!mask) return Buffer.concat([first, length, data])
  const key = randomBytes(4)
  for (let i = 0; i < data.length; i++) data[i] ^= key[i & 3]
  return Buffer.concat([first, length, key, data])
}

/** @param {number} length @returns {Buffer} in the shortest form */
function encodeLength(length) {
  if (length < 126) return Buffer.from([length])
  const bytes = Buffer.alloc(length < 65536 ? 3 : 9)
  bytes[0] = length < 65536 ? 126 : 127
  if (length < 65536) bytes.writeUInt16BE(length, 1)
  else bytes.writeBigUInt64BE(BigInt(length), 1)
  return bytes
}

/** Cuts the bytes of a server into frames. Throws at what no server of ours may write. */
class FrameReader {
  /** @type {Buffer[]} */
  #chunks = []
  #length = 0
  /** How many bytes there must be before it is worth looking. */
  #wanted = 2

  /** Bytes of a frame that has not ended. */
  get rest() {
    return this.#length
  }

  /** @param {Buffer} chunk @returns {Frame[]} */
  push(chunk) {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    if (this.#length < this.#wanted) return []
    let bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    const frames = []
    for (;;) {
      const end = endOfFrame(bytes)
      this.#wanted = end
      if (bytes.length < end) break
      frames.push(decodeFrame(bytes.subarray(0, end)))
      bytes = bytes.subarray(end)
    }
    this.#chunks = bytes.length > 0 ? [bytes] : []
    this.#length = bytes.length
    return frames
  }
}

/** @param {Buffer} bytes @returns {number} where the first frame ends; where its head does, when that is not there yet */
function endOfFrame(bytes) {
  if (bytes.length < 2) return 2
  const short = bytes[1] & 0x7f
  const head = short < 126 ? 2 : short === 126 ? 4 : 10
  if (bytes.length < head) return head
  return head + payloadLength(bytes)
}

/** @param {Buffer} bytes that hold a frame's head */
function payloadLength(bytes) {
  const short = bytes[1] & 0x7f
  if (short < 126) return short
  return short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
}

/** @param {Buffer} bytes exactly one frame @returns {Frame} */
function decodeFrame(bytes) {
  const opcode = bytes[0] & 0x0f
  const payload = bytes.subarray(bytes.length - payloadLength(bytes))
  const expected = encodeFrame(opcode, '', { mask: false })[0]
  const shortest = encodeLength(payload.length)
  const known = Object.values(OP).includes(opcode) && opcode !== OP.CONTINUATION
  if (!known || bytes[0] !== expected || !bytes.subarray(1, 1 + shortest.length).equals(shortest)) {
    throw new Error(`expected a whole frame of a server, got ${bytes.subarray(0, 32).toString('hex')}`)
  }
  return { opcode, payload: Buffer.from(payload) }
}

module.exports = { FrameReader, OP, encodeFrame }
