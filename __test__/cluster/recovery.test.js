'use strict'

/** Connection state recovery across servers, in mode "streams": clients that come back to another server, of either kind. */

const { fork } = require('node:child_process')
const path = require('node:path')
const { ClusterServer, startCluster } = require('../support/cluster')
const { next, until } = require('../support/events')
const { Nomad, member } = require('../support/nomad')
const { describeWithRedis, startRedis } = require('../support/redis')

const RECOVERY = { maxDisconnectionDuration: 120_000 }
const OPTIONS = { cluster: { mode: 'streams' }, server: { connectionStateRecovery: RECOVERY } }

/** @type {import('../support/redis').Redis} */
let redis
/** @type {any} */
let cluster
beforeEach(async () => {
  if (describeWithRedis === describe) redis = await startRedis()
})
afterEach(async () => {
  await cluster?.close()
  cluster = undefined
  await redis?.stop()
})

describeWithRedis.each([
  ['native', 'native'],
  ['native', 'js'],
  ['js', 'native'],
])('from a %s server to a %s one', (from, to) => {
  test('its id, rooms and data are there again, and what it missed, once and in order', async () => {
    cluster = await startCluster([from, to], redis, OPTIONS)
    const [left, right] = cluster.servers
    const { nomad, socket } = await member(left)
    const { id } = nomad.client
    await nomad.lose(left)
    left.io.emit('to all', Buffer.from([1, 2]))
    right.io.to('room').emit('to the room', { a: 1 })
    left.io.to(['room', id]).emit('to both', 'x')
    right.io.to(id).emit('to itself', 4)
    socket.emit('direct', 5)
    right.io.to('elsewhere').emit('to others', 6)
    left.io.except('room').emit('not to the room', 7)
    right.io.timeout(200).emit('asked', 8, () => {})
    if (from === 'native' && to === 'native') left.io.volatile.emit('volatile', 9)
    await until('all is in the stream', () => Number(redis.command('XLEN', 'socket.io')) >= 8)
    const restored = await nomad.come(right)
    left.io.emit('afterwards', 10)
    await until('it has the last', () => nomad.values('afterwards').length === 1)
    expect([nomad.client.recovered, nomad.client.id, restored.recovered]).toEqual([true, id, true])
    expect([...restored.rooms].sort()).toEqual([id, 'room'].sort())
    expect(restored.data).toEqual({ name: 'a' })
    const missed = [['to all', Buffer.from([1, 2])], ['to the room', { a: 1 }], ['to both', 'x'], ['to itself', 4], ['direct', 5]]
    const got = nomad.got.slice(0, -1)
    // Those of one server in its order; servers among themselves in any.
    expect(got.map(([event]) => event).sort()).toEqual(missed.map(([event]) => event).sort())
    for (const packet of missed) expect(got).toContainEqual(packet)
    expect(nomad.got.at(-1)).toEqual(['afterwards', 10])
  })

  test('exactly once and in order while all servers send', async () => {
    cluster = await startCluster([from, to, 'native'], redis, OPTIONS)
    const { servers } = cluster
    const { nomad } = await member(servers[0])
    let n = 0
    const sending = setInterval(() => servers.forEach(({ io }, i) => io.to('room').emit(`n${i}`, n) && i === 2 && n++), 1)
    for (let round = 0; round < 8; round++) {
      const [here, there] = [servers[round % 2], servers[(round + 1) % 2]]
      await new Promise((resolve) => setTimeout(resolve, 100))
      await nomad.lose(here)
      await new Promise((resolve) => setTimeout(resolve, 50))
      await nomad.come(there)
      expect(nomad.client.recovered).toBe(true)
    }
    clearInterval(sending)
    await until('it has all', () => [0, 1, 2].every((i) => nomad.values(`n${i}`).at(-1) === n - 1))
    const all = Array.from({ length: n }, (_, i) => i)
    // JavaScript servers lose packets of the moment in which a client is connected again, and of their own what overtakes others'.
    const exact = from === 'native' && to === 'native'
    for (const i of [0, 1, 2]) {
      const got = nomad.values(`n${i}`)
      if (exact) expect(got).toEqual(all)
      else expect(new Set(got).size).toBeGreaterThan(n * 0.9)
    }
  }, 30_000)
})

