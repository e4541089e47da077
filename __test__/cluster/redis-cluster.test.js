'use strict'

/** Modes `pubsub` and `sharded` on a real Redis Cluster of six nodes, some of which are lost. */

const { once } = require('node:events')
const { Server } = require('socket.io')
const { createAdapter, stats } = require('../..')
const { next, until } = require('../support/events')
const { describeWithRedis, startRedis } = require('../support/redis')
const { useRedisCluster, valuesOf } = require('../support/redis-cluster')

const adapterOf = (/** @type {any} */ server) => server.io.of('/').adapter
const count = (/** @type {number} */ n) => Array.from({ length: n }, (_, i) => i)

describeWithRedis('a Redis Cluster', () => {
  const own = useRedisCluster()
  /** @type {any[]} */
  let clients

  /** @param {any} kinds @param {any} [options] */
  async function start(kinds, options) {
    const servers = await own.start(kinds, { cluster: { mode: 'sharded', ...options } })
    clients = []
    for (const server of servers) clients.push(await server.client())
    return servers
  }

  /** The node that a server of mode `pubsub` is subscribed at. @param {any} server */
  function nodeOf(server) {
    const isThere = (/** @type {any} */ node) => node.command('PUBSUB', 'NUMSUB', `socket.io-native#${adapterOf(server).uid}#`).endsWith('1')
    const node = own.redis.primaries.find(isThere)
    if (!node) throw new Error('it is nowhere')
    return node
  }

  /** Servers choose their node by chance: each at one of its own. @param {any[]} servers */
  async function apart(servers) {
    while (new Set(servers.map(nodeOf)).size < servers.length) {
      const shared = nodeOf(servers[0])
      const ups = servers.filter((server) => nodeOf(server) === shared).map((server) => once(adapterOf(server), 'cluster:up'))
      shared.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await Promise.all(ups)
    }
    await own.cluster.complete()
  }

  test('pubsub: a node dies, and nobody can take its place: who is there goes to another one at once, and nobody else notices', async () => {
    const servers = await start(['native', 'native'], { mode: 'pubsub' })
    for (const server of servers) adapterOf(server).on('cluster:down', () => {})
    await apart(servers)
    const [{ io }] = servers
    const before = servers.map((/** @type {any} */ server) => stats(server.io).cluster?.reconnects)
    const node = nodeOf(servers[1])
    const replica = own.redis.replicaOf(node)
    await replica.stop()
    const [down, up] = [once(adapterOf(servers[1]), 'cluster:down'), once(adapterOf(servers[1]), 'cluster:up')]
    let sent = 0
    const send = () => servers.forEach((/** @type {any} */ server, /** @type {number} */ i) => server.io.emit(`n${i}`, sent) && i === 1 && sent++)
    const timer = setInterval(send, 5)
    await until('messages arrive', () => clients.every((client) => client.got.length > 50))
    await node.stop()
    expect((await down)[0].code).toBe('ERR_CLUSTER_UNREACHABLE')
    await up
    // The slots of the dead are nobody's, which does not matter.
    await own.cluster.complete()
    clearInterval(timer)
    const first = sent
    for (let i = 0; i < 20; i++) send()
    await until('both have the last', () => clients.every((client) => [0, 1].every((i) => valuesOf(client, `n${i}`).includes(sent - 1))))
    for (const client of clients) {
      for (const i of [0, 1]) {
        const got = valuesOf(client, `n${i}`)
        expect(got).toEqual([...new Set(got)].sort((a, b) => a - b))
        expect(got.filter((/** @type {number} */ n) => n >= first)).toHaveLength(20)
      }
    }
    // What the one that did not notice has got from itself, and local clients always.
    for (const i of [0, 1]) expect(valuesOf(clients[i], `n${i}`)).toEqual(count(sent))
    expect(await adapterOf(servers[0]).serverCount()).toBe(2)
    expect((await io.fetchSockets()).length).toBe(2)
    expect(servers.map((/** @type {any} */ server) => stats(server.io).cluster?.reconnects)).toEqual([before[0], before[1] + 1])
    expect(stats(io).cluster).toMatchObject({ connected: 1, malformed: 0, outboxDropped: 0 })
  }, 60_000)

  test('pubsub: a node that stands still does not keep the others from being counted, nor from answering', async () => {
    const servers = await start(['native', 'native'], { mode: 'pubsub' })
    await apart(servers)
    const idle = own.redis.primaries.find((node) => !servers.map(nodeOf).includes(node))
    idle?.process?.kill('SIGSTOP')
    try {
      const { io } = servers[0]
      // Who could be there takes it for lost after 5 s: it is waited for as long.
      while ((await io.fetchSockets().catch(() => [])).length !== 2);
      expect(await adapterOf(servers[1]).serverCount()).toBe(2)
    } finally {
      idle?.process?.kill('SIGCONT')
    }
  }, 60_000)

  test('sharded: a primary dies: its replica takes over, the rooms are subscribed again, nothing comes twice or out of order', async () => {
    const servers = await start(['native', 'native'])
    const [{ io }] = servers
    const rooms = Array.from({ length: 10 }, (_, i) => `room ${i}`)
    await clients[1].socket.join(rooms)
    const killed = own.redis.primaryOf('socket.io#/#')
    /** Codes of what was lost. @type {string[]} */
    const codes = []
    for (const server of servers) adapterOf(server).on('cluster:down', (/** @type {any} */ { code }) => codes.push(code))
    let sent = 0
    const send = () => {
      for (const room of rooms) io.to(room).emit(room, sent)
      clients[0].socket.join('own')
      io.to('own').emit('local', sent++)
    }
    const timer = setInterval(send, 10)
    await until('messages arrive', () => clients[1].got.length > 100)
    // No sooner than the others take it for dead: longer than other events.
    const ups = servers.map((/** @type {any} */ server) => once(adapterOf(server), 'cluster:up'))
    await killed.stop()
    await Promise.all(ups)
    await own.cluster.complete()
    clearInterval(timer)
    expect(codes.length).toBeGreaterThanOrEqual(2)
    for (const code of codes) expect(code).toBe('ERR_CLUSTER_UNREACHABLE')
    // All that is sent from now on arrives.
    const first = sent
    for (let i = 0; i < 20; i++) send()
    await until('the last are there', () => rooms.every((room) => valuesOf(clients[1], room).includes(sent - 1)))
    for (const room of rooms) {
      const got = valuesOf(clients[1], room)
      expect(got).toEqual([...new Set(got)].sort((a, b) => a - b))
      expect(got.filter((/** @type {number} */ n) => n >= first)).toHaveLength(20)
    }
    // Local clients did not notice.
    await until('the local client has the last', () => valuesOf(clients[0], 'local').includes(sent - 1))
    expect(valuesOf(clients[0], 'local')).toEqual(count(sent))
    expect(stats(io).cluster).toMatchObject({ connected: 1, malformed: 0 })
  }, 90_000)
})

describeWithRedis('what is no Redis Cluster', () => {
  test.each(['pubsub', 'sharded', 'streams'])('is refused, in mode %s', async (mode) => {
    const single = await startRedis()
    const io = new Server(0, { adapter: createAdapter({ cluster: { redis: { cluster: [single.url] }, mode: /** @type {any} */ (mode) } }) })
    const [error] = await next(io.of('/').adapter, 'cluster:down')
    expect(error.code).toBe('ERR_CLUSTER_CONFIG')
    io.close()
    await single.stop()
  })
})
