'use strict'

const { ADAPTERS } = require('../support/adapters')
const { next, record, sync } = require('../support/events')
const { servers } = require('../support/server')

describe.each(ADAPTERS)('rooms with the $name', (adapter) => {
  const open = servers()

  /** A server with clients that record what they receive. */
  async function room(count) {
    const server = await open(adapter)
    const clients = await server.connectAll(count)
    return { server, io: server.io, clients, received: clients.map(record), sockets: server.socketsOf(clients) }
  }

  test('a socket in several of the rooms gets a broadcast once', async () => {
    const { io, clients, received, sockets } = await room(3)
    sockets[0].join(['a', 'b', 'c'])
    sockets[1].join(['b', 'c'])
    io.to('a').to('b').to('c').to(sockets[0].id).emit('union')
    io.to(['a', 'a', 'nowhere']).emit('one')
    await sync(io, clients)
    expect(received).toEqual([[['union'], ['one']], [['union']], []])
  })

  test('socket.broadcast, socket.to() and socket.except() leave the sender out', async () => {
    const { io, clients, received, sockets } = await room(3)
    for (const socket of sockets) socket.join('room')
    sockets[0].broadcast.emit('broadcast')
    sockets[0].to('room').emit('to')
    sockets[0].except(sockets[1].id).emit('except')
    sockets[0].to(sockets[0].id).emit('to itself')
    await sync(io, clients)
    expect(received).toEqual([[], [['broadcast'], ['to']], [['broadcast'], ['to'], ['except']]])
  })

  test('except() takes rooms and ids, also those of nobody', async () => {
    const { io, clients, received, sockets } = await room(4)
    sockets[0].join(['a', 'x'])
    sockets[1].join(['a', 'y'])
    sockets[2].join('a')
    io.to('a').except(['x', 'nowhere']).except(sockets[1].id).emit('first')
    io.except('a').emit('second')
    io.to('a').except('a').emit('third')
    await sync(io, clients)
    expect(received).toEqual([[], [], [['first']], [['second']]])
  })

  test('a socket’s own room is its id, and it can leave it', async () => {
    const { io, clients, received, sockets } = await room(2)
    expect(sockets[0].rooms).toEqual(new Set([sockets[0].id]))
    io.to(sockets[0].id).emit('first')
    sockets[0].leave(sockets[0].id)
    io.to(sockets[0].id).emit('second')
    expect(sockets[0].rooms).toEqual(new Set())
    await sync(io, clients)
    expect(received).toEqual([[['first']], []])
  })

  test('socket.rooms is live, and its last state stays in the hands of who held it', async () => {
    const { io, clients, sockets } = await room(1)
    const [socket] = sockets
    const { rooms } = socket
    socket.join(['a', 'b'])
    socket.leave('a')
    expect([...rooms]).toEqual([socket.id, 'b'])
    const seen = new Promise((resolve) => socket.on('disconnecting', () => resolve([...socket.rooms])))
    const gone = next(socket, 'disconnect')
    clients[0].disconnect()
    expect(await seen).toEqual([socket.id, 'b'])
    await gone
    expect([...rooms]).toEqual([socket.id, 'b'])
    expect(socket.rooms).toEqual(new Set())
    expect([io.sockets.adapter.rooms.size, io.sockets.adapter.sids.size]).toEqual([0, 0])
  })

  test('join() and leave() after the end have no effect', async () => {
    const { io, clients, sockets } = await room(2)
    const [socket] = sockets
    socket.join('room')
    socket.disconnect()
    socket.join('room')
    socket.leave('room')
    expect(io.sockets.adapter.rooms.has('room')).toBe(false)
    expect(io.sockets.adapter.sids.has(socket.id)).toBe(false)
    await sync(io, clients.slice(1))
  })

  test('numbers, texts and objects that look alike are different rooms for clients, too', async () => {
    const { io, clients, received, sockets } = await room(3)
    const object = {}
    sockets[0].join([1, object, NaN, ''])
    sockets[1].join(['1', '[object Object]', 'NaN', 'undefined'])
    io.to(1).emit('number')
    io.to('1').emit('text')
    io.to(object).emit('object')
    io.to(NaN).emit('NaN')
    io.to('').emit('empty')
    await sync(io, clients)
    expect(received).toEqual([[['number'], ['object'], ['NaN'], ['empty']], [['text']], []])
  })

  test('a room of a hundred is reached as a whole, but for those who left', async () => {
    const { io, server, clients, received, sockets } = await room(100)
    for (const socket of sockets) socket.join('room')
    for (const socket of sockets.slice(0, 30)) socket.leave('room')
    io.to('room').except(sockets[99].id).emit('event')
    await sync(io, clients)
    expect(received.map((events) => events.length)).toEqual([...Array(30).fill(0), ...Array(69).fill(1), 0])
    expect(server.io.sockets.adapter.rooms.get('room').size).toBe(70)
  })

  test('a name of a mebibyte and a name that is not valid Unicode reach their sockets', async () => {
    const { io, clients, received, sockets } = await room(2)
    const long = 'x'.repeat(1024 * 1024)
    sockets[0].join([`${long}1`, '\ud800'])
    sockets[1].join([`${long}2`, '\ufffd'])
    io.to(`${long}1`).emit('long')
    io.to('\ud800').emit('surrogate')
    await sync(io, clients)
    expect(received).toEqual([[['long'], ['surrogate']], []])
  })

  test('a socket in 100,000 rooms is reached through each, and leaves them all', async () => {
    const { io, clients, received, sockets } = await room(1)
    const names = Array.from({ length: 100_000 }, (_, i) => `room ${i}`)
    sockets[0].join(names)
    io.to('room 0').emit('first')
    io.to('room 99999').emit('last')
    io.to(names).emit('all')
    await sync(io, clients)
    expect(received).toEqual([[['first'], ['last'], ['all']]])
    const gone = next(sockets[0], 'disconnect')
    clients[0].disconnect()
    await gone
    expect(io.sockets.adapter.rooms.size).toBe(0)
  })
})
