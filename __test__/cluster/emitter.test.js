'use strict'

/** `createEmitter()`: each operation on servers of both kinds, and what happens when Redis is away or the process ends. */

const { execFile } = require('node:child_process')
const path = require('node:path')
const { promisify } = require('node:util')
const { createEmitter } = require('../..')
const { startCluster } = require('../support/cluster')
const { next, until } = require('../support/events')
const { describeWithRedis, startRedis } = require('../support/redis')

/** By mode: the servers that hear it. */
const CLUSTERS = [
  ['pubsub', ['js', 'native']],
  ['sharded', ['js', 'native']],
  ['streams', ['js', 'native']],
]

const numbers = (/** @type {any} */ client) => client.got.filter(([event]) => event === 'n').map(([, n]) => n)
const upTo = (/** @type {number} */ count) => Array.from({ length: count }, (_, n) => n)

describeWithRedis.each(CLUSTERS)('the emitter of mode %s', (mode, kinds) => {
  /** @type {import('../support/redis').Redis} */
  let redis
  /** @type {any} */
  let cluster
  /** @type {any[]} */
  let servers
  /** @type {any[]} */
  let clients
  /** @type {any} */
  let emitter

  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())
  beforeEach(async () => {
    cluster = await startCluster(kinds, redis, { cluster: mode === 'pubsub' ? {} : { mode } })
    servers = cluster.servers
    clients = []
    for (const server of servers) clients.push(await server.client())
    emitter = createEmitter({ redis: redis.url, mode })
  })
  afterEach(async () => {
    await emitter.close()
    await cluster.close()
  })

  /** What each client got before a mark that is sent after it. */
  async function got(from = emitter, of = clients) {
    from.emit('mark')
    await until('all have the mark', () => of.every((client) => client.got.some(([event]) => event === 'mark')))
    return of.map((client) => client.got.filter(([event]) => event !== 'mark'))
  }

  test('events reach everybody once, with all that JSON has, bytes, dates and classes', async () => {
    const data = { text: 'ä€𝄞"\\\n', list: [1, -1, 1.5, 2 ** 31, -(2 ** 40), 0.1, true, null, [], {}], 10: 'ten' }
    const bytes = Buffer.from([0, 1, 2, 255])
    class Point {
      toJSON() {
        return { x: 1 }
      }
    }
    emitter.emit('all', data, 7)
    emitter.emit('binary', { bytes, list: [bytes] }, new Date(1234567890123), new Point())
    const each = [['all', data, 7], ['binary', { bytes, list: [bytes] }, '2009-02-13T23:31:30.123Z', { x: 1 }]]
    expect(await got()).toEqual([each, each])
  })

  test('rooms, except, volatile and compress; an operator can be used again', async () => {
    clients[0].socket.join(['a', 'b'])
    clients[1].socket.join(['a', 7])
    await cluster.complete()
    const toA = emitter.to('a')
    toA.emit('one', 1)
    emitter.to('a').to(['b', 'c']).emit('two', 2)
    toA.except('b').volatile.emit('three', 3)
    emitter.in(clients[0].id).compress(true).emit('four', 4)
    emitter.to(7).emit('seven')
    emitter.to('nobody').emit('never')
    emitter.except(['a', 'b']).emit('never')
    toA.emit('five', 5)
    expect(await got()).toEqual([
      [['one', 1], ['two', 2], ['four', 4], ['five', 5]],
      [['one', 1], ['two', 2], ['three', 3], ['seven'], ['five', 5]],
    ])
  })

  test('order is kept', async () => {
    for (let n = 0; n < 3000; n++) emitter.emit('n', n)
    await emitter.flush()
    expect(emitter.stats()).toMatchObject({ connected: 1, published: 3000, outbox: 0, outboxDropped: 0, unconfirmed: 0 })
    await got()
    for (const client of clients) expect(numbers(client)).toEqual(upTo(3000))
  })

  test('socketsJoin, socketsLeave, disconnectSockets', async () => {
    emitter.socketsJoin(['x', 'y'])
    emitter.to('x').emit('in')
    emitter.in(clients[1].id).socketsLeave('x')
    emitter.to('x').emit('left')
    emitter.to('y').emit('y')
    expect(await got()).toEqual([
      [['in'], ['left'], ['y']],
      [['in'], ['y']],
    ])
    const ended = clients.map((client) => new Promise((resolve) => client.once('disconnect', resolve)))
    emitter.in('y').disconnectSockets(true)
    expect(await Promise.all(ended)).toEqual(['transport close', 'transport close'].map(() => expect.stringMatching(/disconnect|close/)))
    await until('they are gone', () => servers.every(({ io }) => io.of('/').sockets.size === 0))
  })

  test('serverSideEmit', async () => {
    const heard = servers.map(({ io }) => next(io, 'side'))
    emitter.serverSideEmit('side', 5, { a: [1] })
    expect(await Promise.all(heard)).toEqual([[5, { a: [1] }], [5, { a: [1] }]])
  })

  test('namespaces, with and without their slash', async () => {
    for (const { io } of servers) io.of('/chat')
    await cluster.complete('/chat')
    const others = []
    for (const server of servers) others.push(await server.client({}, '/chat'))
    emitter.of('/chat').to(others[0].id).emit('one', Buffer.from('x'))
    emitter.of('chat').emit('chat', 1)
    expect(await got(emitter.of('/chat'), others)).toEqual([[['one', Buffer.from('x')], ['chat', 1]], [['chat', 1]]])
    expect(await got()).toEqual([[], []])
  })

  test('more namespaces than are kept', async () => {
    for (const { io } of servers) io.of('/last')
    await cluster.complete('/last')
    const last = await servers[0].client({}, '/last')
    for (let n = 0; n < 1500; n++) emitter.of(`/n${n}`).emit('n')
    emitter.of('/last').emit('here')
    for (let n = 0; n < 1500; n++) emitter.of(`/n${n}`).emit('n')
    expect(await got(emitter.of('/last'), [last])).toEqual([[['here']]])
    expect(emitter.stats().outboxDropped).toBe(0)
  })

  test('what cannot be is refused', async () => {
    for (const event of ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener']) {
      expect(() => emitter.emit(event)).toThrow(expect.objectContaining({ code: 'ERR_RESERVED_EVENT' }))
    }
    expect(() => emitter.serverSideEmit('connection')).toThrow(expect.objectContaining({ code: 'ERR_RESERVED_EVENT' }))
    for (const ask of [() => emitter.emit('a', () => {}), () => emitter.serverSideEmit('a', 1, () => {})]) {
      expect(ask).toThrow(expect.objectContaining({ code: 'ERR_NO_ACKNOWLEDGEMENTS' }))
    }
    expect(() => emitter.emit('big', 1n)).toThrow(TypeError)
    expect(emitter.stats().outbox).toBe(0)
    await emitter.close()
    await emitter.close()
    expect(() => emitter.emit('late')).toThrow(expect.objectContaining({ code: 'ERR_CLUSTER_CLOSED' }))
  })
})

