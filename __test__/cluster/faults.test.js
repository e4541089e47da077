'use strict'

/** What happens when Redis, a connection or a server fails. */

const { fork } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { Server } = require('socket.io')
const { createAdapter, createEmitter, stats } = require('../..')
const { startCluster } = require('../support/cluster')
const { next, until, within } = require('../support/events')
const { describeWithRedis, startRedis } = require('../support/redis')

describeWithRedis.each(['pubsub', 'sharded'])('faults in a %s cluster', (mode) => {
  /** @type {import('../support/redis').Redis} */
  let redis
  /** @type {any} */
  let cluster
  /** @type {any[]} */
  let clients
  /** @type {any} */
  let io
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let child

  beforeEach(async () => {
    redis = await startRedis()
    cluster = await startCluster(['native', 'native'], redis, { cluster: { mode } })
    clients = []
    for (const server of cluster.servers) clients.push(await server.client())
    io = cluster.servers[0].io
  })
  afterEach(async () => {
    child?.kill('SIGKILL')
    child = undefined
    redis.process?.kill('SIGCONT')
    await cluster.close()
    await redis.stop()
  })

  const numbers = (/** @type {any} */ client) => client.got.filter(([event]) => event === 'n').map(([, n]) => n)
  /** @param {string} event of both servers */
  const both = (event) => Promise.all(cluster.servers.map((server) => next(server.io.of('/').adapter, event)))

  test('Redis is killed and started again: local clients miss nothing, others get what waited, once and in order', async () => {
    // They know of each other since a moment: who is there is counted each second, and when somebody has come.
    await new Promise((resolve) => setTimeout(resolve, 1200))
    const down = both('cluster:down')
    await redis.stop()
    const [[error]] = await down
    expect(error.code).toBe('ERR_CLUSTER_UNREACHABLE')
    for (let i = 0; i < 100; i++) io.emit('n', i)
    const all = Array.from({ length: 100 }, (_, i) => i)
    await until('the local client has all', () => numbers(clients[0]).length === 100)
    expect(numbers(clients[1])).toEqual([])
    // As many as were counted before, if they were.
    expect([1, 2]).toContain(await io.of('/').adapter.serverCount())
    await expect(io.fetchSockets()).rejects.toMatchObject({ code: 'ERR_CLUSTER_INCOMPLETE', partial: [{ id: clients[0].id }] })
    const up = both('cluster:up')
    await redis.start()
    await up
    // Redis keeps nothing: what waited is published when the other has subscribed again.
    io.emit('n', 100)
    await until('the other has the last', () => numbers(clients[1]).includes(100))
    for (const client of clients) expect(numbers(client)).toEqual([...all, 100])
    expect(stats(io).cluster).toMatchObject({ connected: 1, reconnects: 1, outbox: 0, outboxDropped: 0 })
  }, 30_000)

  test('connections are cut: subscribed again, and nothing twice', async () => {
    const [down, up] = [both('cluster:down'), both('cluster:up')]
    redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    redis.command('CLIENT', 'KILL', 'TYPE', 'normal')
    await down
    await up
    await cluster.complete()
    for (let i = 0; i < 50; i++) io.emit('n', i)
    const all = Array.from({ length: 50 }, (_, i) => i)
    await until('all have all', () => clients.every((client) => numbers(client).length === 50))
    for (const client of clients) expect(numbers(client)).toEqual(all)
  }, 30_000)

  test('Redis stands still: local clients miss nothing; afterwards nothing comes twice', async () => {
    redis.process?.kill('SIGSTOP')
    for (let i = 0; i < 20; i++) io.emit('n', i)
    await until('the local client has all', () => numbers(clients[0]).length === 20)
    redis.process?.kill('SIGCONT')
    await until('the other has all', () => numbers(clients[1]).length === 20)
    expect(numbers(clients[1])).toEqual(Array.from({ length: 20 }, (_, i) => i))
  }, 30_000)

  async function startChild() {
    child = fork(path.join(__dirname, 'fixtures', 'server.js'), [redis.url, mode])
    await next(child, 'message')
    while ((await io.of('/').adapter.serverCount()) !== 3) await new Promise((resolve) => setTimeout(resolve, 10))
    return /** @type {import('node:child_process').ChildProcess} */ (child)
  }

  test('a frozen server is named, and the answer of the others is there', async () => {
    const frozen = await startChild()
    expect(await io.fetchSockets()).toHaveLength(2)
    frozen.kill('SIGSTOP')
    const error = await within('an error', io.fetchSockets().catch((/** @type {any} */ reason) => reason))
    expect(error.code).toBe('ERR_CLUSTER_INCOMPLETE')
    expect(error.missing).toEqual([expect.stringMatching(new RegExp(`:${frozen.pid}$`))])
    expect(error.partial.map(({ id }) => id).sort()).toEqual(clients.map(({ id }) => id).sort())
    expect(error.message).toContain('expected 2 other servers to answer, got 1')
  }, 30_000)

  test('a server is killed while it is asked: it is named, and soon', async () => {
    const killed = await startChild()
    killed.kill('SIGSTOP')
    cluster.servers[1].io.on('who', (/** @type {any} */ answer) => answer('second'))
    const asked = new Promise((resolve) => io.serverSideEmit('who', (/** @type {any} */ ...args) => resolve(args)))
    killed.kill('SIGKILL')
    const [error, answers] = await within('an answer', asked)
    expect(answers).toEqual(['second'])
    // It may have been gone before the question was sent.
    if (error) expect(error).toMatchObject({ code: 'ERR_CLUSTER_INCOMPLETE', missing: [expect.stringContaining(`:${killed.pid}`)] })
    expect(await io.fetchSockets()).toHaveLength(2)
  }, 30_000)

  test('garbage on the channels is counted and ignored', async () => {
    const { uid } = cluster.servers[1].io.of('/').adapter
    const own = { pubsub: ['socket.io-request#/#', 'socket.io-response#/#'], sharded: [`socket.io#/#${uid}#`] }[mode]
    const channels = ['socket.io#/#', 'socket.io-native#', ...own]
    const garbage = ['', '{', '{"type":7}', '{"type":6,"data":5,"requestId":1}', '{"type":3,"opts":7,"rooms":{}}', '[]', '\u0093\u00a1u', 'x'.repeat(1000)]
    for (const channel of channels) for (const text of garbage) {
      redis.command(mode === 'sharded' ? 'SPUBLISH' : 'PUBLISH', channel, text)
    }
    io.emit('n', 1)
    await until('the other has it', () => numbers(clients[1]).length === 1)
    await until('they are counted', () => stats(io).cluster?.malformed > 5)
    expect(await io.fetchSockets()).toHaveLength(2)
  }, 30_000)
})

