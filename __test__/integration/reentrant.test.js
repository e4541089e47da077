'use strict'

const { ADAPTERS } = require('../support/adapters')
const { next, record, sync } = require('../support/events')
const { servers } = require('../support/server')

describe.each(ADAPTERS)('handlers that call back into the $name', (adapter) => {
  const open = servers()

  async function room(count, options) {
    const server = await open(adapter, options)
    const clients = await server.connectAll(count)
    const { io } = server
    return { server, io, clients, received: clients.map(record), sockets: server.socketsOf(clients), own: io.sockets.adapter }
  }

  test('join-room: a broadcast from it reaches the one who joined, and those before', async () => {
    const { io, clients, received, sockets, own } = await room(3)
    own.on('join-room', (name, id) => name === 'room' && io.to(name).emit('joined', sockets.findIndex((s) => s.id === id)))
    sockets[0].join('room')
    sockets[1].join('room')
    await sync(io, clients)
    expect(received).toEqual([[['joined', 0], ['joined', 1]], [['joined', 1]], []])
  })

  test('leave-room: a broadcast from it does not reach the one who left', async () => {
    const { io, clients, received, sockets, own } = await room(3)
    for (const socket of sockets) socket.join('room')
    own.on('leave-room', (name) => name === 'room' && io.to(name).emit('left'))
    sockets[0].leave('room')
    io.in('room').socketsLeave('room')
    await sync(io, clients)
    expect(received).toEqual([[], [['left']], [['left'], ['left']]])
  })

  test('create-room and delete-room: broadcasts from them reach everybody', async () => {
    const { io, clients, received, sockets, own } = await room(2)
    own.on('create-room', (name) => io.emit('created', name))
    own.on('delete-room', (name) => io.emit('deleted', name))
    sockets[0].join('room')
    sockets[1].join('room')
    sockets[0].leave('room')
    sockets[1].leave('room')
    await sync(io, clients)
    const expected = [['created', 'room'], ['deleted', 'room']]
    expect(received).toEqual([expected, expected])
  })

  test('join-room: the socket can leave again, others can be disconnected', async () => {
    const { io, clients, received, sockets, own } = await room(3)
    const ended = next(clients[2], 'disconnect')
    sockets[2].join('room')
    own.on('join-room', (name, id) => {
      if (name === 'room') {
        own.del(id, 'room')
        sockets[2].disconnect()
      }
    })
    sockets[0].join(['room', 'other'])
    expect([...sockets[0].rooms]).toEqual([sockets[0].id, 'other'])
    expect(own.rooms.has('room')).toBe(false)
    io.to('room').emit('lost')
    await ended
    await sync(io, clients.slice(0, 2))
    expect(received).toEqual([[], [], []])
  })

  test('join-room: the socket itself can be disconnected while it joins', async () => {
    const { io, clients, sockets, own } = await room(2)
    const ended = next(clients[0], 'disconnect')
    own.on('join-room', (name) => name === 'room' && sockets[0].disconnect(true))
    sockets[0].join('room')
    await ended
    expect(own.sids.has(sockets[0].id)).toBe(false)
    expect([...own.rooms.keys()]).toEqual([sockets[1].id])
    await sync(io, [clients[1]])
  })

  test('"disconnecting" and "disconnect": broadcasts, joins and leaves of others', async () => {
    const { io, clients, received, sockets, own } = await room(3)
    for (const socket of sockets) socket.join('room')
    sockets[0].on('disconnecting', () => {
      for (const name of sockets[0].rooms) sockets[0].to(name).emit('going', name === 'room')
      sockets[1].leave('room')
    })
    sockets[0].on('disconnect', () => {
      sockets[1].join('after')
      io.to('room').to('after').emit('gone')
    })
    const ended = next(sockets[0], 'disconnect')
    clients[0].disconnect()
    await ended
    await sync(io, clients.slice(1))
    expect(received.slice(1)).toEqual([[['going', true], ['gone']], [['going', true], ['gone']]])
    expect(own.rooms.get('room').size).toBe(1)
  })

  test('onAnyOutgoing: a broadcast from it arrives before the one that it was told of', async () => {
    const { io, clients, received, sockets } = await room(2, { javaScript: true })
    sockets[0].onAnyOutgoing((name) => name === 'outer' && io.emit('inner'))
    io.to(sockets[0].id).emit('outer')
    io.to(sockets[1].id).emit('last')
    await sync(io, clients)
    expect(received).toEqual([[['inner'], ['outer']], [['inner'], ['last']]])
  })

  test('onAnyOutgoing: the socket can leave, join and disconnect others from it', async () => {
    const { io, clients, received, sockets, own } = await room(3, { javaScript: true })
    for (const socket of sockets) socket.join('room')
    const ended = next(clients[2], 'disconnect')
    sockets[0].onAnyOutgoing((name) => {
      if (name !== 'event') return
      sockets[0].leave('room')
      sockets[0].join('new')
      sockets[2].disconnect()
    })
    io.to('room').emit('event')
    io.to('room').emit('second')
    io.to('new').emit('third')
    await ended
    await sync(io, clients.slice(0, 2))
    expect(received.slice(0, 2)).toEqual([[['event'], ['third']], [['event'], ['second']]])
    expect(own.rooms.get('room').size).toBe(1)
  })

  test('a handler that throws leaves the adapter as it is for the next call', async () => {
    const { io, clients, received, sockets, own } = await room(2)
    own.once('join-room', () => {
      throw new Error('of the app')
    })
    expect(() => sockets[0].join('room')).toThrow('of the app')
    sockets[1].join('room')
    io.to('room').emit('event')
    await sync(io, clients)
    expect(received).toEqual([[['event']], [['event']]])
  })
})
