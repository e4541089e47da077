'use strict'

/** Every operation, in each mode, on a real Redis Cluster of six nodes: in the open, and with TLS and a password. */

const { createCluster } = require('redis')
const { createEmitter, createQueues, stats } = require('../..')
const { EMITTERS } = require('../support/emitters')
const { until, within } = require('../support/events')
const { describeWithRedis } = require('../support/redis')
const { useRedisCluster, valuesOf } = require('../support/redis-cluster')

const names = (/** @type {any} */ client) => client.got.map(([event]) => event)

/** All that servers and emitters do over Redis. @param {any} own @param {any} kinds @param {any} options */
async function everything(own, kinds, options) {
  const servers = await own.start(kinds, { cluster: options })
  /** @type {any[]} */
  const clients = []
  for (const server of servers) clients.push(await server.client())
  const [{ io }] = servers
  // Over all slots, and some with a hash tag.
  const rooms = Array.from({ length: 20 }, (_, i) => (i % 4 ? `room ${i}` : `{tag ${i}} ${i}`))
  for (const { socket } of clients) socket.join(rooms)
  await own.cluster.subscribed()
  for (const room of rooms) io.to(room).emit(room, Buffer.from(room))
  io.to(rooms[0]).to(rooms[1]).emit('both')
  io.emit('all')
  own.emitter = createEmitter({ redis: own.redis.option, ...options })
  own.emitter.emit('of the emitter')
  own.emitter.to(rooms[2]).emit('of the emitter, to a room')
  await own.emitter.flush()
  const all = [...rooms, 'both', 'all', 'of the emitter', 'of the emitter, to a room'].sort()
  await until('all have all', () => clients.every((client) => names(client).length === all.length))
  for (const client of clients) expect(names(client).sort()).toEqual(all)

  for (const [i, client] of clients.entries()) client.on('question', (/** @type {any} */ answer) => answer(i))
  expect((await io.timeout(3000).emitWithAck('question')).sort()).toEqual([0, 1, 2])
  expect((await io.fetchSockets()).map((/** @type {any} */ { id }) => id).sort()).toEqual(clients.map(({ id }) => id).sort())
  for (const [i, server] of servers.entries()) server.io.on('sum', (/** @type {any} */ a, /** @type {any} */ answer) => answer(a + i))
  expect((await io.serverSideEmitWithAck('sum', 1)).sort()).toEqual([2, 3])
  expect(await servers[0].io.of('/').adapter.serverCount()).toBe(3)
  io.in(clients[2].id).socketsLeave(rooms)
  await until('it has left', () => clients[2].socket.rooms.size === 1)
  own.emitter.in(clients[2].id).socketsJoin('late')
  await until('it has joined', () => clients[2].socket.rooms.has('late'))
  io.in(clients[1].id).disconnectSockets()
  await until('it is gone', () => servers[1].io.of('/').sockets.size === 0)
  return { servers, clients }
}

