'use strict'

/** A client that can go from server to server, as behind a load balancer. */

const { setTimeout: delay } = require('node:timers/promises')
const { io: connect } = require('socket.io-client')
const { next, until } = require('./events')

class Nomad {
  /** @type {any[][]} What it got, without the offsets. */
  got = []

  /** @param {any} server @param {any} [options] */
  constructor(server, options) {
    this.client = connect(server.url, { transports: ['websocket'], forceNew: true, reconnection: false, ...options })
    this.client.onAny((/** @type {any[]} */ ...args) => this.got.push(args.slice(0, -1)))
    server.clients.push(this.client)
  }

  connected() {
    return this.client.connected ? Promise.resolve() : next(this.client, 'connect')
  }

  /** What it got of one event. @param {string} event */
  values(event) {
    return this.got.filter(([name]) => name === event).map(([, value]) => value)
  }

  /** Breaks the connection as a network does. @param {any} [server] which notices it */
  async lose(server) {
    const socket = server?.io.of('/').sockets.get(this.client.id)
    const gone = [next(this.client, 'disconnect'), socket && next(socket, 'disconnect')]
    this.client.io.engine.close()
    await Promise.all(gone)
    // Its session is on its way to Redis.
    if (server) await delay(30)
  }

  /** Comes back. @param {any} server */
  async come(server) {
    this.client.io.uri = server.url
    this.client.connect()
    await this.connected()
    return server.io.of('/').sockets.get(this.client.id)
  }
}

/** A client that is in a room and has an offset. @param {any} server @param {any} [options] */
async function member(server, options) {
  const nomad = new Nomad(server, options)
  await nomad.connected()
  const socket = server.io.of('/').sockets.get(nomad.client.id)
  socket.join('room')
  socket.data.name = 'a'
  socket.emit('first', 0)
  await until('it has an offset', () => nomad.got.length === 1)
  nomad.got = []
  return { nomad, socket }
}

module.exports = { Nomad, member }
