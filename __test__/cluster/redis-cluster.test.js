'use strict'

/** Mode `sharded` on a real Redis Cluster of six nodes. */

const { once } = require('node:events')
const { Server } = require('socket.io')
const { createAdapter, stats } = require('../..')
const { startCluster } = require('../support/cluster')
const { next, until } = require('../support/events')
const { describeWithRedis, startRedis } = require('../support/redis')
const { RedisCluster } = require('../support/redis-cluster')

const names = (/** @type {any} */ client) => client.got.map(([event]) => event)
const adapterOf = (/** @type {any} */ server) => server.io.of('/').adapter

describeWithRedis('a Redis Cluster', () => {
  /** @type {RedisCluster} */
  let redis
  /** @type {any} */
  let cluster
  /** @type {any[]} */
  let clients

  beforeAll(async () => {
    redis = await new RedisCluster().start()
  }, 90_000)
  afterAll(() => redis.stop())
  afterEach(() => cluster?.close())

  /** @param {any} kinds @param {any} [options] */
  async function start(kinds, options) {
    cluster = await startCluster(kinds, /** @type {any} */ (redis), { cluster: { mode: 'sharded', ...options } })
    clients = []
    for (const server of cluster.servers) clients.push(await server.client())
    return cluster.servers
  }

  test.each([
    ['static', ['native', 'native', 'native']],
    ['dynamic', ['native', 'native', 'native']],
    ['dynamic', ['native', 'js', 'native']],
    ['dynamic', ['js', 'native', 'native']],
    ['dynamic-private', ['native', 'js', 'js']],
  ])('every operation: %s, %j', async (subscriptionMode, kinds) => {
    const servers = await start(kinds, { subscriptionMode })
    const [{ io }] = servers
    // Over all slots, and some with a hash tag.
    const rooms = Array.from({ length: 20 }, (_, i) => (i % 4 ? `room ${i}` : `{tag ${i}} ${i}`))
    for (const { socket } of clients) socket.join(rooms)
    await cluster.subscribed()
    for (const room of rooms) io.to(room).emit(room, Buffer.from(room))
    io.to(rooms[0]).to(rooms[1]).emit('both')
    io.emit('all')
    const all = [...rooms, 'both', 'all'].sort()
    await until('all have all', () => clients.every((client) => names(client).length === all.length))
    for (const client of clients) expect(names(client).sort()).toEqual(all)

    for (const [i, client] of clients.entries()) client.on('question', (/** @type {any} */ answer) => answer(i))
    expect((await io.timeout(3000).emitWithAck('question')).sort()).toEqual([0, 1, 2])
    expect((await io.fetchSockets()).map(({ id }) => id).sort()).toEqual(clients.map(({ id }) => id).sort())
    for (const [i, server] of servers.entries()) server.io.on('sum', (/** @type {any} */ a, /** @type {any} */ answer) => answer(a + i))
    expect((await io.serverSideEmitWithAck('sum', 1)).sort()).toEqual([2, 3])
    expect(await adapterOf(servers[0]).serverCount()).toBe(3)
    io.in(clients[2].id).socketsLeave(rooms)
    await until('it has left', () => clients[2].socket.rooms.size === 1)
    io.in(clients[1].id).disconnectSockets()
    await until('it is gone', () => servers[1].io.of('/').sockets.size === 0)
  }, 60_000)

  test('a primary dies: its replica takes over, the rooms are subscribed again, nothing comes twice or out of order', async () => {
    const servers = await start(['native', 'native'])
    const [{ io }] = servers
    const rooms = Array.from({ length: 10 }, (_, i) => `room ${i}`)
    await clients[1].socket.join(rooms)
    const killed = redis.primaryOf('socket.io#/#')
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
    await cluster.complete()
    clearInterval(timer)
    expect(codes.length).toBeGreaterThanOrEqual(2)
    for (const code of codes) expect(code).toBe('ERR_CLUSTER_UNREACHABLE')
    // All that is sent from now on arrives.
    const first = sent
    for (let i = 0; i < 20; i++) send()
    await until('the last are there', () => rooms.every((room) => clients[1].got.some(([event, n]) => event === room && n === sent - 1)))
    for (const room of rooms) {
      const got = clients[1].got.filter(([event]) => event === room).map(([, n]) => n)
      expect(got).toEqual([...new Set(got)].sort((a, b) => a - b))
      expect(got.filter((/** @type {number} */ n) => n >= first)).toHaveLength(20)
    }
    // Local clients did not notice.
    const locals = () => clients[0].got.filter(([event]) => event === 'local').map(([, n]) => n)
    await until('the local client has the last', () => locals().includes(sent - 1))
    expect(locals()).toEqual(Array.from({ length: sent }, (_, i) => i))
    expect(stats(io).cluster).toMatchObject({ connected: 1, malformed: 0 })
    await killed.start()
    await redis.ready()
  }, 90_000)
})

describeWithRedis('what is no Redis Cluster', () => {
  test('is refused', async () => {
    const single = await startRedis()
    const io = new Server(0, { adapter: createAdapter({ cluster: { redis: { cluster: [single.url] }, mode: 'sharded' } }) })
    const [error] = await next(io.of('/').adapter, 'cluster:down')
    expect(error.code).toBe('ERR_CLUSTER_CONFIG')
    io.close()
    await single.stop()
  })
})
