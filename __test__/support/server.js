'use strict'

/**
 * A real Socket.IO server with real clients, for one test.
 */

const fs = require('node:fs')
const http = require('node:http')
const os = require('node:os')
const path = require('node:path')
const { io: connectClient } = require('socket.io-client')
const { next, until } = require('./events')
const { LaneProof } = require('./lanes')

/**
 * @typedef {object} Options
 * @property {string} [version] the package of Socket.IO
 * @property {any} [server] options of the Socket.IO server
 * @property {any} [client] options of all its clients
 * @property {() => import('node:net').Server} [listen] makes the HTTP server
 * @property {boolean} [unix] listen on a Unix socket instead of a port
 * @property {'lane' | import('../..').CompatReason} [expected] what each connection has, with lanes on
 * @property {boolean} [javaScript] broadcasts may pass through JavaScript though there are lanes
 * @property {(url: string, options: any) => any} [connect] of another client than the newest
 * @property {any} [adapter] for `new Server({ adapter })`, instead of a new one
 */

class TestServer {
  io
  httpServer
  /** @type {any[]} */
  clients = []
  /** @type {LaneProof | undefined} */
  lanes

  #options
  #adapter
  #closed = false
  /** A folder for the Unix socket. @type {string | undefined} */
  #folder

  /**
   * @param {import('./adapters').TestedAdapter} adapter
   * @param {Options} options
   */
  constructor(adapter, options) {
    this.#options = options
    this.#adapter = adapter
    const { Server } = require(options.version ?? 'socket.io')
    this.httpServer = options.listen ? options.listen() : http.createServer()
    const chosen = options.adapter ?? adapter.option()
    this.io = new Server(this.httpServer, { ...options.server, ...(chosen && { adapter: chosen }) })
    if (adapter.native) this.lanes = new LaneProof(this.io, this.#expected)
  }

  get #expected() {
    return this.#adapter.lanes ? (this.#options.expected ?? 'lane') : 'off'
  }

  async listen() {
    if (this.#options.unix) this.#folder = fs.mkdtempSync(path.join(os.tmpdir(), 'native-adapter-'))
    const at = this.unixPath ?? { port: 0, host: '127.0.0.1' }
    await new Promise((resolve) => this.httpServer.listen(at, () => resolve(undefined)))
  }

  get port() {
    return /** @type {import('node:net').AddressInfo} */ (this.httpServer.address()).port
  }

  get unixPath() {
    return this.#folder && path.join(this.#folder, 'server.sock')
  }

  get url() {
    const scheme = 'setSecureContext' in this.httpServer ? 'https' : 'http'
    return this.#folder ? 'ws://localhost' : `${scheme}://127.0.0.1:${this.port}`
  }

  /** What leads a client to the Unix socket. */
  get #agent() {
    return this.#folder && { agent: new http.Agent(/** @type {any} */ ({ socketPath: this.unixPath })) }
  }

  /**
   * A client that starts to connect.
   * @param {any} [options]
   * @param {string} [nsp]
   */
  client(options, nsp = '/') {
    const { connect = connectClient, client: common } = this.#options
    const defaults = { transports: ['websocket'], forceNew: true, reconnection: false, ...this.#agent }
    const client = connect(this.url + nsp, { ...defaults, ...common, ...options })
    this.clients.push(client)
    return client
  }

  /**
   * A client that is connected, with its lane open if it gets one.
   * @param {any} [options]
   * @param {string} [nsp]
   */
  async connect(options, nsp) {
    const client = this.client(options, nsp)
    await this.settled(client)
    return client
  }

  /** Several of them, in this order. @param {number} count @param {string} [nsp] */
  async connectAll(count, nsp) {
    const clients = []
    for (let i = 0; i < count; i++) clients.push(await this.connect({}, nsp))
    return clients
  }

  /** A client's further namespace, on the same connection. @param {any} client @param {string} nsp */
  async connectMore(client, nsp) {
    const more = client.io.socket(nsp)
    this.clients.push(more)
    await next(more, 'connect')
    return more
  }

  /** @param {any} client that is connecting */
  async settled(client) {
    const upgrades = client.io.opts.transports.length > 1
    const upgraded = upgrades && next(client.io, 'open').then(() => next(client.io.engine, 'upgrade'))
    await Promise.all([next(client, 'connect'), upgraded])
    if (upgrades) await this.#upgraded(client)
    await this.lanes?.connected()
  }

  /** The server has changed the transport, too. @param {any} client */
  async #upgraded(client) {
    const { conn } = this.socketOf(client)
    if (conn.transport.name === 'polling') await next(conn, 'upgrade')
  }

  /** The server's socket of a client. @param {any} client */
  socketOf(client) {
    return this.io.of(client.nsp).sockets.get(client.id)
  }

  /** The server's sockets of clients. @param {any[]} clients */
  socketsOf(clients) {
    return clients.map((client) => this.socketOf(client))
  }

  /** Checks that lanes were used, and closes everything. */
  async close() {
    if (this.#closed) return
    this.#closed = true
    const connected = this.clients.length > 0
    for (const client of this.clients) client.disconnect()
    // A client that polls says so in a last request: it must not find the server gone.
    await until('all clients have gone', () => !(this.io.engine?.clientsCount > 0))
    await this.io.close()
    if (this.#folder) fs.rmSync(this.#folder, { recursive: true, force: true })
    if (connected) this.lanes?.ended({ javaScript: this.#options.javaScript ?? false })
  }
}

/**
 * To be called once in a test file or `describe`: returns what opens a server. After each test they are closed.
 * @returns {(adapter: import('./adapters').TestedAdapter, options?: Options) => Promise<TestServer>}
 */
function servers() {
  /** @type {TestServer[]} */
  const open = []
  afterEach(async () => {
    const results = await Promise.allSettled(open.splice(0).map((server) => server.close()))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  })
  return async (adapter, options = {}) => {
    const server = new TestServer(adapter, options)
    open.push(server)
    await server.listen()
    return server
  }
}

module.exports = { servers, TestServer }
