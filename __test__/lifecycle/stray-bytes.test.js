'use strict'

const { BOTH, NATIVE, liveServers } = require('../support/live-server')
const { descriptors } = require('../support/process-state')
const { random } = require('../support/random')
const { until } = require('../support/events')

const listen = liveServers()

/** Clients that come and go; each has a name, which is in everything that is meant for it. */
class Churn {
  constructor(server, rnd) {
    this.server = server
    this.rnd = rnd
    this.names = 0
    this.alive = []
    this.ended = []
    /** By name: how many own messages were sent to it. */
    this.sent = new Map()
    /** The descriptor numbers of the server's streams, one for each connection. */
    this.numbers = []
  }

  async add() {
    const name = `client ${this.names++}`
    const client = await this.server.raw({ auth: { name } })
    client.name = name
    this.server.socketOf(client).join(name)
    this.sent.set(name, 0)
    this.numbers.push(this.server.streamOf(client)._handle.fd)
    this.alive.push(client)
  }

  /** A client or the server ends the connection, in one of several ways. */
  remove() {
    const [client] = this.alive.splice(this.rnd(this.alive.length), 1)
    this.ended.push(client)
    const socket = this.server.socketOf(client)
    const ways = [
      () => client.reset(),
      () => client.destroy(),
      () => client.close(),
      () => client.endHalf(),
      () => socket.disconnect(true),
      () => socket.conn.transport.socket.terminate(),
      () => this.server.streamOf(client).destroy(),
    ]
    ways[this.rnd(ways.length)]()
  }

  /** Something for everybody, and something for each one alone. */
  emit(round) {
    const { io } = this.server
    io.emit('all', round, 'x'.repeat(this.rnd(20_000)))
    for (const { name } of this.alive) {
      const n = this.sent.get(name)
      this.sent.set(name, n + 1)
      io.to(name).emit('own', name, n, Buffer.alloc(this.rnd(500)))
    }
  }

  check() {
    for (const client of [...this.alive, ...this.ended]) {
      const own = client.all('own').map(([name, n]) => `${name} ${n}`)
      const expected = Array.from({ length: own.length }, (_, n) => `${client.name} ${n}`)
      expect(own).toEqual(expected)
      expect(client.failure).toBeUndefined()
    }
    for (const client of this.alive) expect(client.all('own')).toHaveLength(this.sent.get(client.name))
  }
}

describe.each(BOTH)('no stray bytes with the $name', (kind) => {
  test('connections that take over descriptor numbers get their own frames only', async () => {
    const server = await listen(kind)
    const churn = new Churn(server, random())
    await Promise.all(Array.from({ length: 12 }, () => churn.add()))
    let going = true
    let round = 0
    const broadcasts = (async () => {
      while (going) {
        churn.emit(round++)
        await new Promise(setImmediate)
      }
    })()
    for (let i = 0; i < 60; i++) {
      // In one tick: some go, and others come, which get the lowest free numbers.
      for (let j = 0; j < 4; j++) churn.remove()
      await Promise.all(Array.from({ length: 4 }, () => churn.add()))
    }
    going = false
    await broadcasts
    await server.sync(churn.alive)
    churn.check()
    expect(new Set(churn.numbers).size).toBeLessThan(churn.numbers.length / 2)
  })

  test('the client sees the end, however the server closes, also during broadcasts', async () => {
    const server = await listen(kind)
    const ways = [
      (socket) => socket.disconnect(true),
      (socket) => socket.conn.close(),
      (socket) => socket.conn.close(true),
      (socket) => socket.conn.transport.socket.close(),
      (socket) => socket.conn.transport.socket.terminate(),
      (socket) => socket.conn.transport.socket._socket.destroy(),
      (socket) => socket.conn.transport.socket._socket.resetAndDestroy(),
      (socket) => socket.conn.transport.socket._socket.end(),
      (socket, client) => client.close(),
      (socket, client) => client.endHalf(),
    ]
    const witness = await server.raw()
    const timer = setInterval(() => server.io.emit('noise', 'n'.repeat(2000)), 1)
    for (const way of ways) {
      const client = await server.raw()
      way(server.socketOf(client), client)
      await client.end()
      await server.disconnected(client)
    }
    clearInterval(timer)
    await server.sync([witness])
  })

  test('no descriptor is left when the connections are closed', async () => {
    const server = await listen(kind)
    // Writers stay while the server is open: with this client they have started.
    const first = await server.raw()
    await server.sync([first])
    const before = descriptors()
    for (let round = 0; round < 3; round++) {
      const clients = await server.rawAll(20)
      server.io.emit('all', 'x'.repeat(1000))
      clients.forEach((client, i) => (i % 2 ? client.reset() : server.socketOf(client).disconnect(true)))
      await until('the server has one client left', () => server.io.engine.clientsCount === 1)
    }
    // Fewer, when something of the test before was still closing.
    await until('the descriptors are closed', () => descriptors() <= before)
    await server.sync([first])
  })
})

describe('no stray bytes with lanes', () => {
  test('a lane closes its descriptor though its client reads nothing and bytes wait', async () => {
    const server = await listen(NATIVE)
    const first = await server.raw()
    const before = descriptors()
    const client = await server.raw()
    client.pause()
    for (let i = 0; i < 12; i++) server.socketOf(client).emit('much', Buffer.alloc(1024 * 1024))
    await until('the lane is parked', () => server.stats().parkedLanes === 1)
    const stream = server.streamOf(client)
    stream.destroy()
    await until('the lane is closed', () => server.stats().lanes === 1)
    expect(server.stats()).toMatchObject({ parkedLanes: 0, bufferedBytes: 0, sockets: 1 })
    client.resume()
    await client.end()
    expect(client.rest).toBeGreaterThan(0)
    await until('the descriptors are closed', () => descriptors() === before)
    await server.sync([first])
  })

  test('a new connection gets nothing of a broadcast to the one whose index it takes over', async () => {
    const server = await listen(NATIVE)
    let old = await server.raw()
    for (let n = 0; n < 100; n++) {
      server.socketOf(old).join('room')
      server.io.to('room').emit('for the old one', n)
      server.streamOf(old).destroy()
      server.io.to('room').emit('for the old one', n)
      const young = await server.raw()
      await server.sync([young])
      expect(young.all('for the old one')).toEqual([])
      old = young
    }
    const [{ index }] = server.io.sockets.adapter.engine.connections()
    expect(index).toBeLessThan(10)
  })
})
