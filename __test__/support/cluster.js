'use strict'

/** Socket.IO servers that are one cluster, each with this adapter or with the JavaScript one. */

const http = require('node:http')
const { createAdapter: createPubSubAdapter, createShardedAdapter } = require('@socket.io/redis-adapter')
const { createAdapter: createStreamsAdapter } = require('@socket.io/redis-streams-adapter')
const { createClient, createCluster } = require('redis')
const { Server } = require('socket.io')
const { io: connect } = require('socket.io-client')
const { createAdapter } = require('../..')
const { setTimeout: delay } = require('node:timers/promises')
const { startRedis } = require('./redis')

/** @typedef {'native' | 'js'} Kind */

/** The JavaScript adapter of each mode, of two clients. @type {Record<string, (clients: any[], options: any) => any>} */
const JAVASCRIPT = {
  pubsub: ([publisher, subscriber], options) => createPubSubAdapter(publisher, subscriber, options),
  // It ends when its last reading does.
  streams: ([client], options) => createStreamsAdapter(client, { blockTimeInMs: 200, ...options }),
  sharded: ([publisher, subscriber], options) => createShardedAdapter(publisher, subscriber, options),
}

/** A client of the JavaScript adapter. @param {any} redis @returns {any} */
function connectTo({ url, urls }) {
  return url ? createClient({ url }) : createCluster({ rootNodes: urls.map((/** @type {string} */ url) => ({ url })) })
}

class ClusterServer {
  /** @type {any[]} */
  clients = []
  /** @type {any[]} Of the JavaScript adapter. */
  #redis = []

  /**
   * @param {Kind} kind
   * @param {import('./redis').Redis} redis
   * @param {any} options `{ cluster, server, adapter }`
   */
  constructor(kind, redis, options) {
    this.kind = kind
    this.redis = redis
    this.options = options
  }

  get mode() {
    return this.options.cluster?.mode ?? 'pubsub'
  }

  async start() {
    const { cluster, server, adapter } = this.options
    this.httpServer = http.createServer()
    let made
    if (this.kind === 'native') {
      made = createAdapter({ ...adapter, cluster: { redis: this.redis.option, ...cluster } })
    } else {
      const clients = [connectTo(this.redis), connectTo(this.redis)]
      for (const client of clients) {
        client.on('error', () => {})
        await client.connect()
      }
      this.#redis = clients
      made = JAVASCRIPT[this.mode](clients, cluster)
    }
    this.io = new Server(this.httpServer, { adapter: made, ...server })
    await new Promise((resolve) => this.httpServer.listen(0, '127.0.0.1', () => resolve(undefined)))
    this.url = `http://127.0.0.1:${this.httpServer.address().port}`
    return this
  }

  /** @param {any} [options] @param {string} [nsp] @returns {Promise<any>} a client that is connected, and its socket here */
  async client(options, nsp = '/') {
    const client = connect(this.url + nsp, { transports: ['websocket'], forceNew: true, reconnection: false, ...options })
    this.clients.push(client)
    client.got = []
    client.onAny((...args) => client.got.push(args))
    await new Promise((resolve, reject) => {
      client.once('connect', () => resolve(undefined))
      client.once('connect_error', reject)
    })
    client.socket = this.io.of(nsp).sockets.get(client.id)
    return client
  }

  async close() {
    for (const client of this.clients) client.disconnect()
    await new Promise((resolve) => this.io.close(() => resolve(undefined)))
    // What the adapter has begun is answered first: it does not catch the rejections.
    for (const client of this.#redis) await client.quit().catch(() => {})
  }
}

class TestCluster {
  /** @type {ClusterServer[]} */
  servers = []

  /**
   * @param {Kind[]} kinds
   * @param {import('./redis').Redis} redis
   * @param {any} [options]
   */
  async start(kinds, redis, options = {}) {
    for (const kind of kinds) this.servers.push(await new ClusterServer(kind, redis, options).start())
    await this.complete()
    return this
  }

  /** The JavaScript adapter reads a stream from where it is when it begins. @param {string} nsp */
  async #streamsAreRead(nsp) {
    const { redis, options } = this.servers[0]
    const unread = new Set(this.servers)
    for (const server of this.servers) server.io.of(nsp).once('read', () => unread.delete(server))
    const stream = options.cluster.streamCount > 1 ? streamOf(nsp, options.cluster.streamCount) : 'socket.io'
    const fields = ['uid', 'emitter', 'nsp', nsp, 'type', '9', 'data', '{"packet":["read"]}']
    while (unread.size > 0) {
      // In a Redis Cluster it is on one of its nodes.
      const node = 'primaryOf' in redis ? /** @type {any} */ (redis).primaryOf(stream) : redis
      node.command('XADD', stream, '*', ...fields)
      await delay(20)
    }
  }

