'use strict'

const http = require('node:http')
const { Server } = require('socket.io')
const { createAdapter, stats } = require('../..')
const { BOTH, LiveServer, NATIVE, liveServers } = require('../support/live-server')
const { RawClient } = require('../support/raw-client')
const { descriptors, gc, writerThreads } = require('../support/process-state')
const { until } = require('../support/events')

const listen = liveServers()

const resources = (kind) => process.getActiveResourcesInfo().filter((name) => name === kind).length

describe.each(BOTH)('servers with the $name', (kind) => {
  test('fifty of them after one another on the same port, each closed with clients connected', async () => {
    const first = await listen(kind)
    const { port } = first
    await first.raw()
    await first.close()
    await until('no writer runs', () => writerThreads() === 0)
    const before = { descriptors: descriptors(), exit: process.listenerCount('exit'), timers: resources('Timeout') }
    for (let n = 0; n < 50; n++) {
      const server = await new LiveServer(kind).listen(port)
      const clients = await server.rawAll(3)
      server.io.emit('n', n)
      await Promise.all(clients.map((client) => client.event('n')))
      await server.close()
    }
    await until('no writer runs', () => writerThreads() === 0)
    await until('the descriptors are closed', () => descriptors() <= before.descriptors)
    await until('the timers are gone', () => resources('Timeout') <= before.timers)
    expect(process.listenerCount('exit')).toBe(before.exit)
  })

  test('several at once do not know of each other', async () => {
    const servers = await Promise.all([1, 2, 3].map(() => listen(kind)))
    const clients = await Promise.all(servers.map((server) => server.rawAll(3)))
    for (const group of clients) for (const [i, client] of group.entries()) client.number = i
    for (const [n, server] of servers.entries()) {
      server.io.emit('n', n)
      server.socketOf(clients[n][0]).join('room')
      server.io.to('room').emit('room', n)
    }
    await Promise.all(servers.map((server, n) => server.sync(clients[n])))
    const got = clients.map((group) => group.map((client) => [client.all('n'), client.all('room')]))
    expect(got).toEqual([0, 1, 2].map((n) => [[[[n]], [[n]]], [[[n]], []], [[[n]], []]]))
    await servers[0].close()
    servers[1].io.emit('after')
    await clients[1][0].event('after')
  })

  test('twenty at once raise no warning of too many listeners', async () => {
    const warnings = []
    const onWarning = (warning) => warnings.push(warning.name)
    process.on('warning', onWarning)
    const servers = await Promise.all(Array.from({ length: 20 }, () => listen(kind)))
    for (const server of servers) {
      const client = await server.raw()
      for (const name of ['/a', '/b', '/c']) server.io.of(name)
      for (const name of ['/a', '/b', '/c']) await client.connectTo(name)
      server.io.of('/b').emit('b')
      await client.event('b')
    }
    await Promise.all(servers.map((server) => server.close()))
    await new Promise(setImmediate)
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
    await until('no writer runs', () => writerThreads() === 0)
  })

  test('io.close() during broadcasts, connects and disconnects ends cleanly', async () => {
    for (let n = 0; n < 10; n++) {
      const server = await new LiveServer(kind).listen()
      const clients = await server.rawAll(5)
      const late = [RawClient.open(server.port), RawClient.open(server.port)]
      server.io.emit('last', 'x'.repeat(1000))
      clients[0].reset()
      const closed = server.close()
      for (const each of await Promise.allSettled(late)) each.value?.destroy()
      await closed
    }
    await until('no writer runs', () => writerThreads() === 0)
  })

  test('what is emitted, joined and left after io.close() does nothing', async () => {
    const server = await listen(kind)
    const client = await server.raw()
    const socket = server.socketOf(client)
    await server.close()
    server.io.emit('late')
    server.io.to('room').emit('late')
    socket.emit('late')
    socket.join('room')
    socket.leave('room')
    server.io.disconnectSockets(true)
    await until('no writer runs', () => writerThreads() === 0)
    await server.io.close()
    expect(client.all('late')).toEqual([])
  })

  test('a new adapter for a server with clients: old and new sockets go on', async () => {
    const server = await listen(kind)
    const old = await server.raw()
    server.io.adapter(kind.native ? createAdapter() : require('socket.io-adapter').Adapter)
    const young = await server.raw()
    server.io.emit('broadcast')
    server.socketOf(old).emit('direct')
    server.socketOf(old).join('room')
    server.socketOf(old).to('room').emit('nobody')
    await server.sync([old, young])
    expect(young.all('broadcast')).toHaveLength(1)
    expect(old.all('direct')).toHaveLength(1)
    expect(old.all('nobody')).toHaveLength(0)
    server.socketOf(old).disconnect(true)
    await old.end()
    await server.close()
    await until('no writer runs', () => writerThreads() === 0)
  })
})

describe('servers with the native adapter that nobody closes', () => {
  /** Everything that holds the server is in here. */
  async function abandon() {
    const server = http.createServer()
    const io = new Server(server, { adapter: createAdapter({ writers: 2 }) })
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    const client = await RawClient.open(server.address().port)
    io.emit('a')
    await client.event('a')
    expect(stats(io).writers).toBe(2)
    io.adapter(createAdapter({ writers: 2 }))
    const other = await RawClient.open(server.address().port)
    io.emit('b')
    await other.event('b')
    await until('both engines have writers', () => writerThreads() === 4)
    for (const each of [client, other]) each.destroy()
    await until('the clients are gone', () => io.engine.clientsCount === 0)
    // The HTTP server alone is closed: Socket.IO's own close() is never called.
    await new Promise((resolve) => server.close(resolve))
  }

  test('and whose adapter was replaced: their writers end when they are collected', async () => {
    const before = process.listenerCount('exit')
    await abandon()
    await until('no writer runs', () => (gc(), writerThreads() === 0))
    expect(process.listenerCount('exit')).toBe(before)
  })
})

describe('servers with lanes', () => {
  test('writers start with the first lane, and end with io.close()', async () => {
    const server = await listen(NATIVE)
    expect([server.stats().writers, writerThreads()]).toEqual([0, 0])
    server.io.emit('nobody')
    const client = await server.raw()
    expect(server.stats().writers).toBe(3)
    // A thread takes its name when it runs.
    await until('three writers run', () => writerThreads() === 3)
    client.destroy()
    await until('the lane is closed', () => server.stats().lanes === 0)
    const again = await server.raw()
    await server.sync([again])
    await server.close()
    await until('no writer runs', () => writerThreads() === 0)
    expect(server.stats()).toMatchObject({ writers: 0, lanes: 0, compat: 0, sockets: 0, rooms: 0, bufferedBytes: 0 })
  })
})