describeWithRedis('a Redis that refuses', () => {
  test('a wrong password is told, and not shown', async () => {
    const redis = await startRedis('--requirepass', 'right-secret')
    const redisUrl = `redis://:wrong-secret@127.0.0.1:${redis.port}`
    const io = new Server(0, { adapter: createAdapter({ cluster: { redis: redisUrl } }) })
    const [error] = await next(io.of('/').adapter, 'cluster:down')
    expect(error).toMatchObject({ code: 'ERR_CLUSTER_AUTH' })
    expect(JSON.stringify([error, error.message, error.stack, stats(io)])).not.toContain('secret')
    io.close()
    await redis.stop()
  })

  test('with the right one, a database and a Unix socket it works', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'redis-socket-'))
    const socket = path.join(folder, 'redis.sock')
    const redis = await startRedis('--requirepass', 'right-secret', '--unixsocket', socket)
    for (const url of [`redis://default:right-secret@127.0.0.1:${redis.port}/3`, `unix://:right-secret@${socket}`]) {
      const address = url.startsWith('unix') ? { path: socket, password: 'right-secret' } : url
      for (const mode of ['pubsub', 'streams']) {
        const io = new Server(0, { adapter: createAdapter({ cluster: { redis: address, mode } }) })
        await next(io.of('/').adapter, 'cluster:up')
        io.emit('entry', 'x'.repeat(10_000))
        // Entries of a stream are read on a connection that is not the client library's.
        await until('it has read its entry', () => mode === 'pubsub' || Number(stats(io).cluster?.receivedBytes) > 10_000)
        io.close()
      }
    }
    await redis.stop()
    fs.rmSync(folder, { recursive: true })
  })
})

test.each([
  [{ redis: 'redis://h', mode: 'cluster' }, 'ERR_CLUSTER_MODE'],
  [{ redis: 'redis://h', mode: 'sharded', subscriptionMode: 'all' }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h', subscriptionMode: 'static' }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h', mode: 'sharded', key: 'a', channelPrefix: 'b' }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h', mode: 'streams', useShardedPubSub: true }, 'ERR_CLUSTER_UNSUPPORTED'],
  [{ redis: 'redis://h', mode: 'streams', streamCount: 0 }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h', mode: 'streams', maxLen: '5' }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h', mode: 'streams', streamName: '' }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h', maxLen: 5 }, 'ERR_INVALID_OPTION'],
  [{ redis: { sentinel: 'h' } }, 'ERR_CLUSTER_UNSUPPORTED'],
  [{ redis: { nodes: [] } }, 'ERR_CLUSTER_UNSUPPORTED'],
  [{ redis: { cluster: [] } }, 'ERR_INVALID_OPTION'],
  [{ redis: { cluster: ['redis://h/1'] } }, 'ERR_INVALID_OPTION'],
  [{ redis: { cluster: ['redis://h'], database: 1 } }, 'ERR_INVALID_OPTION'],
  [{ redis: { cluster: ['redis://h'], sentinels: ['h'], name: 'm' } }, 'ERR_INVALID_OPTION'],
  [{ redis: { cluster: [] }, mode: 'sharded' }, 'ERR_INVALID_OPTION'],
  [{ redis: { cluster: ['redis://:secret@h/1'] }, mode: 'sharded' }, 'ERR_INVALID_OPTION'],
  [{ redis: 'http://user:secret@h' }, 'ERR_INVALID_OPTION'],
  [{ redis: 'secret' }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://:secret%zz@h' }, 'ERR_INVALID_OPTION'],
  [{ redis: { host: '' } }, 'ERR_INVALID_OPTION'],
  [{ redis: { host: 'h', path: '/p' } }, 'ERR_INVALID_OPTION'],
  [{ redis: { host: 'h', tls: { caa: 'secret' } } }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h?db=-1' }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h', outbox: null }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h', outbox: 5 }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h', outbox: [] }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h', outbox: { message: 1 } }, 'ERR_INVALID_OPTION'],
  [{ redis: { password: 5 } }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h', key: '' }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h', other: 1 }, 'ERR_INVALID_OPTION'],
  [{}, 'ERR_INVALID_OPTION'],
  ['redis://h', 'ERR_INVALID_OPTION'],
])('the option %j is refused with %s', (cluster, code) => {
  const make = () => createAdapter(/** @type {any} */ ({ cluster }))
  expect(make).toThrow(expect.objectContaining({ code }))
  expect(make).not.toThrow(/secret/)
  if (typeof cluster !== 'object') return
  const emitter = () => createEmitter(/** @type {any} */ (cluster))
  expect(emitter).toThrow(expect.objectContaining({ code }))
  expect(emitter).not.toThrow(/secret/)
})
