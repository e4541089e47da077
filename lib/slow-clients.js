// @ts-check
'use strict'

/**
 * For clients that do not keep up: what waits for them, and emits of which only the newest waits.
 */

const { NativeAdapter } = require('./adapter')
const { InvalidOptionError } = require('./errors')

/**
 * @param {any} target
 * @param {string} key
 */
function conflate(target, key) {
  if (typeof key !== 'string' || key === '') {
    throw new InvalidOptionError(`conflate: expected the key to be a text that is not empty, got ${typeof key}`)
  }
  // A socket's own broadcast methods leave it out: it is meant by its own room.
  const from = target?.nsp && target.id ? target.nsp.to(target.id) : target
  if (typeof from?.except !== 'function') {
    throw new InvalidOptionError('conflate: expected io, a namespace, a socket or io.to(...), got something else')
  }
  const operator = from.except([])
  operator.flags = { ...operator.flags, conflate: key }
  return operator
}

/** @param {any} socket @returns {number} */
function bufferedBytes(socket) {
  const adapter = socket?.nsp?.adapter
  const inEngine = adapter instanceof NativeAdapter ? adapter.bufferedBytes(socket) : 0
  return inEngine + (socket?.conn?.transport?.socket?._socket?.writableLength ?? 0)
}

module.exports = { bufferedBytes, conflate }
