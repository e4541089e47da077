'use strict'

/**
 * One server does random things without waiting for any: rooms of all clients change, and packets go to some of them. Each client gets what
 * it would if all were one server: what is for it, once, in order. `SEED=123 STEPS=5000 npx jest cluster/random` repeats, or goes on longer.
 */

const { setImmediate: turn } = require('node:timers/promises')
const { createEmitter } = require('../..')
const { recovering, useCluster } = require('../support/cluster')
const { until } = require('../support/events')
const { random } = require('../support/random')
const { describeWithRedis } = require('../support/redis')

const STEPS = Number(process.env.STEPS ?? 600)
const ROOMS = ['a', 'b', 'c', 'ä\u{1f600}', 'twenty characters...', 7, '7']

/** What a client should get, by the rooms that it is in. */
class Expected {
  /** @type {any[]} */
  packets = []
  rooms

  /** @param {any} client @param {boolean} isLocal whether the server that does things has it */
  constructor(client, isLocal) {
    this.client = client
    this.isLocal = isLocal
    this.rooms = new Set([client.id])
  }

  /** @param {any[]} rooms @param {any[]} except */
  isMeant(rooms, except) {
    return (rooms.length === 0 || rooms.some((room) => this.rooms.has(room))) && !except.some((room) => this.rooms.has(room))
  }

  get got() {
    return this.client.got.filter(([event]) => event !== 'noise').map(([event, n, bytes]) => [event, n, Buffer.isBuffer(bytes) ? [...bytes] : null])
  }
}

/** Random steps of one server, and what they mean. */
class Script {
  #io
  #clients
  #below
  #joinsByEvent
  #sent = 0

  /** @param {any} io @param {Expected[]} clients @param {(below: number) => number} below @param {boolean} joinsByEvent */
  constructor(io, clients, below, joinsByEvent) {
    this.#io = io
    this.#clients = clients
    this.#below = below
    this.#joinsByEvent = joinsByEvent
  }

  #some(most) {
    const rooms = ROOMS.concat(this.#clients.map(({ client }) => client.id))
    return Array.from({ length: this.#below(most + 1) }, () => rooms[this.#below(this.#below(3) === 0 ? rooms.length : ROOMS.length)])
  }

  /** @param {any[]} rooms @param {any[]} except */
  #meant(rooms, except = []) {
    return this.#clients.filter((client) => client.isMeant(rooms, except))
  }

  step() {
    const kind = this.#below(10)
    if (kind === 0) this.#change('socketsJoin', (client, room) => client.rooms.add(room))
    else if (kind === 1) this.#change('socketsLeave', (client, room) => client.rooms.delete(room))
    else if (kind === 2 && this.#joinsByEvent) this.#joinByEvent()
    else if (kind === 3 && this.#clients.some(({ isLocal }) => isLocal)) this.#emitFromSocket()
    else this.#emit()
  }

  #change(call, act) {
    const where = this.#some(2)
    // A socket stays in the room that is its id.
    const rooms = this.#some(2).filter((room) => ROOMS.includes(room))
    const meant = this.#meant(where)
    this.#io.in(where)[call](rooms)
    for (const client of meant) for (const room of rooms) act(client, room)
  }

  #joinByEvent() {
    const client = this.#clients[this.#below(this.#clients.length)]
    const room = ROOMS[this.#below(ROOMS.length)]
    this.#io.serverSideEmit('join', client.client.id, room)
    // It is for the others.
    if (!client.isLocal) client.rooms.add(room)
  }

  #send(target, meant) {
    const n = this.#sent++
    const bytes = this.#below(8) === 0 ? Buffer.from([n % 256, 1, 2]) : null
    target.emit('packet', n, bytes)
    for (const { packets } of meant) packets.push(['packet', n, bytes && [...bytes]])
  }

  #emit() {
    const rooms = this.#some(3)
    const except = this.#below(3) === 0 ? this.#some(2) : []
    this.#send(this.#io.to(rooms).except(except), this.#meant(rooms, except))
  }

  #emitFromSocket() {
    const local = this.#clients.filter(({ isLocal }) => isLocal)
    const { client } = local[this.#below(local.length)]
    const rooms = this.#some(2)
    this.#send(client.socket.to(rooms), this.#meant(rooms, [client.id]))
  }
}

const MODES = [
  ['pubsub', { cluster: { mode: 'pubsub' } }],
  ['sharded', { cluster: { mode: 'sharded' } }],
  ['sharded, static', { cluster: { mode: 'sharded', subscriptionMode: 'static' } }],
  ['sharded, dynamic-private', { cluster: { mode: 'sharded', subscriptionMode: 'dynamic-private' } }],
  ['streams', { cluster: { mode: 'streams' } }],
  ['streams with recovery', recovering()],
]
// A JavaScript server's own sockets join later, and in mode `sharded` it does not wait for those of others.
const ISSUERS = MODES.flatMap(([mode, options]) =>
  ['a server', 'a JavaScript server', 'an emitter']
    .filter((issuer) => issuer !== 'a JavaScript server' || !mode.startsWith('sharded'))
    .map((issuer) => [mode, issuer, options]),
)

describeWithRedis.each(ISSUERS)('mode %s, %s', (_title, issuer, options) => {
  const own = useCluster()

  test('each client gets what it would from one server', async () => {
    const servers = await own.start([issuer === 'a JavaScript server' ? 'js' : 'native', 'native', 'native'], options)
    const io = issuer === 'an emitter' ? createEmitter({ redis: own.redis.option, ...options.cluster }) : servers[0].io
    const below = random()
    const clients = []
    for (const [i, server] of servers.entries()) {
      server.io.on('join', (id, room) => server.io.of('/').sockets.get(id)?.join(room))
      for (const kind of i > 0 || issuer === 'a server' ? ['lane', 'lane', 'polling', 'observed'] : []) {
        const client = await server.client({ transports: [kind === 'polling' ? 'polling' : 'websocket'] })
        if (kind === 'observed') client.socket.onAnyOutgoing(() => {})
        clients.push(new Expected(client, i === 0))
      }
    }
    // What others send keeps the threads awake.
    const noise = setInterval(() => servers.forEach(({ io }) => io.to('a').emit('noise')), 1)
    // Else events take another way than broadcasts, or a room that somebody joins by one has no channel yet.
    const joinsByEvent = options.cluster.mode === 'pubsub' || options.cluster.subscriptionMode === 'static'
    const script = new Script(io, clients, below, joinsByEvent)
    for (let i = 0; i < STEPS; i++) {
      script.step()
      if (below(4) === 0) await turn()
    }
    io.emit('end')
    clearInterval(noise)
    for (const expected of clients) {
      await until('it has the last', () => expected.client.got.some(([event]) => event === 'end'))
      expect(expected.got.slice(0, -1)).toEqual(expected.packets)
    }
    if (issuer === 'an emitter') await io.close()
  }, 60_000)
})
