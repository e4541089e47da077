// @ts-check
'use strict'

/**
 * Emits a message to one socket.
 * @param {any} socket
 * @param {string} event
 * @param {import('../message').Message} message
 * @param {(answer: unknown) => void} onAnswer at most once
 * @returns {() => void} makes Socket.IO forget that an answer is expected
 */
function emitTo(socket, event, message, onAnswer) {
  // The number that Socket.IO gives it.
  const number = socket.nsp._ids
  socket.emit(event, message.payload, metaOf(message), onAnswer)
  return () => {
    if (socket.acks?.get(number) === onAnswer) socket.acks.delete(number)
  }
}

/** @param {import('../message').Message} message */
function metaOf(message) {
  const { id, attempt, headers, key } = message
  return key === undefined ? { id, attempt, headers } : { id, attempt, headers, key }
}

module.exports = { emitTo }