  /** Waits until each server knows of all. @param {string} [nsp] */
  async complete(nsp = '/') {
    if (this.servers[0]?.mode === 'streams') await this.#streamsAreRead(nsp)
    for (const { io } of this.servers) {
      while ((await io.of(nsp).adapter.serverCount()) !== this.servers.length) await delay(10)
    }
    // Counted are the requests' channels; broadcasts' come with them, confirmed or soon.
    for (const [from, { io }] of this.servers.entries()) {
      for (const [to, other] of this.servers.entries()) {
        if (from === to) continue
        const event = `ready-${from}-${to}`
        await new Promise((resolve) => {
          other.io.of(nsp).once(event, resolve)
          io.of(nsp).serverSideEmit(event)
        })
      }
    }
  }

  /**
   * Waits until what others send reaches the rooms as they are now: in mode `sharded`, until they are subscribed.
   * @param {string[]} [rooms] that all have, before that
   */
  async subscribed(rooms = [], nsp = '/') {
    // Other threads hear of the joins of a tick at its end.
    await new Promise((resolve) => setImmediate(resolve))
    const { redis, options } = this.servers[0]
    const { mode, subscriptionMode = 'dynamic', key = 'socket.io' } = options.cluster ?? {}
    if (mode !== 'sharded') return
    const adapters = this.servers.map(({ io }) => io.of(nsp).adapter)
    while (!adapters.every((adapter) => rooms.every((room) => adapter.rooms.has(room)))) await delay(5)
    if (subscriptionMode === 'static') return
    /** @type {Map<string, number>} */
    const expected = new Map()
    for (const adapter of adapters) {
      // Those that may be a socket's id: JavaScript servers subscribe to some of them, in vain.
      const own = (/** @type {any} */ room) => subscriptionMode === 'dynamic' && typeof room === 'string' && room.length === 20
      const names = new Set([...adapter.rooms.keys()].filter((room) => !own(room)).map(String))
      for (const name of names) expected.set(name, (expected.get(name) ?? 0) + 1)
    }
    for (const [room, count] of expected) {
      while (redis.subscribers(`${key}#${nsp}#${room}#`) < count) await delay(5)
    }
  }

  async close() {
    await Promise.all(this.servers.map((server) => server.close()))
  }
}

/** @param {Kind[]} kinds @param {any} redis @param {any} [options] */
function startCluster(kinds, redis, options) {
  return new TestCluster().start(kinds, redis, options)
}

/** Options of a cluster whose clients can come back to any server. @param {any} [options] more of them */
function recovering({ cluster, ...others } = {}) {
  const server = { connectionStateRecovery: { maxDisconnectionDuration: 120_000 } }
  return { cluster: { mode: 'streams', ...cluster }, server, ...others }
}

/** Each test of one `describe` has a Redis of its own, and a cluster on it, which end after it. */
class OwnCluster {
  /** @type {any} */
  redis
  /** @type {any} */
  cluster

  get servers() {
    return this.cluster.servers
  }

  /** @param {Kind[]} kinds @param {any} [options] */
  async start(kinds, options) {
    this.cluster = await startCluster(kinds, this.redis, options)
    return this.servers
  }

  async end() {
    // A test may have stopped it.
    this.redis.process.kill('SIGCONT')
    await this.cluster?.close()
    this.cluster = undefined
    await this.redis.stop()
  }
}

/** To be called in a `describe`. @param {Kind[]} [kinds] of the servers, if the tests do not start them themselves */
function useCluster(kinds) {
  const own = new OwnCluster()
  beforeEach(async () => {
    own.redis = await startRedis()
    if (kinds) await own.start(kinds)
  })
  afterEach(() => own.end())
  return own
}

/** Which all servers read; the JavaScript adapter writes elsewhere when the hash has a minus. @param {string} nsp @param {number} count */
function streamOf(nsp, count) {
  let hash = 0
  for (let i = 0; i < nsp.length; i++) hash = (hash * 31 + nsp.charCodeAt(i)) | 0
  return `socket.io-${Math.abs(hash % count)}`
}

module.exports = { ClusterServer, recovering, startCluster, useCluster }
