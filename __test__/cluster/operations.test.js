'use strict'

/**
 * Every operation over three servers: all with this adapter, all with the JavaScript one, and one of a kind in each position. A
 * test that the JavaScript servers fail among themselves is a wrong test.
 */

const { createClient } = require('redis')
const { EMITTERS } = require('../support/emitters')
const { until } = require('../support/events')
const { startCluster } = require('../support/cluster')
const { describeWithRedis, startRedis } = require('../support/redis')

// Those that begin with a JavaScript server first: its timers of acknowledgements run on for their time-out.
const CLUSTERS = [
  ['js', 'js', 'js'],
  ['js', 'native', 'js'],
  ['js', 'js', 'native'],
  ['js', 'native', 'native'],
  ['native', 'js', 'js'],
  ['native', 'native', 'js'],
  ['native', 'native', 'native'],
]

/** Each mode with its options. @type {[mode: string, options: any][]} */
const MODES = [
  ['pubsub', {}],
  ['sharded', { subscriptionMode: 'static' }],
  ['sharded', { subscriptionMode: 'dynamic' }],
  ['sharded', { subscriptionMode: 'dynamic-private' }],
  ['streams', {}],
]
const MIXES = MODES.flatMap(([mode, options]) => CLUSTERS.map((kinds) => /** @type {const} */ ([mode, kinds, options])))

/** @type {import('../support/redis').Redis} */
let redis
beforeAll(async () => {
  if (describeWithRedis === describe) redis = await startRedis()
})
afterAll(() => redis?.stop())

/** @param {any[]} clients @param {string} mark */
async function mark(clients, mark) {
  await until(`all have ${mark}`, () => clients.every(({ got }) => got.some(([event]) => event === mark)))
}

