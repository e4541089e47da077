// @ts-check
'use strict'

/** Emits what is JSON text already: for one socket, and where nobody can tell the difference from `socket.emit()`. */

const { isOriginal } = require('../originals')
const { hasOutgoing } = require('../outgoing')
const { PlainEncoder } = require('../packet')

class EncodedEmit {
  #nsp
  #encoder
  #head
  /** Socket.IO's methods that are left out, as they were found to be the original ones. @type {unknown} */
  #emit
  /** @type {unknown} */
  #packet
  /** @type {unknown} */
  #write

  /** @param {any} nsp */
  constructor(nsp) {
    this.#nsp = nsp
    this.#encoder = new PlainEncoder(nsp.server.encoder)
    this.#head = nsp.name === '/' ? '2' : `2${nsp.name},`
  }

  /** Whether nobody sees on the way what `socket.emit()` sends: no listener, no parser but Socket.IO's own, no recovery, no tool. @param {any} socket */
  suits(socket) {
    if (hasOutgoing(socket) || this.#nsp.server.opts.connectionStateRecovery || !this.#encoder.isStandard()) return false
    // Such as socket.compress(false) before an emit.
    for (const _ in socket.flags) return false
    const { emit, packet, client } = socket
    if (emit === this.#emit && packet === this.#packet && client._packet === this.#write) return true
    const original =
      isOriginal(emit, /\bRESERVED_EVENTS\b/) && isOriginal(packet, /\bclient\._packet\b/) && isOriginal(client._packet, /\bpreEncoded\b/)
    if (!original || !isOriginal(client.writeToEngine, /\bencodedPackets\b/)) return false
    this.#emit = emit
    this.#packet = packet
    this.#write = client._packet
    return true
  }

  /**
   * @param {any} socket that suits
   * @param {string} data event and arguments, as JSON
   * @param {(answer: unknown) => void} onAnswer at most once
   * @returns {number} the packet's, in `socket.acks`
   */
  send(socket, data, onAnswer) {
    const number = this.#nsp._ids++
    socket.acks.set(number, onAnswer)
    const { conn } = socket.client
    if (conn.readyState === 'open') conn.write(this.#head + number + data, { compress: true })
    return number
  }
}

module.exports = { EncodedEmit }
