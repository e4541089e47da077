'use strict'

/** A primary that sentinels name: it dies, it is demoted, and sentinels that are of no use. */

const { once } = require('node:events')
const net = require('node:net')
const tls = require('node:tls')
const { Server } = require('socket.io')
const { createAdapter, createEmitter, stats } = require('../..')
const { selfSigned } = require('../support/certificate')
const { startCluster } = require('../support/cluster')
const { next, until } = require('../support/events')
const { describeWithRedis, freePort, startRedis } = require('../support/redis')
const { Sentinels } = require('../support/sentinels')

const MODES = ['pubsub', 'sharded', 'streams']
const adapterOf = (/** @type {any} */ server) => server.io.of('/').adapter
const numbers = (/** @type {any} */ client) => client.got.filter(([event]) => event === 'n').map(([, n]) => n)
const count = (/** @type {number} */ n) => Array.from({ length: n }, (_, i) => i)

/** Codes of what is lost while another server becomes the primary. */
const LOST = /^ERR_CLUSTER_(UNREACHABLE|REPLICA)$/

describeWithRedis('a primary with a replica and sentinels', () => {
  /** @type {Sentinels} */
  let redis
  /** @type {any} */
  let cluster
  /** @type {any} */
  let emitter

  beforeEach(async () => {
    redis = await new Sentinels().start({ sentinels: 3 })
  }, 30_000)
  afterEach(async () => {
    await emitter?.close({ timeout: 10 }).catch(() => {})
    await cluster?.close()
    emitter = cluster = undefined
    await redis.stop()
  })

  /** Two servers, with a client each, and an emitter; `codes` are those of what they lose. @param {string} mode */
  async function start(mode) {
    cluster = await startCluster(['native', 'native'], /** @type {any} */ (redis), {
      cluster: { mode },
      server: mode === 'streams' ? { connectionStateRecovery: {} } : {},
    })
    emitter = createEmitter({ redis: redis.option, mode: /** @type {any} */ (mode) })
    await next(emitter, 'cluster:up')
    const clients = []
    for (const server of cluster.servers) clients.push(await server.client())
    /** @type {string[]} */
    const codes = []
    for (const source of [...cluster.servers.map(adapterOf), emitter]) source.on('cluster:down', (/** @type {any} */ { code }) => codes.push(code))
    /** When each has lost its connection and has another one. */
    const back = () => Promise.all([...cluster.servers.map(adapterOf), emitter].map((source) => once(source, 'cluster:up')))
    return { servers: cluster.servers, clients, codes, back }
  }

  /** What servers and emitters can do, all of it over Redis. @param {any} servers @param {any[]} clients */
  async function works([one, other], clients) {
    await cluster.complete()
    for (const { socket } of clients) socket.join('room')
    await cluster.subscribed(['room'])
    one.io.to('room').emit('to the room')
    emitter.to('room').emit('of the emitter')
    await emitter.flush()
    const has = (/** @type {string} */ name) => clients.every((client) => client.got.some(([event]) => event === name))
    await until('both have both', () => has('to the room') && has('of the emitter'))
    expect((await one.io.fetchSockets()).map(({ id }) => id).sort()).toEqual(clients.map(({ id }) => id).sort())
    other.io.removeAllListeners('sum').on('sum', (/** @type {any} */ a, /** @type {any} */ answer) => answer(a + 1))
    expect(await one.io.serverSideEmitWithAck('sum', 1)).toEqual([2])
  }

  test.each(MODES)('%s: the primary is killed: all go on with the replica, in order, nothing comes twice', async (mode) => {
    const { servers, clients, codes, back } = await start(mode)
    await works(servers, clients)
    let sent = 0
    const send = () => servers[0].io.emit('n', sent++)
    for (let i = 0; i < 20; i++) send()
    await until('they are there', () => numbers(clients[1]).length === sent)
    await redis.replicated()
    const again = back()
    const { replica } = await redis.kill()
    const sending = setInterval(send, 10)
    await again
    await redis.promoted(replica)
    await cluster.complete()
    clearInterval(sending)
    const first = sent
    for (let i = 0; i < 20; i++) send()
    await until('both have the last', () => clients.every((client) => numbers(client).includes(sent - 1)))
    expect(numbers(clients[0])).toEqual(count(sent))
    const got = numbers(clients[1])
    expect(got).toEqual([...new Set(got)].sort((a, b) => a - b))
    expect(got.filter((n) => n < 20 || n >= first)).toHaveLength(40)
    // What waited in the outbox is in the stream.
    if (mode === 'streams') expect(got).toEqual(count(sent))
    clients.forEach((client) => (client.got = []))
    await works(servers, clients)
    expect(codes.length).toBeGreaterThanOrEqual(3)
    for (const code of codes) expect(code).toMatch(LOST)
    expect(stats(servers[0].io).cluster).toMatchObject({ connected: 1, malformed: 0, outboxDropped: 0 })
  }, 60_000)

  test.each(MODES)('%s: the primary is made a replica, and leaves its clients connected: they go to the other', async (mode) => {
    const { servers, clients, codes, back } = await start(mode)
    const again = back()
    const refused = [...servers.map(adapterOf), emitter].map((source) => next(source, 'cluster:down'))
    const chosen = await redis.swap()
    servers.forEach(({ io }) => io.emit('something that a replica refuses to write'))
    for (const [{ code }] of await Promise.all(refused)) expect(code).toBe('ERR_CLUSTER_REPLICA')
    redis.tell(chosen)
    await again
    clients.forEach((client) => (client.got = []))
    await works(servers, clients)
    for (const code of codes) expect(code).toMatch(LOST)
  }, 60_000)

  test('streams: what had been read and not replicated does not come twice, nor does what is older', async () => {
    const { servers, clients, back } = await start('streams')
    let sent = 0
    const send = async () => {
      for (let i = 0; i < 10; i++) servers[0].io.emit('n', sent++)
      await until('they are there', () => numbers(clients[1]).length === sent)
    }
    await send()
    await redis.replicated()
    const again = back()
    redis.tell(await redis.swap(send))
    await again
    await send()
    await cluster.complete()
    expect(numbers(clients[1])).toEqual(count(30))
  }, 60_000)

  test('streams: a client comes back after the failover, to another server, and gets what it missed', async () => {
    const { servers, clients, back } = await start('streams')
    const [client] = clients
    servers[0].io.emit('n', 0)
    await until('both have it', () => clients.every((each) => numbers(each).length === 1))
    const { id } = client
    client.io.engine.close()
    await until('it is gone', () => !servers[0].io.of('/').sockets.has(id))
    servers[1].io.emit('n', 1)
    await until('the other has it', () => numbers(clients[1]).length === 2)
    await until('its session is kept', () => redis.command('KEYS', 'sio:session:*') !== '')
    await redis.replicated()
    const again = back()
    await redis.kill()
    servers[1].io.emit('n', 2)
    await again
    await until('the other has that, too', () => numbers(clients[1]).length === 3)
    client.io.uri = servers[1].url
    client.connect()
    await next(client, 'connect')
    expect(client).toMatchObject({ recovered: true, id })
    await until('it has all', () => numbers(client).length === 3)
    expect(numbers(client)).toEqual([0, 1, 2])
  }, 60_000)
})