describeWithRedis('a Redis Cluster', () => {
  const own = useRedisCluster()

  test.each([
    ['pubsub', ['native', 'native', 'native'], {}],
    ['pubsub', ['native', 'js', 'native'], {}],
    ['pubsub', ['js', 'native', 'native'], {}],
    ['streams', ['native', 'native', 'native'], {}],
    ['streams', ['native', 'js', 'native'], {}],
    ['streams', ['js', 'native', 'native'], {}],
    // On slots of several primaries.
    ['streams', ['native', 'js', 'native'], { streamCount: 4 }],
    ['sharded', ['native', 'native', 'native'], { subscriptionMode: 'static' }],
    ['sharded', ['native', 'native', 'native'], { subscriptionMode: 'dynamic' }],
    ['sharded', ['native', 'js', 'native'], { subscriptionMode: 'dynamic' }],
    ['sharded', ['js', 'native', 'native'], { subscriptionMode: 'dynamic' }],
    ['sharded', ['native', 'js', 'js'], { subscriptionMode: 'dynamic-private' }],
  ])('every operation: %s, %j %j', async (mode, kinds, options) => {
    await everything(own, kinds, { mode, ...options })
  }, 60_000)

  test.each(['pubsub', 'streams'])('the JavaScript emitter: %s', async (mode) => {
    const servers = await own.start(['native', 'js', 'native'], { cluster: { mode } })
    const clients = await Promise.all(servers.map((server) => server.client()))
    clients[0].socket.join('room')
    clients[2].socket.join('room')
    const client = createCluster({ rootNodes: own.redis.urls.map((url) => ({ url })) })
    await client.connect()
    try {
      const emitter = EMITTERS[mode](client)
      for (let n = 0; n < 20; n++) await emitter.emit('all', n)
      await emitter.to('room').emit('room', Buffer.from('bytes'))
      await until('all have it', () => clients.every(({ got }, i) => got.length === (i === 1 ? 20 : 21)))
      // Its client publishes each at another node: in mode pubsub they overtake each other, whatever the servers are.
      const inOrder = (/** @type {number[]} */ all) => (mode === 'pubsub' ? all.toSorted((a, b) => a - b) : all)
      for (const client of clients) expect(inOrder(valuesOf(client, 'all'))).toEqual(Array.from({ length: 20 }, (_, n) => n))
      for (const client of [clients[0], clients[2]]) expect(valuesOf(client, 'room')).toEqual([Buffer.from('bytes')])
      await emitter.in('room').socketsLeave('room')
      await until('they have left', () => [0, 2].every((i) => clients[i].socket.rooms.size === 1))
    } finally {
      await client.quit()
    }
  }, 60_000)

  // The last ones: the nodes stay as they are.
  test.each([
    ['have names', 'hostname', 'localhost'],
    ['should have names, and have none', 'hostname', ''],
    ['do not know what they are called', 'unknown-endpoint', ''],
  ])('nodes that %s', async (_what, type, name) => {
    for (const node of own.redis.nodes) {
      node.command('CONFIG', 'SET', 'cluster-announce-hostname', name)
      node.command('CONFIG', 'SET', 'cluster-preferred-endpoint-type', type)
    }
    const named = (/** @type {any} */ node) => node.command('CLUSTER', 'SLOTS').includes('localhost') === (name !== '' && type === 'hostname')
    await until('they have told each other', () => own.redis.nodes.every(named))
    for (const mode of ['pubsub', 'streams', 'sharded']) {
      const [{ io }, other] = await own.start(['native', 'native'], { cluster: { mode } })
      const client = await other.client()
      io.emit('all')
      await until('it has arrived', () => client.got.length === 1)
      await own.end()
    }
  }, 60_000)
})

describeWithRedis('a Redis Cluster with TLS and a password', () => {
  const own = useRedisCluster('sesame')

  test.each([
    ['pubsub', {}],
    ['streams', { streamCount: 4 }],
    ['sharded', {}],
  ])('every operation: %s, %j', async (mode, options) => {
    const { servers } = await everything(own, ['native', 'native', 'native'], { mode, ...options })
    expect(stats(servers[0].io).cluster).toMatchObject({ connected: 1, reconnects: 0, malformed: 0 })
  }, 60_000)

  test('queues, of any slot', async () => {
    for (const key of ['a', 'b', 'c', 'd']) {
      const queues = createQueues({ redis: own.redis.option, key })
      queues.on('warning', () => {})
      queues.queue('q').consume(async ({ payload }) => payload + 1)
      expect(await within('the answer', queues.queue('q').request(1))).toBe(2)
      await queues.close()
    }
  }, 30_000)

  test('a wrong password: the error says so, and does not show it', async () => {
    const queues = createQueues({ redis: { ...own.redis.option, password: 'guessed' } })
    queues.on('error', () => {})
    const refused = await queues.ready().catch((/** @type {any} */ error) => error)
    expect(refused.code).toBe('QUEUE_REDIS_AUTH')
    expect(refused.message).not.toMatch(/guessed|sesame/)
    await queues.close()
  })
})
