'use strict'

/** Mode `pubsub` has one pattern for all namespaces: whoever is meant gets each message once, whatever is in the names. */

const { Emitter } = require('@socket.io/redis-emitter')
const { createClient } = require('redis')
const { Server } = require('socket.io')
const { Manager } = require('socket.io-client')
const { createAdapter, createEmitter, stats } = require('../..')
const { startCluster, useCluster } = require('../support/cluster')
const { next, until } = require('../support/events')
const { describeWithRedis } = require('../support/redis')

/** @typedef {import('../support/cluster').Kind} Kind */

/** Waits until each server knows that all have it. @param {any[]} servers @param {string} nsp */
async function allHave(servers, nsp) {
  for (const { io } of servers) io.of(nsp)
  for (const { io } of servers) while ((await io.of(nsp).adapter.serverCount()) !== servers.length) await new Promise(setImmediate)
}

/** A client of a namespace whose name may have a #, which would not be a part of a URL. @param {any} server @param {string} nsp */
async function clientOf(server, nsp) {
  const manager = new Manager(server.url, { transports: ['websocket'], reconnection: false })
  /** @type {any} */
  const client = manager.socket(nsp, {})
  client.got = []
  client.onAny((/** @type {any[]} */ ...args) => client.got.push(args))
  server.clients.push(client)
  await next(client, 'connect')
  return client
}

const numbers = (/** @type {any} */ client) => client.got.filter(([event]) => event === 'n').map(([, n]) => n)