describeWithRedis('connection state recovery of native servers', () => {
  /** @param {any} [options] @param {any[]} [kinds] */
  async function start(options, kinds = ['native', 'native']) {
    cluster = await startCluster(kinds, redis, { ...OPTIONS, ...options, cluster: { ...OPTIONS.cluster, ...options?.cluster } })
    return cluster.servers
  }

  test('from a server that is killed', async () => {
    const [server] = await start({}, ['native'])
    const child = fork(path.join(__dirname, 'fixtures', 'recovering.js'), [redis.url])
    try {
      const [{ url }] = await next(child, 'message')
      const nomad = new Nomad({ url, clients: server.clients })
      await nomad.connected()
      const { id } = nomad.client
      await until('it has an offset', () => nomad.values('first').length === 1)
      await until('its session is saved', () => redis.command('KEYS', 'sio:session:*') !== '')
      const gone = next(nomad.client, 'disconnect')
      child.kill('SIGKILL')
      await gone
      server.io.to('room').emit('missed', 1)
      const socket = await nomad.come(server)
      await until('it has what it missed', () => nomad.values('missed').length === 1)
      expect([nomad.client.recovered, nomad.client.id, socket.data]).toEqual([true, id, { name: 'child' }])
    } finally {
      child.kill('SIGKILL')
    }
  })

  test('a server that started since reads the stream once for all; unrelated entries are passed over', async () => {
    const [left] = await start({ cluster: { maxLen: 20_000 } }, ['native'])
    const members = []
    for (let i = 0; i < 20; i++) members.push((await member(left)).nomad)
    for (const nomad of members) await nomad.lose(left)
    left.io.to('room').emit('missed', 1)
    for (let i = 0; i < 9500; i++) left.io.to('elsewhere').emit('unrelated', i)
    left.io.to('room').emit('missed', Buffer.from([2]))
    await until('all is in the stream', () => Number(redis.command('XLEN', 'socket.io')) > 9500)
    redis.command('CONFIG', 'RESETSTAT')
    const right = await new ClusterServer('native', redis, { ...OPTIONS, cluster: { mode: 'streams', maxLen: 20_000 } }).start()
    cluster.servers.push(right)
    await cluster.complete()
    const began = process.hrtime.bigint()
    await Promise.all(members.map((nomad) => nomad.come(right)))
    const took = Number(process.hrtime.bigint() - began) / 1e6
    await until('they have what they missed', () => members.every((nomad) => nomad.values('missed').length === 2))
    for (const nomad of members) {
      expect(nomad.client.recovered).toBe(true)
      expect(nomad.got).toEqual([['missed', 1], ['missed', Buffer.from([2])]])
    }
    // One look for each offset, and the readings of some thousand entries: not one for each client.
    const calls = Number(/cmdstat_xrange:calls=(\d+)/.exec(redis.command('INFO', 'commandstats'))?.[1])
    expect(calls).toBeLessThan(20 + 25)
    console.log(`20 clients came back in ${took.toFixed(0)} ms`)
  }, 60_000)

  test('who comes back before its server has noticed takes the place of its old connection', async () => {
    const [left] = await start()
    const { nomad, socket } = await member(left)
    await until('its session is saved', () => redis.command('KEYS', 'sio:session:*') !== '')
    // The network is gone, and nobody is told.
    nomad.client.io.engine.transport.ws._socket.pause()
    const again = new Nomad(left, { auth: {} })
    again.client.disconnect()
    again.client._pid = nomad.client._pid
    again.client._lastOffset = nomad.client._lastOffset
    const ended = next(socket, 'disconnect')
    left.io.to('room').emit('missed', 1)
    const restored = await again.come(left)
    expect(await ended).toEqual(['transport close', undefined])
    expect(again.client.recovered).toBe(true)
    expect(left.io.of('/').sockets.get(socket.id)).toBe(restored)
    left.io.to('room').emit('missed', 2)
    await until('it has both', () => again.values('missed').length === 2)
    expect(again.values('missed')).toEqual([1, 2])
    expect([...restored.rooms].sort()).toEqual([socket.id, 'room'].sort())
    // Else the server waits for its end.
    nomad.client.io.engine.transport.ws._socket.destroy()
  })

  test('long-polling clients, and those with outgoing listeners', async () => {
    const [left, right] = await start()
    const { nomad, socket } = await member(left, { transports: ['polling'] })
    /** @type {any[]} */
    const outgoing = []
    socket.onAnyOutgoing((/** @type {any[]} */ ...args) => outgoing.push(args.slice(0, -1)))
    let n = 0
    for (; n < 20; n++) (n % 2 ? left : right).io.to('room').emit(`n${n % 2}`, n)
    await until('it has all', () => nomad.got.length === 20)
    const firsts = [0, 1].map((i) => Array.from({ length: 10 }, (_, k) => 2 * k + i))
    expect([0, 1].map((i) => nomad.values(`n${i}`))).toEqual(firsts)
    expect(outgoing).toEqual(nomad.got)
    const sending = setInterval(() => [left, right].forEach(({ io }, i) => io.to('room').emit(`n${i}`, n, Buffer.from('b')) && i === 1 && n++), 1)
    const from = n
    for (const there of [right, left]) {
      // Its server may notice later.
      await nomad.lose()
      await nomad.come(there)
      expect(nomad.client.recovered).toBe(true)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    clearInterval(sending)
    await until('it has the last', () => [0, 1].every((i) => nomad.values(`n${i}`).at(-1) === n - 1))
    const all = Array.from({ length: n - from }, (_, i) => from + i)
    for (const i of [0, 1]) expect(nomad.values(`n${i}`)).toEqual([...firsts[i], ...all])
    // Its last requests are answered before the servers end.
    nomad.client.disconnect()
    await until('all connections are closed', () => [left, right].every(({ io }) => io.engine.clientsCount === 0))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }, 30_000)

  test.each(['websocket', 'polling'])('what is sent while a %s client is about to be connected again', async (transport) => {
    const [left, right] = await start({ server: { connectionStateRecovery: { ...RECOVERY, skipMiddlewares: false } } })
    const { nomad } = await member(left, { transports: [transport] })
    const { adapter } = right.io.of('/')
    const restore = adapter.restoreSession.bind(adapter)
    adapter.restoreSession = async (/** @type {any[]} */ ...args) => {
      const session = await restore(...args)
      // Nobody is in the room here.
      right.io.to('room').emit('n', 1, Buffer.from('b'))
      right.io.emit('n', 2)
      return session
    }
    right.io.use((/** @type {any} */ _socket, /** @type {() => void} */ connect) => {
      right.io.to('room').emit('n', 3, Buffer.from('b'))
      left.io.to('room').emit('m', 1)
      right.io.to('room').emit('n', 4)
      setTimeout(() => {
        right.io.to('room').emit('n', 5, Buffer.from('b'))
        right.io.to('room').emit('n', 6)
        connect()
      }, 20)
    })
    await nomad.lose(left)
    await nomad.come(right)
    right.io.to('room').emit('n', 7, Buffer.from('b'))
    await until('it has the last', () => nomad.values('n').includes(7))
    expect(nomad.client.recovered).toBe(true)
    expect(nomad.values('n')).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(nomad.values('m')).toEqual([1])
  })

  test('events, broadcasts, acknowledgements and good-byes keep their order', async () => {
    const [left] = await start()
    const { nomad, socket } = await member(left)
    socket.on('ask', (/** @type {any} */ answer) => {
      socket.emit('n', 1)
      left.io.to('room').emit('n', 2)
      left.io.local.emit('n', 3)
      socket.volatile.emit('n', 4)
      answer(5)
      socket.emit('n', 6)
    })
    /** @type {any[]} */
    const order = []
    nomad.client.on('n', (/** @type {number} */ n) => order.push(n))
    nomad.client.emit('ask', (/** @type {number} */ n) => order.push(n))
    await until('it has all', () => order.length >= 5 && order.at(-1) === 6)
    expect(order.filter((n) => n !== 4)).toEqual([1, 2, 3, 5, 6])
    const gone = next(nomad.client, 'disconnect')
    socket.emit('n', 7)
    socket.emit('n', Buffer.from('8'))
    socket.disconnect()
    await gone
    expect(order.slice(-2)).toEqual([7, Buffer.from('8')])
    const { nomad: second, socket: its } = await member(left)
    const closed = next(second.client, 'disconnect')
    its.emit('n', 9)
    its.disconnect(true)
    await closed
    expect(second.values('n')).toEqual([9])
    await nomad.come(left)
    expect(nomad.client.recovered).toBe(false)
  })

  test('what was emitted before the server is closed arrives', async () => {
    const [, right] = await start()
    const { nomad } = await member(right)
    const gone = next(nomad.client, 'disconnect')
    right.io.emit('last', 1)
    right.io.close()
    await gone
    expect(nomad.values('last')).toEqual([1])
    right.io.emit('too late', 2)
  })
})
