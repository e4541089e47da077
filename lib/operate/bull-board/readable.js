// @ts-check
'use strict'

/** Bytes that are shown of a binary payload. */
const MOST_BYTES = 1024
const LINE = 16

/**
 * A payload for people: bytes as a dump, whatever else as it is.
 * @param {any} payload
 * @returns {any}
 */
function readable(payload) {
  if (payload === undefined) return null
  if (!Buffer.isBuffer(payload)) return payload
  const shown = payload.subarray(0, MOST_BYTES)
  const text = textOf(payload)
  return { bytes: payload.length, ...(text !== undefined && { text }), hex: dump(shown), ...(shown.length < payload.length && { shown: shown.length }) }
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
