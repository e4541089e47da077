'use strict'

/** What is no cluster: two apps on one Redis, a Redis that is no primary; and TLS. */

const { Server } = require('socket.io')
const { createAdapter, createEmitter } = require('../..')
const { selfSigned } = require('../support/certificate')
const { startCluster, useCluster } = require('../support/cluster')
const { next, until } = require('../support/events')
const { describeWithRedis, startRedis, startTlsRedis } = require('../support/redis')

const numbers = (/** @type {any} */ client) => client.got.filter(([event]) => event === 'n').map(([, n]) => n)

describeWithRedis('a Redis behind TLS', () => {
  test('an emitter is heard when it trusts the certificate, and says why when it does not', async () => {
    const { redis, port, cert, stop } = await startTlsRedis()
    const cluster = await startCluster(['native'], redis)
    const client = await cluster.servers[0].client()
    const emitter = createEmitter({ redis: { host: 'localhost', port, tls: { ca: cert } } })
    emitter.emit('n', 1)
    await until('it is there', () => numbers(client).length === 1)
    await emitter.close()
    const stranger = createEmitter({ redis: { host: 'localhost', port, tls: { ca: selfSigned().cert } } })
    const [error] = await next(stranger, 'cluster:down')
    expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_CLUSTER_/), message: expect.stringMatching(/certificate/i) })
    await stranger.close({ timeout: 10 })
    await cluster.close()
    await stop()
  }, 20_000)

  test.each(['pubsub', 'sharded'])('is what servers in mode %s have between them', async (mode) => {
    const { redis, port, cert, stop } = await startTlsRedis()
    const cluster = await startCluster(['native', 'native'], redis, { cluster: { mode, redis: { host: 'localhost', port, tls: { ca: cert } } } })
    const client = await cluster.servers[1].client()
    cluster.servers[0].io.emit('n', 1)
    await until('it is there', () => numbers(client).length === 1)
    expect(await cluster.servers[0].io.fetchSockets()).toHaveLength(1)
    await cluster.close()
    await stop()
  })
})

describeWithRedis('a Redis that is a replica', () => {
  test('is refused: what it publishes reaches few', async () => {
    const redis = await startRedis()
    const replica = await startRedis('--replicaof', '127.0.0.1', String(redis.port))
    const io = new Server(0, { adapter: createAdapter({ cluster: { redis: replica.url } }) })
    const [error] = await next(io.of('/').adapter, 'cluster:down')
    expect(error).toMatchObject({ code: 'ERR_CLUSTER_REPLICA' })
    const emitter = createEmitter({ redis: replica.url })
    const [refused] = await next(emitter, 'cluster:down')
    expect(refused).toMatchObject({ code: 'ERR_CLUSTER_REPLICA' })
    await emitter.close()
    io.close()
    await replica.stop()
    await redis.stop()
  }, 20_000)
})

describeWithRedis('two apps on one Redis', () => {
  const own = useCluster(['native', 'native'])

  test('with the same key and namespaces of their own do not disturb each other', async () => {
    const [{ io }, { io: other }] = own.servers
    const first = await own.servers[0].client()
    io.of('/one')
    other.of('/two')
    const [one, two] = [await own.servers[0].client({}, '/one'), await own.servers[1].client({}, '/two')]
    io.of('/one').emit('n', 1)
    other.of('/two').emit('n', 2)
    await until('each has its own', () => numbers(one).length === 1 && numbers(two).length === 1)
    expect([numbers(one), numbers(two), numbers(first)]).toEqual([[1], [2], []])
    expect(await io.of('/one').adapter.serverCount()).toBe(1)
    expect(await other.of('/two').fetchSockets()).toHaveLength(1)
  })

  test('with keys of their own do not hear each other', async () => {
    const apart = await startCluster(['native'], own.redis, { cluster: { key: 'other' } })
    const [client, stranger] = [await own.servers[1].client(), await apart.servers[0].client()]
    apart.servers[0].io.emit('n', 1)
    own.servers[0].io.emit('n', 2)
    await until('it is there', () => numbers(client).length === 1)
    expect([numbers(client), numbers(stranger)]).toEqual([[2], [1]])
    expect(await apart.servers[0].io.fetchSockets()).toHaveLength(1)
    await apart.close()
  })
})