describeWithRedis('an emitter when things go wrong', () => {
  /** @type {import('../support/redis').Redis} */
  let redis
  /** @type {any} */
  let cluster
  /** @type {any} */
  let client

  beforeEach(async () => {
    redis = await startRedis()
    cluster = await startCluster(['native'], redis)
    client = await cluster.servers[0].client()
    // Without a listener it would be a warning.
    cluster.servers[0].io.of('/').adapter.on('cluster:down', () => {})
  })
  afterEach(async () => {
    await cluster.close()
    await redis.stop()
  })

  test('Redis is away: what is emitted waits, and the newest stay; nothing comes twice', async () => {
    const emitter = createEmitter({ redis: redis.url, outbox: { messages: 10 } })
    await next(emitter, 'cluster:up')
    const { adapter } = cluster.servers[0].io.of('/')
    const [down, serverDown] = [next(emitter, 'cluster:down'), next(adapter, 'cluster:down')]
    await redis.stop()
    expect((await down)[0]).toMatchObject({ code: 'ERR_CLUSTER_UNREACHABLE' })
    await serverDown
    for (let n = 0; n < 25; n++) emitter.emit('n', n)
    await expect(emitter.flush({ timeout: 50 })).rejects.toMatchObject({ code: 'ERR_CLUSTER_UNREACHABLE' })
    expect(emitter.stats()).toMatchObject({ connected: 0, outbox: 10, outboxDropped: 15 })
    const up = [next(emitter, 'cluster:up'), next(adapter, 'cluster:up')]
    await redis.start()
    await Promise.all(up)
    await emitter.flush()
    // Whether the server was subscribed by then is chance: what it got is in order.
    emitter.emit('n', 25)
    await until('the last is there', () => numbers(client).includes(25))
    expect(numbers(client)).toEqual([...new Set(numbers(client))].sort((a, b) => a - b))
    expect(numbers(client)[0]).toBeGreaterThanOrEqual(15)
    expect(emitter.stats()).toMatchObject({ connected: 1, reconnects: 1, outbox: 0, outboxDropped: 15 })
    for (let n = 0; n < 25; n++) emitter.emit('m', n)
    await expect(emitter.close()).rejects.toMatchObject({ code: 'ERR_CLUSTER_LOST' })
  }, 30_000)

  test('connections are cut: it is noticed without emitting, and mended', async () => {
    const emitter = createEmitter({ redis: redis.url })
    await next(emitter, 'cluster:up')
    const { adapter } = cluster.servers[0].io.of('/')
    const all = [emitter, adapter].flatMap((each) => [next(each, 'cluster:down'), next(each, 'cluster:up')])
    redis.command('CLIENT', 'KILL', 'TYPE', 'normal')
    await Promise.all(all)
    emitter.emit('n', 1)
    await until('it is there', () => numbers(client).length === 1)
    await emitter.close()
  }, 30_000)

  test('without Redis: one error or warning, no rejection, and close() tells what was not published', async () => {
    await redis.stop()
    const emitter = createEmitter({ redis: redis.url })
    /** @type {any[]} */
    const errors = []
    emitter.on('cluster:down', (/** @type {any} */ error) => errors.push(error.code))
    emitter.emit('lost')
    emitter.flush({ timeout: 1 })
    await expect(emitter.close({ timeout: 500 })).rejects.toMatchObject({ code: 'ERR_CLUSTER_UNREACHABLE' })
    expect(errors).toEqual(['ERR_CLUSTER_UNREACHABLE'])
  }, 30_000)

  test.each([
    ['close', 'closed\n'],
    ['end', ''],
  ])('a process that emits and ends publishes all (%s)', async (how, output) => {
    const fixture = path.join(__dirname, 'fixtures', 'emitter.js')
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [fixture, redis.url, '5000', how], { timeout: 20_000 })
    expect([stdout, stderr]).toEqual([output, ''])
    await until('all are there', () => numbers(client).length === 5000)
    expect(numbers(client)).toEqual(upTo(5000))
  }, 30_000)

  test('servers do not count it', async () => {
    const emitter = createEmitter({ redis: redis.url })
    await next(emitter, 'cluster:up')
    expect(await cluster.servers[0].io.of('/').adapter.serverCount()).toBe(1)
    await emitter.close()
  })
})

test.each([
  [{ redis: 'redis://h', mode: 'other' }, 'ERR_CLUSTER_MODE'],
  [{ redis: 'http://user:secret@h' }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h', key: '' }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h', other: 1 }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h', requestsTimeout: 1 }, 'ERR_INVALID_OPTION'],
  [{ redis: 'redis://h', outbox: { messages: 0 } }, 'ERR_INVALID_OPTION'],
  [{}, 'ERR_INVALID_OPTION'],
  ['redis://h', 'ERR_INVALID_OPTION'],
  [undefined, 'ERR_INVALID_OPTION'],
])('the options %j are refused with %s', (options, code) => {
  const make = () => createEmitter(/** @type {any} */ (options))
  expect(make).toThrow(expect.objectContaining({ code, message: expect.stringMatching(/^createEmitter: expected/) }))
  expect(make).not.toThrow(/secret/)
})
