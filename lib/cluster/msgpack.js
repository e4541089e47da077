// @ts-check
'use strict'

/**
 * MessagePack for what the engine does not encode itself: binary data, dates, and classes with `toJSON`. In the forms that the
 * JavaScript adapter's notepack writes and reads.
 */

/** Deeper values are refused: what is on the wire must not exhaust the stack. */
const DEEPEST = 512
const WORD = 2 ** 32

class Writer {
  #buffer = Buffer.allocUnsafe(1024)
  #length = 0

  get bytes() {
    return Buffer.from(this.#buffer.subarray(0, this.#length))
  }

  /** @param {number} size @returns {number} where there is room for so many bytes */
  #room(size) {
    const at = this.#length
    this.#length += size
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(this.#length * 2)
      this.#buffer.copy(larger, 0, 0, at)
      this.#buffer = larger
    }
    return at
  }

  /** @param {number} byte */
  byte(byte) {
    const at = this.#room(1)
    this.#buffer[at] = byte
  }

  /** @param {number} code @param {number} bytes @param {number} value an unsigned number of so many bytes */
  sized(code, bytes, value) {
    this.byte(code)
    const at = this.#room(bytes)
    this.#buffer.writeUIntBE(value, at, bytes)
  }

  /** @param {number} value */
  float(value) {
    this.byte(0xcb)
    const at = this.#room(8)
    this.#buffer.writeDoubleBE(value, at)
  }

  /** @param {bigint} value */
  long(value) {
    const at = this.#room(8)
    this.#buffer.writeBigInt64BE(value, at)
  }

  /** @param {number} value an unsigned number of four bytes */
  long4(value) {
    const at = this.#room(4)
    this.#buffer.writeUInt32BE(value, at)
  }

  /** @param {string} text */
  text(text) {
    const length = Buffer.byteLength(text)
    if (length < 32) this.byte(0xa0 | length)
    else this.length([0xd9, 0xda, 0xdb], length)
    const at = this.#room(length)
    this.#buffer.write(text, at)
  }

  /** @param {Uint8Array} bytes */
  binary(bytes) {
    this.length([0xc4, 0xc5, 0xc6], bytes.length)
    const at = this.#room(bytes.length)
    this.#buffer.set(bytes, at)
  }

  /** @param {number[]} codes for lengths of one, two and four bytes @param {number} length */
  length([one, two, four], length) {
    if (length < 0x100 && one) this.sized(one, 1, length)
    else if (length < 0x10000) this.sized(two, 2, length)
    else this.sized(four, 4, length)
  }
}

/**
 * @param {unknown} value
 * @returns {Buffer}
 */
function encode(value) {
  const writer = new Writer()
  write(writer, value, 0)
  return writer.bytes
}

/**
 * @param {Writer} writer
 * @param {any} value
 * @param {number} depth
 * @returns {void}
 */
function write(writer, value, depth) {
  if (depth > DEEPEST) throw new RangeError(`expected data of at most ${DEEPEST} levels, got more`)
  if (value === null || value === undefined || typeof value === 'function' || typeof value === 'symbol') {
    return writer.byte(0xc0)
  }
  if (typeof value === 'string') return writer.text(value)
  if (typeof value === 'boolean') return writer.byte(value ? 0xc3 : 0xc2)
  if (typeof value === 'number') return writeNumber(writer, value)
  if (typeof value === 'bigint') throw new TypeError('expected data that JSON has, got a BigInt')
  if (Array.isArray(value)) {
    if (value.length < 16) writer.byte(0x90 | value.length)
    else writer.length([0, 0xdc, 0xdd], value.length)
    for (const element of value) write(writer, element, depth + 1)
    return
  }
  if (value instanceof Date) return writeDate(writer, value)
  const bytes = asBytes(value)
  if (bytes) return writer.binary(bytes)
  if (typeof value.toJSON === 'function') return write(writer, value.toJSON(), depth + 1)
  const keys = Object.keys(value).filter((key) => value[key] !== undefined && typeof value[key] !== 'function')
  if (keys.length < 16) writer.byte(0x80 | keys.length)
  else writer.length([0, 0xde, 0xdf], keys.length)
  for (const key of keys) {
    writer.text(key)
    write(writer, value[key], depth + 1)
  }
}

/** @param {unknown} value @returns {Uint8Array | undefined} */
function asBytes(value) {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined
}

/** @param {Writer} writer @param {number} value */
function writeNumber(writer, value) {
  if (!Number.isSafeInteger(value)) return writer.float(value)
  if (value >= 0) {
    if (value < 0x80) return writer.byte(value)
    if (value < 0x100) return writer.sized(0xcc, 1, value)
    if (value < 0x10000) return writer.sized(0xcd, 2, value)
    if (value < WORD) return writer.sized(0xce, 4, value)
    writer.byte(0xcf)
    return writer.long(BigInt(value))
  }
  if (value >= -0x20) return writer.byte(value & 0xff)
  if (value >= -0x80) return writer.sized(0xd0, 1, value & 0xff)
  if (value >= -0x8000) return writer.sized(0xd1, 2, value & 0xffff)
  if (value >= -0x80000000) return writer.sized(0xd2, 4, value >>> 0)
  writer.byte(0xd3)
  writer.long(BigInt(value))
}

