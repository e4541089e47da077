// @ts-check
'use strict'

const { decode } = require('./msgpack')

/** JSON or MessagePack, told apart by the first byte. @param {Buffer} payload @returns {any} undefined when it cannot be read */
function readMessage(payload) {
  try {
    return payload[0] === 0x7b ? JSON.parse(payload.toString()) : decode(payload)
  } catch {
    return undefined
  }
}

module.exports = { readMessage }
