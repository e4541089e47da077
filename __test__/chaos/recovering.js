'use strict'

/**
 * Real clients in the soak: some lose their connection and come back to their session, some never leave long-polling. Each must
 * have every packet that was sent to all of them, once and in order.
 */

const { io: connectClient } = require('socket.io-client')

class RealClients {
  /** What went wrong. @type {string[]} */
  failures = []
  recoveries = 0
  /** Came back too early for that. */
  anew = 0
  received = 0
  #clients

  /**
   * @param {number} port
   * @param {{ recovering: number, polling: number }} counts
   */
  constructor(port, { recovering, polling }) {
    const options = { forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 200 }
    const open = (/** @type {string[]} */ transports) => this.#open(`http://127.0.0.1:${port}/news`, { ...options, transports })
    this.#clients = [
      ...Array.from({ length: recovering }, () => open(['websocket'])),
      ...Array.from({ length: polling }, () => open(['polling'])),
    ]
    this.#recovering = recovering
  }

  #recovering

  #open(url, options) {
    const socket = connectClient(url, options)
    let next
    let known = false
    socket.on('connect', () => {
      if (known && socket.recovered) this.recoveries++
      // It was back before the server had seen its old connection close, which is nobody's fault: it begins anew.
      if (known && !socket.recovered) this.anew++
      if (!socket.recovered) next = undefined
      known = true
    })
    socket.on('news', (number) => {
      if (next !== undefined && number !== next) this.failures.push(`${socket.id} expected news ${next}, got ${number}`)
      next = number + 1
      this.received++
    })
    socket.on('connect_error', () => {})
    return socket
  }

  /** One of those that come back loses its connection. @param {(below: number) => number} rnd */
  lose(rnd) {
    const client = this.#clients[rnd(this.#recovering)]
    if (client.connected) client.io.engine.close()
  }

  close() {
    for (const client of this.#clients) client.disconnect()
  }
}

module.exports = { RealClients }