describeWithRedis.each(MIXES)('a %s cluster of %j %j', (mode, kinds, options) => {
  /** @type {any} */
  let cluster
  /** @type {any[]} */
  let servers
  /** @type {any[]} */
  let clients
  /** @type {any} */
  let io

  beforeEach(async () => {
    cluster = await startCluster([...kinds], redis, { cluster: { mode, ...options } })
    servers = cluster.servers
    clients = []
    for (const server of servers) clients.push(await server.client())
    io = servers[0].io
  })
  afterEach(() => cluster.close())

  /** What each client got before a mark that is sent after it. @param {any} [from] */
  async function got(from = io) {
    from.emit('mark')
    await mark(clients, 'mark')
    return clients.map((client) => client.got.filter(([event]) => event !== 'mark'))
  }

  test('a broadcast reaches everybody once, with all that JSON has', async () => {
    const data = { text: 'ä€𝄞"\\\n', list: [1, -1, 1.5, 2 ** 31, -(2 ** 40), 0.1, true, null, [], {}], '10': 'ten' }
    io.emit('all', data, 7)
    const each = [['all', data, 7]]
    expect(await got()).toEqual([each, each, each])
  })

  test('rooms, except and the operators of a socket', async () => {
    clients[0].socket.join(['a', 'b'])
    clients[1].socket.join('a')
    clients[2].socket.join('b')
    await cluster.subscribed()
    io.to('a').emit('one', 1)
    io.to('a').to('b').emit('two', 2)
    io.to('a').except('b').emit('three', 3)
    io.to(clients[2].id).emit('four', 4)
    clients[0].socket.broadcast.emit('five', 5)
    io.to('nobody').emit('never')
    expect(await got()).toEqual([
      [['one', 1], ['two', 2]],
      [['one', 1], ['two', 2], ['three', 3], ['five', 5]],
      [['two', 2], ['four', 4], ['five', 5]],
    ])
  })

  test('binary data, dates and classes', async () => {
    const bytes = Buffer.from([0, 1, 2, 255])
    class Point {
      toJSON() {
        return { x: 1 }
      }
    }
    const [date, iso] = [new Date(1234567890123), '2009-02-13T23:31:30.123Z']
    io.emit('binary', { bytes, list: [bytes] }, date)
    // Apart: what the JavaScript streams adapter packs bytes with ignores toJSON().
    io.emit('classes', date, new Point())
    for (const client of await got()) {
      expect(client).toEqual([
        ['binary', { bytes, list: [bytes] }, iso],
        ['classes', iso, { x: 1 }],
      ])
    }
  })

  test('numeric rooms are not those of their text', async () => {
    clients[1].socket.join(7)
    clients[2].socket.join('7')
    await cluster.subscribed()
    io.to(7).emit('number')
    io.to('7').emit('text')
    expect(await got()).toEqual([[], [['number']], [['text']]])
  })

  test('local stays here', async () => {
    io.local.emit('here')
    expect(await got()).toEqual([[['here']], [], []])
  })

  test('order is kept from each server', async () => {
    for (let i = 0; i < 300; i++) io.emit('n', i)
    for (const client of await got()) expect(client.map(([, n]) => n)).toEqual(Array.from({ length: 300 }, (_, i) => i))
  })

  test('order is kept by what only JavaScript can deliver', async () => {
    // A key that MessagePack's decoder for JavaScript drops, numbers that JSON does not have, rooms that are no texts.
    const odd = [JSON.parse('{ "__proto__": { "a": 1 } }'), Infinity, new Map([[1, 2]]), new Date(5), -0, 2n ** 10n]
    for (let n = 0; n < 60; n++) {
      if (n % 3 === 0) io.emit('n', n, typeof odd[n % 6] === 'bigint' ? 'none' : odd[n % 6])
      else if (n % 3 === 1) io.except(/** @type {any} */ ({ none: 1 })).emit('n', n)
      else io.emit('n', n)
    }
    io.emit('end')
    await mark(clients, 'end')
    for (const { got } of clients) {
      expect(got.filter(([event]) => event === 'n').map(([, n]) => n)).toEqual(Array.from({ length: 60 }, (_, n) => n))
    }
  })

  test('acknowledgements of all clients', async () => {
    clients.forEach((client, i) => client.on('question', (/** @type {any} */ ...args) => args.at(-1)(i)))
    const answers = await io.timeout(3000).emitWithAck('question', 1)
    expect(answers.sort()).toEqual([0, 1, 2])
  })

  test('acknowledgements: who does not answer is missing', async () => {
    clients[0].on('question', (/** @type {any} */ answer) => answer('a'))
    clients[1].on('question', (/** @type {any} */ answer) => answer(Buffer.from('b')))
    const [error, answers] = await new Promise((resolve) => io.timeout(400).emit('question', (/** @type {any} */ ...args) => resolve(args)))
    expect(error).toBeInstanceOf(Error)
    expect(answers).toHaveLength(2)
    expect(answers).toContainEqual(Buffer.from('b'))
  })

  test('fetchSockets and allSockets', async () => {
    clients[1].socket.data.name = 'bob'
    clients[1].socket.join('room')
    const sockets = await io.fetchSockets()
    expect(sockets.map(({ id }) => id).sort()).toEqual(clients.map(({ id }) => id).sort())
    const [remote] = await io.in('room').fetchSockets()
    expect(remote.id).toBe(clients[1].id)
    expect(remote.data).toEqual({ name: 'bob' })
    expect([...remote.rooms].sort()).toEqual([clients[1].id, 'room'].sort())
    expect(remote.handshake.headers).toBeDefined()
    expect(await io.local.fetchSockets()).toHaveLength(1)
  })

  test('socketsJoin, socketsLeave: what follows finds the rooms as they are then', async () => {
    io.socketsJoin(['x', 'y'])
    // JavaScript servers do not wait: what is for the room alone may pass those that are not subscribed to it yet.
    if (mode === 'sharded' && kinds[0] === 'js') await cluster.subscribed(['x', 'y'])
    io.to('x').emit('in')
    io.in(clients[2].id).socketsLeave('x')
    io.to('x').emit('left')
    io.to('y').emit('y')
    const [first, ...others] = await got()
    expect(others).toEqual([
      [['in'], ['left'], ['y']],
      [['in'], ['y']],
    ])
    // A JavaScript server joins its own sockets when its request comes back from Redis.
    if (kinds[0] === 'native') expect(first).toEqual([['in'], ['left'], ['y']])
  })

  test('disconnectSockets', async () => {
    const ended = new Promise((resolve) => clients[1].once('disconnect', resolve))
    io.in(clients[1].id).disconnectSockets()
    expect(await ended).toBe('io server disconnect')
    await until('it is gone', () => servers[1].io.of('/').sockets.size === 0)
    expect(servers[2].io.of('/').sockets.size).toBe(1)
  })

  test('serverSideEmit, and with acknowledgements', async () => {
    /** @type {any[]} */
    const heard = []
    servers.forEach((server, i) => {
      server.io.on('hello', (/** @type {any[]} */ ...args) => heard.push([i, ...args]))
      server.io.on('sum', (/** @type {any} */ a, /** @type {any} */ b, /** @type {any} */ answer) => answer(a + b + i))
    })
    io.serverSideEmit('hello', { a: [1] })
    expect((await io.serverSideEmitWithAck('sum', 1, 2)).sort()).toEqual([4, 5])
    await until('both have heard', () => heard.length === 2)
    expect(heard.sort()).toEqual([[1, { a: [1] }], [2, { a: [1] }]])
  })

  test('serverCount', async () => {
    for (const server of servers) expect(await server.io.of('/').adapter.serverCount()).toBe(3)
  })

  test('namespaces, also dynamic ones, hear only their own', async () => {
    for (const server of servers) server.io.of(/^\/dynamic-\d+$/)
    const others = []
    for (const server of servers) others.push(await server.client({}, '/dynamic-1'))
    await cluster.complete('/dynamic-1')
    io.of('/dynamic-1').emit('dynamic', Buffer.from('x'))
    io.emit('main')
    await mark(others, 'dynamic')
    expect(await got()).toEqual([[['main']], [['main']], [['main']]])
    for (const client of others) expect(client.got).toEqual([['dynamic', Buffer.from('x')]])
  })

  test('clients on long-polling, and those with outgoing listeners', async () => {
    const polling = await servers[1].client({ transports: ['polling'] })
    /** @type {any[]} */
    const outgoing = []
    clients[1].socket.onAnyOutgoing((/** @type {any[]} */ ...args) => outgoing.push(args))
    clients.push(polling)
    io.emit('both', { a: 1 }, Buffer.from('b'))
    for (const client of await got()) expect(client).toEqual([['both', { a: 1 }, Buffer.from('b')]])
    expect(outgoing[0]).toEqual(['both', { a: 1 }, Buffer.from('b')])
  })

  // There is none for mode `sharded`.
  const testEmitter = EMITTERS[mode] ? test : () => {}
  testEmitter('the emitter reaches all', async () => {
    const client = createClient({ url: redis.url })
    await client.connect()
    const emitter = EMITTERS[mode](client)
    emitter.socketsJoin('joined')
    emitter.to('joined').emit('from', 'outside', Buffer.from('x'))
    emitter.in(clients[0].id).socketsLeave('joined')
    emitter.to('joined').emit('two')
    const heard = servers.map((server) => new Promise((resolve) => server.io.once('side', resolve)))
    emitter.serverSideEmit('side', 5)
    expect(await Promise.all(heard)).toEqual([5, 5, 5])
    const from = ['from', 'outside', Buffer.from('x')]
    expect(await got(emitter)).toEqual([[from], [from, ['two']], [from, ['two']]])
    // What it has sent may have arrived before Redis has answered.
    await client.quit()
  })
})