describeWithRedis('sentinels', () => {
  const SECRETS = { server: 'server-secret', sentinel: 'sentinel-secret' }
  /** @type {Sentinels} */
  let redis
  /** @type {{ close: () => unknown }[]} */
  const opened = []

  beforeAll(async () => {
    redis = await new Sentinels().start({ passwords: SECRETS })
  }, 30_000)
  afterAll(() => redis.stop())
  afterEach(() => Promise.all(opened.splice(0).map((each) => each.close())))

  const right = () => ({ ...redis.option, password: SECRETS.server, sentinelPassword: SECRETS.sentinel })

  /** Something that listens, and ends with the test. @param {net.Server} server @returns {Promise<any>} a sentinel's address */
  async function listen(server) {
    /** @type {Set<net.Socket>} */
    const sockets = new Set()
    server.on('connection', (socket) => void sockets.add(socket.on('error', () => {})))
    opened.push({ close: () => (sockets.forEach((socket) => socket.destroy()), server.close()) })
    await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
    return { host: '127.0.0.1', port: /** @type {any} */ (server.address()).port }
  }

  /** Takes any password, and answers all else the same. @param {string} answer */
  const answering = (answer) => listen(net.createServer((socket) => socket.on('data', (chunk) => {
    for (const command of chunk.toString().split(/^\*/m).slice(1)) socket.write(command.includes('AUTH') ? '+OK\r\n' : answer)
  })))

  /** One that is behind: it names the replica. */
  function late() {
    const port = String(redis.replica.port)
    return answering(`*2\r\n$9\r\n127.0.0.1\r\n$${port.length}\r\n${port}\r\n`)
  }

  /** The first event of a server's connection. @param {any} option @param {any} [mode] */
  async function first(option, mode = 'pubsub') {
    const io = new Server(0, { adapter: createAdapter({ cluster: { redis: option, mode } }) })
    opened.push(io)
    const { adapter } = /** @type {any} */ (io.of('/'))
    return Promise.race([once(adapter, 'cluster:up').then(() => 'up'), once(adapter, 'cluster:down').then(([error]) => error)])
  }

  test.each(MODES)('%s: those that are down, silent, behind or know nothing are passed over', async (mode) => {
    const useless = [
      `127.0.0.1:${await freePort()}`,
      await listen(net.createServer()),
      await answering('*-1\r\n'),
      await late(),
    ]
    const { sentinels, ...others } = right()
    expect(await first({ ...others, sentinels: [...useless, ...sentinels] }, mode)).toBe('up')
  }, 20_000)

  test('have TLS of their own', async () => {
    const { key, cert } = selfSigned()
    const [{ port }] = redis.sentinels
    const address = await listen(tls.createServer({ key, cert }, (socket) => {
      const sentinel = net.connect(port, '127.0.0.1')
      socket.pipe(sentinel).on('error', () => {}).pipe(socket).on('error', () => {})
    }))
    expect(await first({ ...right(), sentinels: [address], sentinelTls: { ca: cert } })).toBe('up')
    const error = await first({ ...right(), sentinels: [address], sentinelTls: { ca: selfSigned().cert } })
    expect(error).toMatchObject({ code: 'ERR_CLUSTER_UNREACHABLE', message: expect.stringMatching(/certificate/i) })
  }, 20_000)

  test.each([
    ['none is there', () => ({ sentinels: ['127.0.0.1:1', 'localhost:2'] }), 'ERR_CLUSTER_UNREACHABLE', /127\.0\.0\.1:1: .*localhost:2: /],
    ['they do not answer', async () => ({ sentinels: [await listen(net.createServer())] }), 'ERR_CLUSTER_UNREACHABLE', /no answer within 1000 ms/],
    ['they know nobody of that name', () => ({ name: 'other' }), 'ERR_CLUSTER_SENTINEL', /the primary "other".*it knows no primary of that name/],
    ['the password of the sentinels is wrong', () => ({ sentinelPassword: 'wrong-secret' }), 'ERR_CLUSTER_AUTH', /sentinelPassword/],
    ['the password of the sentinels is missing', () => ({ sentinelPassword: undefined }), 'ERR_CLUSTER_AUTH', /sentinelPassword/],
    ['the password of the primary is wrong', () => ({ password: 'wrong-secret' }), 'ERR_CLUSTER_AUTH', /which the sentinel at .* names/],
    ['they name a replica', async () => ({ sentinels: [await late()] }), 'ERR_CLUSTER_REPLICA', /expected a primary at/],
  ])('%s: a server and an emitter are told', async (_what, wrong, code, message) => {
    const option = { ...right(), ...(await wrong()) }
    const emitter = createEmitter({ redis: option })
    opened.push({ close: () => emitter.close({ timeout: 10 }).catch(() => {}) })
    const [[told], error] = await Promise.all([next(emitter, 'cluster:down'), first(option)])
    for (const each of [told, error]) {
      expect(each).toMatchObject({ code, message: expect.stringMatching(message) })
      expect(each.message).not.toMatch(/secret/)
    }
  }, 20_000)

  test('mistaken for servers, or servers for them, are told apart', async () => {
    const single = await startRedis()
    opened.push({ close: () => single.stop() })
    const [{ port }] = redis.sentinels
    const error = await first({ port, password: SECRETS.sentinel })
    expect(error).toMatchObject({ code: 'ERR_CLUSTER_CONFIG', message: expect.stringMatching(/a sentinel: name it in `sentinels`/) })
    const other = await first({ sentinels: [`127.0.0.1:${single.port}`], name: 'mymaster' })
    expect(other).toMatchObject({ code: 'ERR_CLUSTER_CONFIG', message: expect.stringMatching(/a Redis server, no sentinel/) })
  })
})