describeWithRedis('a thousand namespaces', () => {
  const own = useCluster(['native', 'native'])
  const names = Array.from({ length: 1000 }, (_, i) => `/n${i}`)

  test('are one pattern to Redis, also when all connections are made anew', async () => {
    const [{ io }, { io: other }] = own.servers
    expect(own.redis.command('PUBSUB', 'NUMPAT')).toBe('1')
    for (const name of names) [io, other].forEach((server) => server.of(name))
    const some = [names[0], names[500], names[999]]
    const clients = []
    for (const name of some) clients.push(await own.servers[1].client({}, name))
    const counted = async () => {
      for (const name of some) await allHave(own.servers, name)
    }
    await counted()
    expect(own.redis.command('PUBSUB', 'NUMPAT')).toBe('1')
    for (const name of some) io.of(name).emit('n', 1)
    await until('each has it', () => clients.every((client) => numbers(client).length === 1))

    const up = Promise.all([io, other].map((server) => next(server.of('/').adapter, 'cluster:up')))
    expect(own.redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')).toBe('2')
    await up
    await counted()
    for (const name of some) io.of(name).emit('n', 2)
    await until('each has the other', () => clients.every((client) => numbers(client).length === 2))
    expect(own.redis.command('PUBSUB', 'NUMPAT')).toBe('1')
  })

  test('of which another server has only some: what is for the others is not read', async () => {
    const [{ io }, second] = own.servers
    await allHave(own.servers, '/here')
    const apart = await second.client({}, '/here')
    const before = stats(second.io).cluster
    for (const name of names.slice(0, 100)) io.of(name).to('room').emit('n', 0)
    io.of('/here').emit('n', 1)
    await until('the last one is there', () => numbers(apart).length === 1)
    const { skipped, malformed, woken } = stats(second.io).cluster
    expect(skipped - before.skipped).toBeGreaterThanOrEqual(100)
    expect([malformed, woken - before.woken]).toEqual([before.malformed, 0])
  })
})

/** Names that begin with each other, and what follows may be a room. */
const NAMES = ['/', '/a', '/a#b', '/a#', '/a#b#c', '/*']
const ROOMS = ['b', '#', 'b#c', '*', 'b#']
/** Keys and names that a JavaScript server, whose pattern has them as they are, does not hear. */
const ODD = { key: 'a[*]?\\#/a', names: [...NAMES, '/[ab]', '/\\', '/?#'] }
/** @type {Kind[][]} */
const MIXES = [
  ['native', 'js'],
  ['js', 'native'],
  ['native', 'native'],
]

describeWithRedis('namespaces and rooms with #', () => {
  const own = useCluster()

  test.each([...MIXES.map((kinds) => ({ kinds, key: 'socket.io', names: NAMES })), { kinds: MIXES[2], ...ODD }])('get what is theirs, once: $kinds, $key', async ({ kinds, key, names }) => {
    const servers = await own.start(kinds, { cluster: { key } })
    /** @type {Map<string, any[]>} */
    const clients = new Map()
    for (const name of names) {
      await allHave(servers, name)
      const here = []
      for (const server of servers) {
        const client = await clientOf(server, name)
        ROOMS.forEach((room) => server.io.of(name).sockets.get(client.id).join(room))
        here.push(client)
      }
      clients.set(name, here)
    }
    for (const name of names) await own.cluster.complete(name)

    const redisClient = await createClient({ url: own.redis.url }).connect()
    const native = createEmitter({ redis: own.redis.url, key })
    const senders = [...servers.map(({ io }) => io), new Emitter(redisClient, { key }), native]
    for (const name of names) {
      for (const [from, sender] of senders.entries()) {
        const nsp = sender.of(name)
        nsp.emit('all', from)
        for (const room of ROOMS) nsp.to(room).emit('room', from, room)
        nsp.to('b').to('#').emit('rooms', from)
        nsp.to('nobody').emit('nobody', from)
        nsp.emit('end', from)
      }
    }
    const ends = (/** @type {any} */ client) => client.got.filter(([event]) => event === 'end').length
    await until('each has the last of each', () => [...clients.values()].flat().every((client) => ends(client) === senders.length))
    const expected = senders.map((_, from) => [
      ['all', from],
      ...ROOMS.map((room) => ['room', from, room]),
      ['rooms', from],
      ['end', from],
    ])
    for (const [name, here] of clients) {
      for (const client of here) {
        const got = senders.map((_, from) => client.got.filter((/** @type {any[]} */ event) => event[1] === from))
        expect([name, got]).toEqual([name, expected])
      }
    }
    await native.close()
    await redisClient.quit()
  })
})

describeWithRedis('keys that begin with each other', () => {
  /** @type {any[]} */
  const clusters = []
  // Before their Redis.
  afterEach(() => Promise.all(clusters.splice(0).map((cluster) => cluster.close())))
  const own = useCluster()

  test.each(MIXES)('are clusters of their own, with requests that come once, of %s and %s', async (...kinds) => {
    const keys = ['app', 'app#x', 'app#/x', 'a*']
    for (const key of keys) clusters.push(await startCluster(kinds, own.redis, { cluster: { key } }))
    const clients = []
    for (const [number, { servers }] of clusters.entries()) {
      for (const server of servers) {
        const client = await server.client()
        client.expected = number
        client.requests = []
        server.io.on('asked', (/** @type {number} */ n, /** @type {any} */ answer) => answer(client.requests.push(n)))
        clients.push(client)
      }
      for (const name of ['/', '/x']) await allHave(servers, name)
    }
    for (const [number, { servers }] of clusters.entries()) {
      const [{ io }] = servers
      io.emit('n', number)
      expect(await io.serverSideEmitWithAck('asked', number)).toEqual([1])
      expect(await io.fetchSockets()).toHaveLength(2)
      io.emit('end')
    }
    await until('all have the end', () => clients.every((client) => client.got.some(([event]) => event === 'end')))
    for (const client of clients) expect(numbers(client)).toEqual([client.expected])
    expect(clients.map(({ requests }) => requests.length)).toEqual(clusters.flatMap(() => [0, 1]))
  })
})

describeWithRedis('a user whose ACL', () => {
  const own = useCluster()
  const asUser = () => ({ redis: { host: '127.0.0.1', port: own.redis.port, username: 'app', password: 'secret' }, key: 'app' })
  const commands = ['+publish', '+subscribe', '+unsubscribe', '+psubscribe', '+punsubscribe', '+pubsub', '+role']

  test('has the pattern as it is can be in the cluster', async () => {
    own.redis.command('ACL', 'SETUSER', 'app', 'on', '>secret', 'resetchannels', '&app#*', '&app-*', ...commands)
    await own.start(['native', 'native'], { cluster: asUser() })
    await allHave(own.servers, '/a')
    const client = await own.servers[1].client({}, '/a')
    own.servers[0].io.of('/a').emit('n', 1)
    await until('it is there', () => numbers(client).length === 1)
  })

  test('has only what matches it is told what to do', async () => {
    own.redis.command('ACL', 'SETUSER', 'app', 'on', '>secret', 'resetchannels', '&app*', ...commands)
    const io = new Server(0, { adapter: createAdapter({ cluster: asUser() }) })
    const [error] = await next(io.of('/').adapter, 'cluster:down')
    expect(error).toMatchObject({ code: 'ERR_CLUSTER_AUTH', message: expect.stringContaining('(the ACL needs &app#*, as it is)') })
    io.close()
  })
})
