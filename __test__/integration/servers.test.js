'use strict'

const { Server } = require('socket.io')
const { createAdapter, stats } = require('../..')
const { ADAPTERS } = require('../support/adapters')
const { next, record, sync } = require('../support/events')
const { servers } = require('../support/server')

describe.each(ADAPTERS)('servers with the $name', (adapter) => {
  const open = servers()

  test('two in one process that share the adapter have nothing else in common', async () => {
    const shared = adapter.option()
    const [first, second] = [await open(adapter, { adapter: shared }), await open(adapter, { adapter: shared })]
    const clients = [await first.connect(), await second.connect()]
    const received = clients.map(record)
    first.socketOf(clients[0]).join('room')
    second.socketOf(clients[1]).join('room')
    first.io.to('room').emit('first')
    second.io.emit('second', Buffer.from([2]))
    await sync(first.io, [clients[0]])
    await sync(second.io, [clients[1]])
    expect(received).toEqual([[['first']], [['second', Buffer.from([2])]]])
    await first.close()
    second.io.to('room').emit('third')
    await sync(second.io, [clients[1]])
    expect(received[1]).toEqual([['second', Buffer.from([2])], ['third']])
  })

  test('a new adapter is for new sockets; those that exist keep theirs, and are served by it', async () => {
    const server = await open(adapter, { expected: 'lane' })
    const { io } = server
    const before = await server.connect()
    const socket = server.socketOf(before)
    const old = io.sockets.adapter
    socket.join('room')
    io.adapter(adapter.option() ?? require('socket.io-adapter').Adapter)
    expect(io.sockets.adapter).not.toBe(old)
    expect(socket.adapter).toBe(old)
    const after = server.client()
    await next(after, 'connect')
    server.socketOf(after).join('room')
    const received = [before, after].map(record)
    io.to('room').emit('new')
    socket.emit('direct')
    old.broadcast({ type: 2, data: ['old'] }, { rooms: new Set(['room']), except: new Set(), flags: {} })
    await sync(io, [after])
    await sync(socket, [before])
    expect(received).toEqual([[['direct'], ['old']], [['new']]])
    expect(old.rooms.get('room')).toEqual(new Set([socket.id]))
    expect(io.sockets.adapter.rooms.get('room')).toEqual(new Set([server.socketOf(after).id]))
  })

  test('a connection that joins a namespace of a newer adapter is served in both, in order', async () => {
    const server = await open(adapter, { javaScript: true })
    const { io } = server
    const main = await server.connect()
    io.adapter(adapter.option() ?? require('socket.io-adapter').Adapter)
    io.of('/new')
    const more = await server.connectMore(main, '/new')
    if (adapter.lanes) expect(stats(io).compatReasons).toEqual({ foreign: 1 })
    const received = []
    main.onAny((name, n) => received.push(n))
    more.onAny((name, n) => received.push(n))
    const socket = server.socketOf(main)
    for (let n = 0; n < 40; n += 2) {
      socket.emit('n', n)
      io.of('/new').emit('n', n + 1)
    }
    await sync(io.of('/new'), [more])
    await sync(socket, [main])
    expect(received.filter(Number.isInteger)).toEqual([...Array(40).keys()])
  })

  test('a server can be closed twice, and be used again on another port', async () => {
    const io = new Server({ adapter: adapter.option() })
    const connect = async () => {
      io.listen(0, { transports: ['websocket'] })
      await next(io.httpServer, 'listening')
      const client = require('socket.io-client').io(`http://127.0.0.1:${io.httpServer.address().port}`, {
        transports: ['websocket'],
        reconnection: false,
        forceNew: true,
      })
      const received = record(client)
      await next(client, 'connect')
      io.emit('event', Buffer.from([1]))
      await sync(io, [client])
      expect(received).toEqual([['event', Buffer.from([1])]])
      return client
    }
    for (let round = 0; round < 3; round++) {
      const client = await connect()
      if (adapter.lanes) expect(stats(io).lanes).toBe(1)
      const ended = next(client, 'disconnect')
      await Promise.all([io.close(), io.close().catch(() => {})])
      await ended
      expect(io.sockets.adapter.sids.size).toBe(0)
    }
  })

  test('a server without connections can be made and forgotten, or closed', async () => {
    for (let i = 0; i < 100; i++) new Server({ adapter: adapter.option() }).of('/one').emit('nobody')
    const server = await open(adapter)
    server.io.emit('nobody')
    await server.close()
  })

  test('uWebSockets.js apps patch the stock prototype only, and it is put back', async () => {
    const { Adapter } = require('socket.io-adapter')
    const before = ['addAll', 'del', 'broadcast'].map((name) => Adapter.prototype[name])
    const io = new Server({ adapter: adapter.option() })
    const app = new Proxy({}, { get: (_, name) => (name === 'then' ? undefined : () => app) })
    io.attachApp(app)
    expect(Adapter.prototype.broadcast).not.toBe(before[2])
    const own = io.sockets.adapter
    if (adapter.native) expect(own.broadcast).not.toBe(Adapter.prototype.broadcast)
    own.addAll('s1', new Set(['room']))
    own.del('s1', 'room')
    expect(own.sids.get('s1')).toEqual(new Set())
    await io.close()
    expect(['addAll', 'del', 'broadcast'].map((name) => Adapter.prototype[name])).toEqual(before)
  })
})

test('stats() of two servers that share createAdapter() are apart', () => {
  const shared = createAdapter()
  const [first, second] = [new Server({ adapter: shared }), new Server({ adapter: shared })]
  first.sockets.adapter.addAll('s1', new Set(['a', 'b']))
  expect([first, second].map((io) => stats(io).rooms)).toEqual([2, 0])
})
