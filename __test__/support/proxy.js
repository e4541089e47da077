'use strict'

/** A connection to a server that can be cut, refused, or swallow one direction. */

const net = require('node:net')

class Proxy {
  /** What happens to what clients send, to the answers, and to new connections. */
  swallows = { requests: false, answers: false, connections: false }
  #sockets = new Set()
  #server

  /** @param {number} target its port */
  async start(target) {
    this.#server = net.createServer((client) => {
      if (this.swallows.connections) return client.destroy()
      const server = net.connect(target, '127.0.0.1')
      client.on('data', (chunk) => this.swallows.requests || server.write(chunk))
      server.on('data', (chunk) => this.swallows.answers || client.write(chunk))
      const both = [client, server]
      for (const socket of both) {
        this.#sockets.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => {
          for (const one of both) one.destroy()
          this.#sockets.delete(socket)
        })
      }
    })
    await new Promise((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve(undefined)))
    this.url = `redis://127.0.0.1:${this.#server.address().port}`
    return this
  }

  /** Ends all connections; those that follow are as usual. */
  cut() {
    for (const socket of this.#sockets) socket.destroy()
    this.swallows = { requests: false, answers: false, connections: false }
  }

  /** Ends all connections, and lets nobody in until {@link cut}. */
  close() {
    this.cut()
    this.swallows.connections = true
  }

  stop() {
    this.cut()
    this.#server.close()
  }
}

module.exports = { Proxy }
