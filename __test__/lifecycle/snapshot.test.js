'use strict'

const { BOTH, liveServers } = require('../support/live-server')
const { RawClient } = require('../support/raw-client')
const { random } = require('../support/random')
const { until } = require('../support/events')

const listen = liveServers()

const ticks = (client) => client.all('tick').map(([n]) => n)

describe.each(BOTH)('a broadcast with the $name reaches who was there when it was called', (kind) => {
  test('a join right after it comes too late, a leave right after it too', async () => {
    const server = await listen(kind)
    const [a, b, c] = await server.rawAll(3)
    const [joiner, leaver, leaverOfAll] = [a, b, c].map((client) => server.socketOf(client))
    for (let n = 0; n < 200; n++) {
      leaver.join('room')
      leaverOfAll.join('room')
      server.io.to('room').emit('tick', n)
      joiner.join('room')
      leaver.leave('room')
      server.io.in(leaverOfAll.id).socketsLeave('room')
      joiner.leave('room')
    }
    await server.sync([a, b, c])
    const all = Array.from({ length: 200 }, (_, n) => n)
    expect([ticks(a), ticks(b), ticks(c)]).toEqual([[], all, all])
  })

  test('except, too, is as it was', async () => {
    const server = await listen(kind)
    const [a, b] = await server.rawAll(2)
    const [first, second] = [a, b].map((client) => server.socketOf(client))
    for (let n = 0; n < 100; n++) {
      second.join('out')
      server.io.except('out').emit('tick', n)
      second.leave('out')
      first.join('out')
      server.io.except('out').emit('tick', n)
      first.leave('out')
    }
    await server.sync([a, b])
    const all = Array.from({ length: 100 }, (_, n) => n)
    expect([ticks(a), ticks(b)]).toEqual([all, all])
  })

  test('rooms that change at random give each socket exactly what was for it', async () => {
    const rnd = random()
    const server = await listen(kind)
    const clients = await server.rawAll(6)
    const expected = clients.map(() => [])
    const rooms = ['r0', 'r1', 'r2']
    for (let n = 0; n < 1500; n++) {
      const i = rnd(clients.length)
      const socket = server.socketOf(clients[i])
      const [room, other] = [rooms[rnd(3)], rooms[rnd(3)]]
      if (rnd(2)) socket.join(room)
      else socket.leave(room)
      const isMember = (client) => server.socketOf(client).rooms.has(room) && !server.socketOf(client).rooms.has(other)
      clients.forEach((client, at) => isMember(client) && expected[at].push(n))
      server.io.to(room).except(other).emit('tick', n)
      if (rnd(20) === 0) await new Promise(setImmediate)
    }
    await server.sync(clients)
    expect(clients.map(ticks)).toEqual(expected)
  })

  test('a socket that is disconnected right after it still gets it; one that has left the namespace before does not', async () => {
    const server = await listen(kind)
    const [gone, leaves, stays] = await server.rawAll(3)
    server.socketOf(leaves).disconnect()
    server.io.emit('tick', 1)
    server.socketOf(gone).disconnect(true)
    server.io.emit('tick', 2)
    await Promise.all([gone.end(), server.sync([stays])])
    await leaves.connectTo('/')
    expect([ticks(gone), ticks(leaves), ticks(stays)]).toEqual([[1], [], [1, 2]])
  })

  test('a socket that joined in a middleware gets none until it is connected', async () => {
    const server = await listen(kind)
    const waiting = []
    server.io.use((socket, next) => {
      socket.join('room')
      waiting.push(next)
    })
    const early = RawClient.open(server.port)
    await until('the middleware waits', () => waiting.length === 1)
    server.io.to('room').emit('tick', 1)
    server.io.emit('tick', 2)
    await new Promise(setImmediate)
    waiting.shift()()
    const client = await early
    server.io.to('room').emit('tick', 3)
    await client.event('tick')
    await server.sync([client])
    expect(ticks(client)).toEqual([3])
    client.destroy()
  })

  test('a socket that connects right after it does not get it', async () => {
    const server = await listen(kind)
    const seen = new Map()
    let n = 0
    server.io.on('connection', (socket) => {
      seen.set(socket.id, n)
      server.io.emit('tick', n++)
    })
    const clients = await server.rawAll(40)
    await server.sync(clients)
    for (const client of clients) {
      const first = seen.get(client.id)
      expect(ticks(client)).toEqual(Array.from({ length: n - first }, (_, i) => first + i))
    }
  })
})
