// @ts-check
'use strict'

/**
 * What a Socket.IO server listens with: Node.js's HTTP server and ws, or that of a peer.
 *
 * @typedef {Partial<import('socket.io').ServerOptions>} Options
 * @typedef {(options: Options) => Promise<{ io: InstanceType<typeof Server>, port: number }>} Host
 */

const http = require('node:http')
const path = require('node:path')
const { Server } = require('socket.io')
const { FILES, PACKAGES } = require('../lib/peers')

/** As many connections may wait to be accepted: Node.js's own limit is for less than a storm. */
const BACKLOG = 4096
const HOST = '127.0.0.1'
/** Of an idle HTTP request, in seconds; Bun takes no more, and its engine asks for twice our pause between heartbeats. */
const LONGEST = 255

/** @type {Record<'node' | 'uws' | 'bun', Host>} */
const HOSTS = {
  async node(options) {
    const server = http.createServer()
    const io = new Server(server, options)
    await new Promise((resolve) => server.listen({ port: 0, host: HOST, backlog: BACKLOG }, () => resolve(undefined)))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the server has no port')
    return { io, port: address.port }
  },

  async uws(options) {
    const uws = require(FILES.uws)
    const app = uws.App()
    const io = new Server(options)
    io.attachApp(app)
    /** @type {object} */
    const token = await new Promise((resolve) => app.listen(HOST, 0, resolve))
    if (!token) throw new Error('uWebSockets.js does not listen')
    return { io, port: uws.us_socket_local_port(token) }
  },

  async bun({ pingInterval, ...options }) {
    const { Server: Engine } = require(path.join(PACKAGES, '@socket.io', 'bun-engine'))
    const io = new Server(options)
    const engine = new Engine({ path: '/socket.io/', pingInterval })
    io.bind(engine)
    const { Bun } = /** @type {any} */ (globalThis)
    const { port } = Bun.serve({ hostname: HOST, port: 0, ...engine.handler(), idleTimeout: LONGEST })
    return { io, port }
  },
}

module.exports = { HOSTS }
