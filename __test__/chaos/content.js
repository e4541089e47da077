'use strict'

/** Texts and bytes that say which packet they belong to, at each of their places: see `bench/loadgen/src/chaos/packet.rs`. */

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const PERIOD = 251
const MOST = 256 * 1024

const TEXT = Buffer.from(LETTERS.repeat(MOST / LETTERS.length + 1)).toString()
const BYTES = Buffer.from({ length: MOST + PERIOD }, 0).map((_, i) => i % PERIOD)

const textOf = (number, size) => TEXT.slice(number % 64, (number % 64) + size)
const bytesOf = (number, size) => BYTES.subarray(number % PERIOD, (number % PERIOD) + size)

/** Text, sizes and attachments of a packet, as the arguments of an event. */
function contentOf(number, size, sizes) {
  return [textOf(number, size), sizes, ...sizes.map((bytes, i) => bytesOf(number + i, bytes))]
}

module.exports = { contentOf }
