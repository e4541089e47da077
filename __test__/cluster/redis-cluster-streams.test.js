'use strict'

/** Mode `streams` on a Redis Cluster whose primaries die: nothing is lost, nothing comes twice, and clients come back. */

const { once } = require('node:events')
const { createEmitter, stats } = require('../..')
const { recovering } = require('../support/cluster')
const { until } = require('../support/events')
const { member } = require('../support/nomad')
const { describeWithRedis } = require('../support/redis')
const { useRedisCluster, valuesOf } = require('../support/redis-cluster')

const adapterOf = (/** @type {any} */ server) => server.io.of('/').adapter
const count = (/** @type {number} */ n) => Array.from({ length: n }, (_, i) => i)

describeWithRedis('streams on a Redis Cluster', () => {
  const own = useRedisCluster()

  test('a primary dies under load: others get all of what is in its streams and in others, once and in order', async () => {
    // Over all primaries.
    const nsps = ['/', '/a', '/b', '/c', '/d']
    const servers = await own.start(['native', 'native'], { cluster: { mode: 'streams', streamCount: 5 } })
    own.emitter = createEmitter({ redis: own.redis.option, mode: 'streams', streamCount: 5 })
    /** @type {any[]} Of each namespace, at each server. */
    const clients = []
    for (const nsp of nsps) {
      for (const { io } of servers) io.of(nsp)
      await own.cluster.complete(nsp)
      for (const server of servers) clients.push({ nsp, client: await server.client({}, nsp) })
    }
    /** @type {string[]} */
    const codes = []
    for (const source of [...servers.map(adapterOf), own.emitter]) source.on('cluster:down', (/** @type {any} */ { code }) => codes.push(code))
    let sent = 0
    const send = () => {
      for (const [i, { io }] of servers.entries()) for (const nsp of nsps) io.of(nsp).emit(`n${i}`, sent)
      sent++
    }
    const timer = setInterval(send, 10)
    await until('messages arrive', () => clients.every(({ client }) => client.got.length > 50))
    const killed = own.redis.primaryOf('socket.io-2')
    const ups = [...servers.map(adapterOf), own.emitter].map((source) => once(source, 'cluster:up'))
    await killed.stop()
    await Promise.all(ups)
    await own.cluster.complete()
    clearInterval(timer)
    for (let i = 0; i < 20; i++) send()
    await until('all have the last', () => clients.every(({ client }) => [0, 1].every((i) => valuesOf(client, `n${i}`).at(-1) === sent - 1)))
    for (const { client } of clients) for (const i of [0, 1]) expect(valuesOf(client, `n${i}`)).toEqual(count(sent))
    for (const nsp of nsps) own.emitter.of(nsp).emit('of the emitter', nsp)
    await own.emitter.flush()
    for (const { nsp, client } of clients) {
      await until('it has what the emitter wrote', () => valuesOf(client, 'of the emitter').length > 0)
      expect(valuesOf(client, 'of the emitter')).toEqual([nsp])
    }
    for (const code of codes) expect(code).toMatch(/^ERR_CLUSTER_(UNREACHABLE|REPLICA)$/)
    for (const { io } of servers) expect(stats(io).cluster).toMatchObject({ connected: 1, malformed: 0, outboxDropped: 0, trimmed: 0 })
  }, 60_000)

  test.each([
    ['native', 'native'],
    ['native', 'js'],
    ['js', 'native'],
  ])('clients come back from a %s server to a %s one, wherever their sessions are', async (from, to) => {
    const [left, right] = await own.start([from, to], recovering())
    const members = []
    for (let i = 0; i < 12; i++) members.push(await member(left))
    const ids = members.map(({ nomad }) => nomad.client.id)
    for (const { nomad } of members) await nomad.lose(left)
    const length = () => Number(own.redis.primaryOf('socket.io').command('XLEN', 'socket.io'))
    const before = length()
    left.io.to('room').emit('missed', 1)
    right.io.to('room').emit('missed too', Buffer.from([2]))
    await until('all is in the stream', () => length() === before + 2)
    for (const { nomad } of members) await nomad.come(right)
    await until('they have what they missed', () => members.every(({ nomad }) => nomad.got.length === 2))
    for (const [i, { nomad }] of members.entries()) {
      expect([nomad.client.recovered, nomad.client.id]).toEqual([true, ids[i]])
      expect([nomad.values('missed'), nomad.values('missed too')]).toEqual([[1], [Buffer.from([2])]])
    }
  }, 60_000)

  test('a client comes back after its session and stream have another primary', async () => {
    const [left, right] = await own.start(['native', 'native'], recovering())
    for (const server of [left, right]) adapterOf(server).on('cluster:down', () => {})
    const { nomad, socket } = await member(left)
    const { id } = nomad.client
    await nomad.lose(left)
    const key = `sio:session:${socket.pid}`
    const holder = own.redis.primaryOf(key)
    await until('its session is kept', () => holder.command('EXISTS', key) === '1')
    left.io.to('room').emit('missed', 1)
    const killed = own.redis.primaryOf('socket.io')
    // Else it may come behind what the other server sends.
    await until('it is in the stream', () => killed.command('XREVRANGE', 'socket.io', '+', '-', 'COUNT', '1').includes('missed'))
    for (const node of new Set([holder, killed])) await own.redis.replicated(node)
    const ups = [left, right].map((server) => once(adapterOf(server), 'cluster:up'))
    await killed.stop()
    right.io.to('room').emit('missed', 2)
    await Promise.all(ups)
    await own.cluster.complete()
    await nomad.come(right)
    await until('it has what it missed', () => nomad.values('missed').length === 2)
    expect([nomad.client.recovered, nomad.client.id, nomad.values('missed')]).toEqual([true, id, [1, 2]])
  }, 60_000)

  // The last: what clients of other servers make of such a map is not looked at here.
  test('a slot moves to another primary under load: all of it arrives, once and in order', async () => {
    const servers = await own.start(['native', 'native'], { cluster: { mode: 'streams' } })
    const clients = [await servers[0].client(), await servers[1].client()]
    for (const server of servers) adapterOf(server).on('cluster:down', () => {})
    let sent = 0
    const timer = setInterval(() => servers[0].io.emit('n', sent++), 2)
    await until('messages arrive', () => clients.every((client) => client.got.length > 50))
    const ups = servers.map((/** @type {any} */ server) => once(adapterOf(server), 'cluster:up'))
    await own.redis.move('socket.io')
    await Promise.all(ups)
    clearInterval(timer)
    servers[0].io.emit('n', sent++)
    await until('both have the last', () => clients.every((client) => valuesOf(client, 'n').at(-1) === sent - 1))
    for (const client of clients) expect(valuesOf(client, 'n')).toEqual(count(sent))
  }, 60_000)
})
