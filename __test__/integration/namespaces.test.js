'use strict'

const { stats } = require('../..')
const { ADAPTERS } = require('../support/adapters')
const { next, record, sync, until } = require('../support/events')
const { servers } = require('../support/server')
const { WebSocketClient } = require('../support/websocket-client')

describe.each(ADAPTERS)('namespaces with the $name', (adapter) => {
  const open = servers()

  test('several on one connection are apart, and keep their common order', async () => {
    const server = await open(adapter)
    const { io } = server
    io.of('/one')
    io.of('/two')
    const main = await server.connect()
    const one = await server.connectMore(main, '/one')
    const two = await server.connectMore(main, '/two')
    const received = []
    for (const client of [main, one, two]) client.onAny((name, n) => typeof n === 'number' && received.push([client.nsp, n]))
    for (const client of [main, one, two]) server.socketOf(client).join('room')
    const expected = []
    for (let n = 0; n < 60; n += 6) {
      io.emit('n', n)
      io.of('/one').to('room').emit('n', n + 1, Buffer.from([1]))
      server.socketOf(two).emit('n', n + 2)
      io.of('/two').emit('n', n + 3)
      io.to('room').emit('n', n + 4)
      server.socketOf(one).emit('n', n + 5)
      const order = ['/', '/one', '/two', '/two', '/', '/one']
      expected.push(...order.map((nsp, i) => [nsp, n + i]))
    }
    await Promise.all([sync(io, [main]), sync(io.of('/one'), [one]), sync(io.of('/two'), [two])])
    expect(received).toEqual(expected)
    if (adapter.native) {
      const { sockets, rooms, lanes } = stats(io)
      expect({ sockets, rooms, lanes }).toEqual({ sockets: 3, rooms: 6, lanes: adapter.lanes ? 1 : 0 })
    }
  })

  test('one can be left while the connection stays for the others', async () => {
    const server = await open(adapter)
    const { io } = server
    io.of('/one')
    const main = await server.connect()
    const one = await server.connectMore(main, '/one')
    const received = [main, one].map(record)
    const left = next(main, 'disconnect')
    server.socketOf(main).disconnect()
    await left
    io.emit('lost')
    io.of('/one').emit('event')
    await sync(io.of('/one'), [one])
    main.connect()
    await next(main, 'connect')
    io.emit('again')
    await sync(io, [main])
    expect(received).toEqual([[['again']], [['event']]])
  })

  test('a packet of one is written with its own name, also through the parent of dynamic ones', async () => {
    const server = await open(adapter)
    const parent = server.io.of(/^\/room-\d+$/)
    const clients = []
    for (const nsp of ['/room-1', '/room-2', '/room-3']) clients.push(await server.connect({}, nsp))
    const received = clients.map(record)
    server.socketOf(clients[1]).join('room')
    parent.emit('all', Buffer.from([1]))
    parent.to('room').emit('one')
    parent.except('room').emit('others', { a: 1 })
    for (const client of clients) await sync(server.io.of(client.nsp), [client])
    const all = ['all', Buffer.from([1])]
    expect(received).toEqual([[all, ['others', { a: 1 }]], [all, ['one']], [all, ['others', { a: 1 }]]])
    expect(() => parent.fetchSockets()).toThrow('not supported on parent namespaces')
  })

  test('the parent of dynamic namespaces that a function chooses reaches them, too', async () => {
    const server = await open(adapter)
    const parent = server.io.of((name, auth, allow) => allow(null, name.startsWith('/room')))
    const seen = []
    parent.on('connection', (socket) => seen.push(socket.nsp.name))
    const clients = [await server.connect({}, '/room-1'), await server.connect({}, '/room-2')]
    const received = clients.map(record)
    parent.emit('all', 1)
    for (const client of clients) await sync(server.io.of(client.nsp), [client])
    expect(received).toEqual([[['all', 1]], [['all', 1]]])
    expect(seen).toEqual(['/room-1', '/room-2'])
  })

  test('an empty dynamic namespace is cleaned up, and can be made again', async () => {
    const server = await open(adapter, { server: { cleanupEmptyChildNamespaces: true } })
    const { io } = server
    const parent = io.of(/^\/room-\d+$/)
    const ends = []
    parent.on('connection', (socket) => {
      socket.join('room')
      socket.on('disconnect', () => {
        // The adapter is closed by now.
        socket.nsp.to('room').emit('too late')
        socket.leave('room')
        ends.push(socket.nsp.adapter.sids.size)
      })
    })
    const keeper = await server.connect({}, '/room-9')
    for (let round = 0; round < 5; round++) {
      const client = await server.connect({}, '/room-1')
      const received = record(client)
      io.of('/room-1').to('room').emit('event', round)
      parent.emit('to all')
      await sync(io.of('/room-1'), [client])
      expect(received).toEqual([['event', round], ['to all']])
      client.disconnect()
      await until('the namespace is gone', () => !io._nsps.has('/room-1'))
    }
    expect(ends).toEqual([0, 0, 0, 0, 0])
    if (adapter.native) {
      const { rooms, sockets } = stats(io)
      expect({ rooms, sockets }).toEqual({ rooms: 2, sockets: 1 })
    }
    await sync(io.of('/room-9'), [keeper])
  })

  test('a connection that has left all its namespaces can come back, again and again', async () => {
    const server = await open(adapter)
    const raw = new WebSocketClient(server.url)
    server.clients.push(raw)
    const { sid } = await raw.join('/')
    const { conn } = server.io.sockets.sockets.get(sid)
    for (let round = 0; round < 5; round++) {
      const [socket] = server.io.sockets.sockets.values()
      expect(socket.conn).toBe(conn)
      socket.join('room')
      server.io.to('room').emit('n', round)
      await raw.take('the event', (frame) => frame === `42["n",${round}]`)
      const left = next(socket, 'disconnect')
      if (round % 2) socket.disconnect()
      else raw.ws.send('41')
      await left
      expect([server.io.sockets.adapter.rooms.size, server.io.sockets.adapter.sids.size]).toEqual([0, 0])
      raw.ws.send('40')
      await raw.take('CONNECT', (frame) => frame.startsWith('40'))
    }
  })

  test('a client that goes while a middleware has it leaves nothing behind', async () => {
    const server = await open(adapter, { javaScript: true })
    const witness = await server.connect()
    const entered = new Promise((resolve) => server.io.use((socket, proceed) => resolve([socket, proceed])))
    const client = server.client()
    const [socket, proceed] = await entered
    socket.join('room')
    const closed = next(socket.conn, 'close')
    client.disconnect()
    await closed
    server.io.to('room').emit('nobody')
    proceed()
    await sync(server.io, [witness])
    const { rooms, sids } = server.io.sockets.adapter
    expect([[...rooms.keys()], [...sids.keys()]]).toEqual([[witness.id], [witness.id]])
  })

  test('a namespace that nobody made is refused', async () => {
    const server = await open(adapter)
    const main = await server.connect()
    const other = main.io.socket('/unknown')
    expect((await next(other, 'connect_error'))[0].message).toBe('Invalid namespace')
    await sync(server.io, [main])
  })

  test('a connection that is refused in one namespace is served in another', async () => {
    const server = await open(adapter)
    server.io.of('/closed').use((socket, proceed) => proceed(new Error('closed')))
    const main = await server.connect()
    const closed = main.io.socket('/closed')
    expect((await next(closed, 'connect_error'))[0].message).toBe('closed')
    const received = record(main)
    server.io.of('/closed').emit('nobody')
    server.io.emit('event')
    await sync(server.io, [main])
    expect(received).toEqual([['event']])
  })
})
