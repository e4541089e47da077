// @ts-check
'use strict'

/** Emits messages to sockets. */

const { EncodedEmit } = require('../encoded-emit')
const { Message } = require('../message')

class Sender {
  #nsp
  #event
  #encoded
  #start

  /**
   * @param {any} nsp
   * @param {string} event
   */
  constructor(nsp, event) {
    this.#nsp = nsp
    this.#event = event
    this.#encoded = new EncodedEmit(nsp)
    this.#start = `[${JSON.stringify(event)},`
  }

  /**
   * @param {any} socket
   * @param {Message} message
   * @param {(answer: unknown) => void} onAnswer at most once
   * @returns {number} for `forget()`
   */
  emit(socket, message, onAnswer) {
    const json = this.#encoded.suits(socket) ? Message.jsonOf(message) : undefined
    if (json !== undefined) return this.#encoded.send(socket, `${this.#start}${json},${metaText(message)}]`, onAnswer)
    // The number that Socket.IO gives it.
    const number = this.#nsp._ids
    socket.emit(this.#event, message.payload, metaOf(message), onAnswer)
    return number
  }

  /**
   * No answer is expected any more.
   * @param {any} socket
   * @param {number} number
   * @param {(answer: unknown) => void} onAnswer
   */
  forget(socket, number, onAnswer) {
    if (socket.acks?.get(number) === onAnswer) socket.acks.delete(number)
  }
}

/** @param {Message} message */
function metaOf(message) {
  const { id, attempt, headers, key } = message
  return key === undefined ? { id, attempt, headers } : { id, attempt, headers, key }
}

/** The same as JSON. @param {Message} message */
function metaText(message) {
  const headers = Message.headersJson(message)
  const { key } = message
  const rest = key === undefined ? '}' : `,"key":${JSON.stringify(key)}}`
  return `{"id":"${message.id}","attempt":${message.attempt},"headers":${headers}${rest}`
}

module.exports = { Sender }
