'use strict'

const { ADAPTERS } = require('../support/adapters')
const { next, record, sync } = require('../support/events')
const { servers } = require('../support/server')

describe.each(ADAPTERS)('who gets a broadcast with the $name', (adapter) => {
  const open = servers()

  test('exactly those who are in the rooms when it is called', async () => {
    const server = await open(adapter)
    const clients = await server.connectAll(3)
    const received = clients.map(record)
    const [first, second, third] = server.socketsOf(clients)
    first.join('room')
    for (let i = 0; i < 50; i++) {
      server.io.to('room').emit('event', i)
      const [from, to] = i % 2 === 0 ? [first, second] : [second, first]
      from.leave('room')
      to.join('room')
      server.io.to('room').except(third.id).emit('event', i + 0.5)
    }
    await sync(server.io, clients)
    const numbers = received.map((events) => events.map(([, n]) => n))
    const of = (parity) => [...Array(50).keys()].map((i) => (i % 2 === parity ? i : i + 0.5))
    expect(numbers).toEqual([of(0), of(1), []])
  })

  test('who is disconnected right after it still gets it', async () => {
    const server = await open(adapter)
    const clients = await server.connectAll(2)
    const received = clients.map(record)
    const ended = next(clients[0], 'disconnect')
    server.io.emit('event', Buffer.from([1]))
    server.socketOf(clients[0]).disconnect()
    server.io.emit('later')
    expect(await ended).toEqual(['io server disconnect'])
    await sync(server.io, [clients[1]])
    expect(received).toEqual([[['event', Buffer.from([1])]], [['event', Buffer.from([1])], ['later']]])
  })

  test('a socket that joined in a middleware gets nothing before it is connected, and keeps its rooms', async () => {
    const server = await open(adapter, { javaScript: true })
    const witness = await server.connect()
    const arrived = new Promise((resolve) => {
      server.io.use((socket, proceed) => {
        socket.join(['room', 'left'])
        socket.leave('left')
        resolve([socket, proceed])
      })
    })
    const client = server.client()
    const received = [witness, client].map(record)
    const [socket, proceed] = await arrived
    expect([...socket.rooms]).toEqual(['room'])
    expect(await server.io.in('room').fetchSockets()).toEqual([])
    server.io.to('room').emit('too early')
    server.io.emit('to all')
    await sync(server.io, [witness])
    proceed()
    await server.settled(client)
    expect([...socket.rooms]).toEqual(['room', socket.id])
    server.io.to('room').emit('now')
    await sync(server.io, [witness, client])
    expect(received).toEqual([[['to all']], [['now']]])
  })

  test('a socket that a middleware refuses leaves the rooms that it joined there', async () => {
    const server = await open(adapter, { javaScript: true })
    const witness = await server.connect()
    server.io.use((socket, proceed) => {
      socket.join('room')
      proceed(new Error('refused'))
    })
    const client = server.client()
    const [error] = await next(client, 'connect_error')
    expect(error.message).toBe('refused')
    expect(server.io.sockets.adapter.rooms.has('room')).toBe(false)
    await sync(server.io, [witness])
  })

  test('what is emitted to it in the "connection" handler arrives after the connect packet, in order', async () => {
    const server = await open(adapter)
    server.io.on('connection', (socket) => {
      socket.emit('n', 1)
      server.io.emit('n', 2)
      socket.join('room')
      server.io.to('room').emit('n', 3, Buffer.from([3]))
      server.io.to(socket.id).emit('n', 4)
      socket.emit('n', 5)
    })
    const client = server.client()
    const order = []
    client.on('connect', () => order.push('connect'))
    client.on('n', (n) => order.push(n))
    await server.settled(client)
    await sync(server.io, [client])
    expect(order).toEqual(['connect', 1, 2, 3, 4, 5])
  })
})
