'use strict'

/** Mode `sharded`: rooms have channels of their own, which a server is subscribed to while it has the room. */

const { Server } = require('socket.io')
const { createAdapter, stats } = require('../..')
const { startCluster } = require('../support/cluster')
const { next, until, within } = require('../support/events')
const { describeWithRedis, startRedis } = require('../support/redis')

/** @type {import('../support/redis').Redis} */
let redis
/** @type {any} */
let cluster
/** @type {any[]} */
let clients

/** @param {('native' | 'js')[]} kinds @param {any} [options] */
async function start(kinds, options) {
  cluster = await startCluster(kinds, redis, { cluster: { mode: 'sharded', ...options } })
  clients = []
  for (const server of cluster.servers) clients.push(await server.client())
}

/** How many servers are subscribed to a room. @param {string} room */
function subscribers(room) {
  return Number(redis.command('PUBSUB', 'SHARDNUMSUB', `socket.io#/#${room}#`).split('\n')[1])
}

const names = (/** @type {any} */ client) => client.got.map(([event]) => event)
const adapterOf = (/** @type {any} */ server) => server.io.of('/').adapter

describeWithRedis('rooms with channels of their own', () => {
  beforeEach(async () => {
    redis = await startRedis()
  })
  afterEach(async () => {
    await cluster?.close()
    await redis.stop()
  })

  test('after join() has resolved, a message of another server arrives: rooms come and go', async () => {
    await start(['native', 'native'])
    const [{ io }, other] = cluster.servers
    const receivers = [clients[1], await other.client()]
    for (let i = 0; i < 200; i++) {
      const [receiver, second] = i % 2 ? receivers : [...receivers].reverse()
      const room = `room ${i % 5}`
      // The last one leaves in the tick in which somebody joins, or before.
      if (i % 3 === 0) for (const { socket } of receivers) socket.leave(room)
      if (i % 6 === 0) await new Promise((resolve) => setImmediate(resolve))
      await receiver.socket.join(room)
      io.to(room).except(second.id).emit('n', i)
      await until('it has arrived', () => receiver.got.at(-1)?.[1] === i)
    }
    const got = receivers.flatMap((client) => client.got.filter(([event]) => event === 'n').map(([, n]) => n))
    expect(got.sort((one, two) => one - two)).toEqual(Array.from({ length: 200 }, (_, i) => i))
  }, 30_000)

  test('join() of a room that is there returns no promise, and one of a room that is being subscribed waits, too', async () => {
    await start(['native', 'native'])
    const { socket } = clients[1]
    const second = await cluster.servers[1].client()
    const [made, there] = [socket.join('r'), second.socket.join('r')]
    expect(made).toBeInstanceOf(Promise)
    expect(there).toBe(made)
    await made
    expect(subscribers('r')).toBe(1)
    const third = await cluster.servers[1].client()
    expect(third.socket.join('r')).toBeUndefined()
  })

  test('a server hears of its own rooms alone, and of none that it has left', async () => {
    await start(['native', 'native'])
    const [{ io }, other] = cluster.servers
    await clients[1].socket.join(['here', 'other'])
    expect([subscribers('here'), subscribers('nowhere'), subscribers(clients[1].id)]).toEqual([1, 0, 0])
    const published = stats(io).cluster.published
    const { received } = stats(other.io).cluster
    for (let i = 0; i < 1000; i++) io.to('nowhere').emit('n', i)
    io.to('here').emit('last')
    await until('the last has arrived', () => names(clients[1]).includes('last'))
    await until('all are published', () => stats(io).cluster.published >= published + 1001)
    // And the servers' beats.
    expect(stats(other.io).cluster.received - received).toBeLessThan(100)
    clients[1].socket.leave('here')
    await until('it is not subscribed any more', () => subscribers('here') === 0)
    expect(subscribers('other')).toBe(1)
    clients[1].disconnect()
    await until('none of its rooms is subscribed', () => subscribers('other') === 0)
  })

  test('a namespace that ends is not subscribed any more, nor are its rooms', async () => {
    await start(['native', 'native'])
    const { io } = cluster.servers[0]
    await clients[0].socket.join('room')
    io.of('/').adapter.close()
    await until('neither is subscribed', () => subscribers('room') === 0 && redis.command('PUBSUB', 'SHARDCHANNELS').split('\n').length === 4)
  })

  test.each([
    ['dynamic', ['native', 'js']],
    ['dynamic', ['js', 'native']],
    ['dynamic', ['native', 'native']],
    ['dynamic-private', ['native', 'js']],
    ['dynamic-private', ['js', 'native']],
  ])('odd names of rooms reach their members, and them alone: %s, %j', async (subscriptionMode, kinds) => {
    await start(/** @type {any} */ (kinds), { subscriptionMode })
    const [{ io }] = cluster.servers
    const rooms = ['x'.repeat(20), 'ä'.repeat(20), '😀'.repeat(10), 'a#b', '#', '/', 'ключ', '*', ' ', '"\\', 7, '7.5', 0.5, -3, 2 ** 40]
    clients[1].socket.join(rooms)
    await cluster.subscribed()
    for (const [i, room] of rooms.entries()) io.to(room).emit(`event ${i}`, Buffer.from('x'))
    io.to('x').emit('nobody')
    io.to(clients[1].id).emit('own')
    io.emit('last')
    await until('the last has arrived', () => clients.every((client) => names(client).includes('last')))
    // What goes through different channels of one Redis is in order, too.
    expect(names(clients[1])).toEqual([...rooms.map((_, i) => `event ${i}`), 'own', 'last'])
    expect(names(clients[0])).toEqual(['last'])
  })

  test('messages for several rooms, with acknowledgements and with a 20-character room are everybody\'s', async () => {
    await start(['native', 'native'])
    const [{ io }] = cluster.servers
    await clients[1].socket.join('a')
    clients[1].on('question', (/** @type {any} */ answer) => answer(5))
    io.to('a').to('b').emit('both')
    expect(await io.to('a').timeout(2000).emitWithAck('question')).toEqual([5])
    expect(names(clients[1])).toEqual(['both', 'question'])
  })

  test('a room that others are asked to join gets what follows', async () => {
    await start(['native', 'native', 'js'])
    const [{ io }] = cluster.servers
    for (let i = 0; i < 30; i++) {
      io.in(clients[1].id).socketsJoin(`joined ${i}`)
      io.in(clients[2].id).socketsJoin([`joined ${i}`, i])
      io.to(`joined ${i}`).emit(`a ${i}`)
      io.to(i).emit(`b ${i}`)
    }
    io.emit('last')
    await until('the last has arrived', () => clients.every((client) => names(client).includes('last')))
    const all = Array.from({ length: 30 }, (_, i) => i)
    expect(names(clients[1])).toEqual([...all.map((i) => `a ${i}`), 'last'])
    expect(names(clients[2])).toEqual([...all.flatMap((i) => [`a ${i}`, `b ${i}`]), 'last'])
  })

  test('direct emits and broadcasts are in order, and do not wait for Redis', async () => {
    await start(['native', 'native'])
    const { io } = cluster.servers[0]
    await clients[0].socket.join('r')
    redis.process?.kill('SIGSTOP')
    for (let i = 0; i < 50; i++) {
      io.to('r').emit('a', i)
      clients[0].socket.emit('b', i)
    }
    await until('all are there', () => clients[0].got.length === 100)
    redis.process?.kill('SIGCONT')
    expect(clients[0].got).toEqual(Array.from({ length: 100 }, (_, i) => [i % 2 ? 'b' : 'a', Math.floor(i / 2)]))
  })

  test('join() while Redis is away resolves; when it is back, the rooms of then are subscribed', async () => {
    await start(['native', 'native'])
    const [{ io }, other] = cluster.servers
    const { socket } = clients[1]
    await socket.join(['stays', 'goes'])
    const downs = cluster.servers.map((/** @type {any} */ server) => next(adapterOf(server), 'cluster:down'))
    await redis.stop()
    // Before it is noticed, or after: it does not wait for a connection.
    await within('a join', Promise.resolve(socket.join('before')))
    await Promise.all(downs)
    socket.leave('goes')
    await within('a join', Promise.resolve(socket.join('meanwhile')))
    const ups = cluster.servers.map((/** @type {any} */ server) => next(adapterOf(server), 'cluster:up'))
    await redis.start()
    await Promise.all(ups)
    await cluster.complete()
    expect(['stays', 'before', 'meanwhile', 'goes'].map(subscribers)).toEqual([1, 1, 1, 0])
    await socket.join('after')
    for (const room of ['stays', 'goes', 'before', 'meanwhile', 'after']) io.to(room).emit(room)
    await until('the last has arrived', () => names(clients[1]).includes('after'))
    expect(names(clients[1])).toEqual(['stays', 'before', 'meanwhile', 'after'])
    expect(stats(other.io).cluster.reconnects).toBe(1)
  }, 30_000)

  test('connections are cut while rooms come and go: at the end exactly the rooms that are there are subscribed', async () => {
    await start(['native', 'native'])
    for (const server of cluster.servers) adapterOf(server).on('cluster:down', () => {})
    const { socket } = clients[1]
    for (let i = 0; i < 200; i++) {
      socket.join(`r${i % 40}`)
      if (i % 3) socket.leave(`r${(i * 7) % 40}`)
      if (i % 50 === 25) redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    const there = [...socket.rooms].filter((room) => room !== socket.id).map((room) => `socket.io#/#${room}#`)
    const subscribed = () => redis.command('PUBSUB', 'SHARDCHANNELS', 'socket.io#/#r*').split('\n').filter(Boolean)
    await until('they are subscribed', () => subscribed().sort().join() === there.sort().join())
    await within('a join', Promise.resolve(socket.join('last')))
    cluster.servers[0].io.to('last').emit('last')
    await until('the last has arrived', () => names(clients[1]).includes('last'))
  }, 30_000)
})

describeWithRedis('a Redis without sharded channels', () => {
  test('is refused with what it would have to be', async () => {
    const old = await startRedis('--rename-command', 'SSUBSCRIBE', '')
    const io = new Server(0, { adapter: createAdapter({ cluster: { redis: old.url, mode: 'sharded' } }) })
    const [error] = await next(io.of('/').adapter, 'cluster:down')
    expect(error.code).toBe('ERR_CLUSTER_VERSION')
    expect(error.message).toContain('needs Redis 7.0 or later')
    io.close()
    await old.stop()
  })
})
