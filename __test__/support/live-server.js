// @ts-check
'use strict'

/**
 * Servers with raw and real clients, for tests of what happens on the wire. What a test opened is closed after it.
 */

const http = require('node:http')
const { Server } = require('socket.io')
const { Adapter } = require('socket.io-adapter')
const { io: connectClient } = require('socket.io-client')
const { createAdapter, stats } = require('../..')
const { until, within } = require('./events')
const { RawClient } = require('./raw-client')

/** What stock delivers, this delivers: for `describe.each`. */
const BOTH = [
  { name: 'native adapter', native: true },
  { name: 'stock adapter', native: false },
]
const [NATIVE] = BOTH

class LiveServer {
  io
  http = http.createServer()
  /** The errors with which connections ended, by the id of the socket. @type {Map<string, { reason: string, code?: string }>} */
  disconnects = new Map()

  #native
  /** @type {RawClient[]} */
  #raw = []
  /** @type {any[]} */
  #clients = []

  /**
   * @param {{ native: boolean }} kind
   * @param {any} [options] of the Socket.IO server; `adapter` those of createAdapter()
   */
  constructor({ native }, { adapter, ...options } = {}) {
    this.#native = native
    this.io = new Server(this.http, { adapter: native ? createAdapter({ writers: 3, ...adapter }) : Adapter, ...options })
    this.io.on('connection', (socket) => {
      socket.on('disconnect', (reason, /** @type {any} */ description) => {
        this.disconnects.set(socket.id, { reason, code: description?.code })
      })
    })
  }

  /** @param {number} [port] */
  async listen(port = 0) {
    await new Promise((resolve, reject) => {
      this.http.once('error', reject)
      this.http.listen(port, '127.0.0.1', () => resolve(undefined))
    })
    return this
  }

  get port() {
    return /** @type {import('node:net').AddressInfo} */ (this.http.address()).port
  }

  stats() {
    return stats(this.io)
  }

  /** A raw client that is connected, with its lane open. @param {import('./raw-client').Options} [options] */
  async raw(options) {
    const client = await RawClient.open(this.port, options)
    this.#raw.push(client)
    if (client.id) await this.#laneOf(this.socketOf(client))
    return client
  }

  /** @param {number} count @param {import('./raw-client').Options} [options] */
  async rawAll(count, options) {
    return Promise.all(Array.from({ length: count }, () => this.raw(options)))
  }

  /** A real client that is connected. @param {any} [options] @param {string} [nsp] */
  async client(options, nsp = '/') {
    const all = { transports: ['websocket'], forceNew: true, reconnection: false, ...options }
    const client = connectClient(`http://127.0.0.1:${this.port}${nsp}`, all)
    this.#clients.push(client)
    await within(
      'the client to connect',
      new Promise((resolve, reject) => client.once('connect', () => resolve(undefined)).once('connect_error', reject)),
    )
    return client
  }

  /** The server's socket of a client in the namespace `/`. @param {{ id?: string }} client @returns {any} */
  socketOf({ id }) {
    return this.io.sockets.sockets.get(/** @type {string} */ (id))
  }

  /** The net.Socket below. @param {{ id?: string }} client */
  streamOf(client) {
    return this.socketOf(client).conn.transport.socket._socket
  }

  /** How a client's socket was disconnected. @param {{ id?: string }} client */
  async disconnected({ id = '' }) {
    await until('the server knows that the socket is gone', () => this.disconnects.has(id))
    return this.disconnects.get(id)
  }

  /** A test of the compat path alone would prove nothing. @param {any} socket */
  async #laneOf(socket) {
    if (!this.#native || !socket) return
    await until('the lane is open', () => socket.disconnected || this.stats().compatReasons.opening === undefined)
  }

  /**
   * Sends more than the kernel keeps for a client that has stopped to read, and no more than that: its lane is parked.
   * Returns how many packets that were.
   * @param {RawClient} client
   * @param {(text: string) => void} [send]
   */
  async fill(client, send = (text) => this.socketOf(client).emit('fill', text)) {
    client.pause()
    const text = 'x'.repeat(FILL)
    for (let packets = 1; ; packets++) {
      const { bytes } = this.stats()
      send(text)
      const isParked = () => this.stats().parkedLanes > 0
      await until('the kernel has it, or takes no more', () => isParked() || this.stats().bytes >= bytes + FILL)
      if (isParked()) return packets
    }
  }

  /** Sends a marker the same way to each, and waits until they have it. @param {RawClient[]} clients */
  async sync(clients) {
    const marker = `marker ${++markers}`
    for (const client of clients) this.socketOf(client).emit(marker)
    await Promise.all(clients.map((client) => client.event(marker)))
  }

  /** Closes everything; an undecodable stream of any client fails the test. */
  async close() {
    for (const client of this.#clients) client.disconnect()
    for (const client of this.#raw) client.destroy()
    await within('the server to close', new Promise((resolve) => this.io.close(() => resolve(undefined))))
    for (const { failure } of this.#raw) if (failure) throw failure
  }
}

let markers = 0

/** Characters in a packet that fills. */
const FILL = 64 * 1024

/** To be called once in a test file: returns what opens a server, and closes it after the test. */
function liveServers() {
  /** @type {LiveServer[]} */
  const open = []
  afterEach(async () => {
    const results = await Promise.allSettled(open.splice(0).map((server) => server.close()))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  })
  return async (/** @type {{ native: boolean }} */ kind, /** @type {any} */ options) => {
    const server = new LiveServer(kind, options)
    open.push(server)
    return server.listen()
  }
}

module.exports = { BOTH, NATIVE, LiveServer, liveServers }