test.each([
  [{ sentinels: [], name: 'm' }, /sentinels to be a list like .*got an empty one/],
  [{ sentinels: 'h:1', name: 'm' }, /sentinels to be a list like .*got string/],
  [{ sentinels: ['h'] }, /redis\.name to be what the sentinels call the primary/],
  [{ sentinels: ['h'], name: '' }, /redis\.name to be /],
  [{ sentinels: ['h:port'], name: 'm' }, /each of cluster\.redis\.sentinels/],
  [{ sentinels: ['redis://:secret@h:1'], name: 'm' }, /each of cluster\.redis\.sentinels/],
  [{ sentinels: [':secret@h:1'], name: 'm' }, /each of cluster\.redis\.sentinels/],
  [{ sentinels: ['h:70000'], name: 'm' }, /the port of each of cluster\.redis\.sentinels to be a port, got 70000/],
  [{ sentinels: [{ port: 1 }], name: 'm' }, /got one without a host/],
  [{ sentinels: [{ host: 'h', password: 'secret' }], name: 'm' }, /one of host, port, got password/],
  [{ sentinels: ['h'], name: 'm', host: 'h' }, /one of sentinels, name, .*got host/],
  [{ sentinels: ['h'], name: 'm', sentinelPassword: 5 }, /sentinelPassword to be a text, got number/],
  [{ sentinels: ['h'], name: 'm', password: 5 }, /password to be a text, got number/],
  [{ sentinels: ['h'], name: 'm', db: -1 }, /database to be an integer from 0 on, got -1/],
  [{ host: 'h', db: 1, database: 2 }, /db to be the same as database, got 1/],
  ['redis+sentinel://:secret@h:1,i:2/m', /an object \{ sentinels: .*got a URL/],
  ['redis-sentinel://:secret@h:1#m', /an object \{ sentinels: .*got a URL/],
])('the option %j is refused', (redis, message) => {
  const make = () => createAdapter({ cluster: { redis: /** @type {any} */ (redis) } })
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringMatching(message) }))
  expect(make).not.toThrow(/secret/)
})
