// @ts-check
'use strict'

const { mayHoldBytes } = require('../../queues/parts')

/** Bytes that are shown of a binary payload, or of each in a payload. */
const MOST_BYTES = 1024
const LINE = 16
/** Bytes further down in a payload are shown as JSON has them. */
const DEPTH = 64

/**
 * A payload for people: bytes as a dump, whatever else as it is.
 * @param {any} payload
 * @returns {any}
 */
function readable(payload) {
  if (payload === undefined) return null
  return mayHoldBytes(payload) ? shown(payload, DEPTH) : payload
}

/** @param {any} value @param {number} depth @returns {any} */
function shown(value, depth) {
  if (Buffer.isBuffer(value)) return shownBytes(value)
  if (typeof value !== 'object' || value === null || depth === 0) return value
  if (Array.isArray(value)) return value.map((item) => shown(item, depth - 1))
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shown(inner, depth - 1)]))
}

/** @param {Buffer} payload */
function shownBytes(payload) {
  const first = payload.subarray(0, MOST_BYTES)
  const text = textOf(payload)
  return { bytes: payload.length, ...(text !== undefined && { text }), hex: dump(first), ...(first.length < payload.length && { shown: first.length }) }
}

/** If it is one. @param {Buffer} bytes */
function textOf(bytes) {
  if (bytes.length === 0 || bytes.length > MOST_BYTES) return undefined
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return /[\x00-\x08\x0e-\x1f\x7f]/.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

/** @param {Buffer} bytes @returns {string[]} lines of an offset, 16 bytes, and the characters they are */
function dump(bytes) {
  const lines = []
  for (let at = 0; at < bytes.length; at += LINE) {
    const line = bytes.subarray(at, at + LINE)
    const hex = line.toString('hex').replace(/..(?=.)/g, '$& ')
    const characters = line.toString('latin1').replace(/[^\x20-\x7e]/g, '.')
    lines.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(LINE * 3 - 1)}  ${characters}`)
  }
  return lines
}

module.exports = { readable }
