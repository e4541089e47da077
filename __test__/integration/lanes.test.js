'use strict'

const { createAdapter, stats } = require('../..')
const { ADAPTERS } = require('../support/adapters')
const { next, sync, until } = require('../support/events')
const { servers } = require('../support/server')
const { TRANSPORTS } = require('../support/transports')

const [, NATIVE, WITHOUT_LANES] = ADAPTERS
const open = servers()

/** Every adapter is tested over each of them: here it is proven who writes. */
const WITH_LANES = TRANSPORTS.filter(({ expected = 'lane' }) => expected === 'lane')
const VERSIONS = ['socket.io', 'socket.io-4.7', 'socket.io-4.6'].map((version) => ({ name: version, version }))

test.each([...WITH_LANES, ...VERSIONS])('over $name, the writers write broadcasts, JavaScript does not', async (transport) => {
  const server = await open(NATIVE, transport)
  const clients = await server.connectAll(3)
  await sync(server.io, clients)
  const before = stats(server.io).frames
  for (const { conn } of server.socketsOf(clients)) {
    // A replaced method is noticed when the lane opens: this one is not.
    conn.write = () => {
      throw new Error('JavaScript wrote a broadcast')
    }
  }
  for (let n = 0; n < 10; n++) server.io.emit('n', n)
  await sync(server.io, clients)
  const { lanes, compat, observed } = stats(server.io)
  expect({ lanes, compat, observed }).toEqual({ lanes: 3, compat: 0, observed: 0 })
  expect(server.lanes).toMatchObject({ broadcasts: 12, byJavaScript: 0 })
  await until('the frames are counted', () => stats(server.io).frames - before >= 33)
})

const WITHOUT = TRANSPORTS.filter(({ expected = 'lane' }) => expected !== 'lane')

test.each(WITHOUT)('over $name, JavaScript writes, and stats() says $expected', async (transport) => {
  const server = await open(NATIVE, transport)
  const clients = await server.connectAll(2)
  server.io.emit('event')
  await sync(server.io, clients)
  const { lanes, compat, compatReasons, frames } = stats(server.io)
  expect({ lanes, compat, compatReasons, frames }).toEqual({
    lanes: 0,
    compat: 2,
    compatReasons: { [transport.expected]: 2 },
    frames: 0,
  })
  expect(server.lanes).toMatchObject({ broadcasts: 2, byJavaScript: 4 })
})

test('while a socket is watched JavaScript writes its broadcasts; afterwards the writers do again', async () => {
  const server = await open(NATIVE, { javaScript: true })
  const clients = await server.connectAll(3)
  const [socket] = server.socketsOf(clients)
  const listener = () => {}
  const ways = [
    [() => socket.onAnyOutgoing(listener), () => socket.offAnyOutgoing(listener)],
    [() => socket.prependAnyOutgoing(listener), () => socket.offAnyOutgoing()],
    [() => socket.conn.on('packetCreate', listener), () => socket.conn.off('packetCreate', listener)],
    [() => socket.conn.once('flush', listener), () => {}],
  ]
  for (const [watch, stop] of ways) {
    const before = server.lanes.byJavaScript
    watch()
    server.io.emit('watched')
    expect(server.lanes.byJavaScript).toBe(before + 1)
    stop()
    // Listeners of a socket end without notice: the next broadcast finds out.
    server.io.emit('perhaps')
    const last = server.lanes.byJavaScript
    await sync(server.io, clients)
    expect(server.lanes.byJavaScript).toBe(last)
  }
})

test('what is listened to on a socket that has gone does not concern the next one of its connection', async () => {
  const server = await open(NATIVE)
  server.io.of('/other')
  const main = await server.connect()
  const other = await server.connectMore(main, '/other')
  const old = server.socketOf(main)
  const gone = next(main, 'disconnect')
  old.disconnect()
  await gone
  main.connect()
  await next(main, 'connect')
  expect(server.socketOf(main).conn).toBe(old.conn)
  old.onAnyOutgoing(() => {
    throw new Error('it is gone')
  })
  server.io.emit('event')
  await sync(server.io, [main])
  await sync(server.io.of('/other'), [other])
})

test('with lanes: false JavaScript writes, and no writer runs', async () => {
  const server = await open(WITHOUT_LANES)
  const clients = await server.connectAll(2)
  server.io.emit('event')
  await sync(server.io, clients)
  const { writers, lanes, compatReasons } = stats(server.io)
  expect({ writers, lanes, compatReasons }).toEqual({ writers: 0, lanes: 0, compatReasons: { off: 2 } })
})

test('stats() counts rooms, sockets, lanes and what was written, and forgets who has gone', async () => {
  const server = await open(NATIVE)
  server.io.of('/other')
  const clients = await server.connectAll(2)
  await server.connectMore(clients[0], '/other')
  server.socketOf(clients[0]).join(['a', 'b'])
  server.socketOf(clients[1]).join('a')
  const text = 'x'.repeat(1000)
  const before = stats(server.io)
  server.io.emit('event', text)
  await sync(server.io, clients)
  expect(stats(server.io)).toMatchObject({ rooms: 5, sockets: 3, lanes: 2, compat: 0, observed: 0 })
  expect(stats(server.io)).toMatchObject({ parkedLanes: 0, bufferedBytes: 0 })
  await until('the frames are counted', () => stats(server.io).frames - before.frames >= 4)
  const after = stats(server.io)
  expect(after.bytes - before.bytes).toBeGreaterThan(2000)
  expect(after.systemCalls).toBeGreaterThan(before.systemCalls)
  expect(after.systemCalls).toBeLessThanOrEqual(after.frames)
  expect(after.writers).toBeGreaterThanOrEqual(1)
  for (const client of server.clients) client.disconnect()
  await until('all are gone', () => stats(server.io).sockets === 0 && stats(server.io).lanes === 0)
  expect(stats(server.io)).toMatchObject({ rooms: 0, sockets: 0, lanes: 0, compat: 0, compatReasons: {} })
  expect(stats(server.io).frames).toBeGreaterThanOrEqual(after.frames)
})

test('when a server is closed its writers end', async () => {
  const server = await open(NATIVE)
  const clients = await server.connectAll(2)
  server.io.of('/other').emit('nobody')
  await sync(server.io, clients)
  expect(stats(server.io).writers).toBeGreaterThanOrEqual(1)
  await server.close()
  await until('the writers have ended', () => stats(server.io).writers === 0)
})

test('the option writers is the number of threads', async () => {
  const server = await open(NATIVE, { adapter: createAdapter({ writers: 3 }) })
  const clients = await server.connectAll(7)
  for (let n = 0; n < 10; n++) server.io.emit('n', n)
  await sync(server.io, clients)
  expect(stats(server.io)).toMatchObject({ writers: 3, lanes: 7 })
})

test('volatile packets that are dropped are counted', async () => {
  const server = await open(NATIVE)
  const clients = await server.connectAll(2)
  await sync(server.io, clients)
  const { dropped } = stats(server.io)
  server.io.emit('kept')
  server.io.volatile.emit('dropped', Buffer.from([1]), Buffer.from([2]))
  server.socketOf(clients[0]).volatile.emit('dropped')
  await sync(server.io, clients)
  await until('they are counted', () => stats(server.io).dropped - dropped >= 2)
})