/** @param {Writer} writer @param {Date} date */
function writeDate(writer, date) {
  const milliseconds = date.getTime()
  if (Number.isNaN(milliseconds)) return writer.byte(0xc0)
  const seconds = Math.floor(milliseconds / 1000)
  const nanoseconds = (milliseconds - seconds * 1000) * 1e6
  if (seconds >= 0 && nanoseconds === 0 && seconds < WORD) {
    writer.sized(0xd6, 1, 0xff)
    return writer.long4(seconds)
  }
  if (seconds >= 0 && seconds < 2 ** 34) {
    writer.sized(0xd7, 1, 0xff)
    return writer.long(BigInt.asIntN(64, (BigInt(nanoseconds) << 34n) | BigInt(seconds)))
  }
  writer.sized(0xc7, 2, 0x0cff)
  writer.long4(nanoseconds)
  writer.long(BigInt(seconds))
}

/** Reads one value; throws on what is not MessagePack. */
class Reader {
  #bytes
  #at = 0

  /** @param {Buffer} bytes */
  constructor(bytes) {
    this.#bytes = bytes
  }

  /** @param {number} bytes @returns {number} unsigned */
  #number(bytes) {
    const value = this.#bytes.readUIntBE(this.#at, bytes)
    this.#at += bytes
    return value
  }

  /** @param {number} length */
  #take(length) {
    if (this.#at + length > this.#bytes.length) throw new RangeError('expected more bytes, got the end')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** @param {number} length @param {number} depth */
  #array(length, depth) {
    const array = []
    for (let i = 0; i < length; i++) array.push(this.value(depth + 1))
    return array
  }

  /** @param {number} length @param {number} depth */
  #map(length, depth) {
    /** @type {Record<string, unknown>} */
    const map = {}
    for (let i = 0; i < length; i++) {
      const key = String(this.value(depth + 1))
      const value = this.value(depth + 1)
      if (key !== '__proto__') map[key] = value
    }
    return map
  }

  /** @param {number} length */
  #extension(length) {
    const type = this.#bytes.readInt8(this.#at++)
    const data = this.#take(length)
    if (type === -1) return new Date(timestamp(data))
    if (type !== 0) return [type, Buffer.from(data)]
    if (length === 1) return undefined
    return length === 8 ? new Date(Number(data.readBigInt64BE())) : new Uint8Array(data).buffer
  }

  /**
   * @param {number} depth
   * @returns {unknown}
   */
  value(depth = 0) {
    if (depth > DEEPEST) throw new RangeError(`expected data of at most ${DEEPEST} levels, got more`)
    const code = this.#number(1)
    if (code < 0x80) return code
    if (code < 0x90) return this.#map(code & 15, depth)
    if (code < 0xa0) return this.#array(code & 15, depth)
    if (code < 0xc0) return this.#take(code & 31).toString()
    if (code >= 0xe0) return code - 0x100
    if (code >= 0xc4 && code <= 0xc6) return Buffer.from(this.#take(this.#number(1 << (code - 0xc4))))
    if (code >= 0xc7 && code <= 0xc9) return this.#extension(this.#number(1 << (code - 0xc7)))
    if (code >= 0xcc && code <= 0xce) return this.#number(1 << (code - 0xcc))
    if (code >= 0xd4 && code <= 0xd8) return this.#extension(1 << (code - 0xd4))
    if (code >= 0xd9 && code <= 0xdb) return this.#take(this.#number(1 << (code - 0xd9))).toString()
    switch (code) {
      case 0xc0:
        return null
      case 0xc2:
      case 0xc3:
        return code === 0xc3
      case 0xca:
        return this.#take(4).readFloatBE()
      case 0xcb:
        return this.#take(8).readDoubleBE()
      case 0xcf:
        return Number(this.#take(8).readBigUInt64BE())
      case 0xd0:
        return this.#take(1).readInt8()
      case 0xd1:
        return this.#take(2).readInt16BE()
      case 0xd2:
        return this.#take(4).readInt32BE()
      case 0xd3:
        return Number(this.#take(8).readBigInt64BE())
      case 0xdc:
      case 0xdd:
        return this.#array(this.#number(code === 0xdc ? 2 : 4), depth)
      case 0xde:
      case 0xdf:
        return this.#map(this.#number(code === 0xde ? 2 : 4), depth)
      default:
        throw new RangeError(`expected MessagePack, got the byte ${code}`)
    }
  }
}

/** @param {Buffer} data of the timestamp extension @returns {number} ms */
function timestamp(data) {
  if (data.length === 4) return data.readUInt32BE() * 1000
  if (data.length === 8) {
    const both = data.readBigUInt64BE()
    return Number(both & 0x3ffffffffn) * 1000 + Number(both >> 34n) / 1e6
  }
  return data.length === 12 ? Number(data.readBigInt64BE(4)) * 1000 + data.readUInt32BE() / 1e6 : NaN
}

/**
 * @param {Buffer} bytes
 * @returns {unknown}
 */
function decode(bytes) {
  return new Reader(bytes).value()
}

module.exports = { decode, encode }
