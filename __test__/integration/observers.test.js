'use strict'

const { stats } = require('../..')
const { ADAPTERS } = require('../support/adapters')
const { next, record, sync } = require('../support/events')
const { servers } = require('../support/server')

describe.each(ADAPTERS)('who watches packets with the $name', (adapter) => {
  const open = servers()

  async function room(count = 2) {
    const server = await open(adapter, { javaScript: true })
    const clients = await server.connectAll(count)
    const { io } = server
    return { server, io, clients, received: clients.map(record), sockets: server.socketsOf(clients) }
  }

  const isMarker = (text) => /marker of the test/.test(text)

  test('onAnyOutgoing() hears broadcasts and events of its socket, in order, until offAnyOutgoing()', async () => {
    const { io, clients, received, sockets } = await room()
    const heard = []
    const listener = (...args) => heard.push(args)
    sockets[0].onAnyOutgoing(listener)
    io.emit('first', 1, Buffer.from([1]))
    sockets[0].emit('second', { a: 1 })
    io.to(sockets[1].id).emit('to the other')
    io.timeout(50).emit('asked', () => {})
    sockets[0].offAnyOutgoing(listener)
    io.emit('last')
    await sync(io, clients)
    expect(heard).toEqual([['first', 1, Buffer.from([1])], ['second', { a: 1 }], ['asked']])
    expect(received[0].map(([name]) => name)).toEqual(['first', 'second', 'asked', 'last'])
    expect(received[1].map(([name]) => name)).toEqual(['first', 'to the other', 'asked', 'last'])
  })

  test('several listeners are called in their order, and can be listed, added in front, removed and added again', async () => {
    const { io, clients, sockets } = await room(1)
    const heard = []
    const [a, b, c] = ['a', 'b', 'c'].map((name) => () => heard.push(name))
    sockets[0].onAnyOutgoing(a)
    sockets[0].prependAnyOutgoing(b)
    expect(sockets[0].listenersAnyOutgoing()).toEqual([b, a])
    io.emit('one')
    sockets[0].offAnyOutgoing(a)
    io.emit('two')
    sockets[0].offAnyOutgoing()
    expect(sockets[0].listenersAnyOutgoing()).toEqual([])
    io.emit('three')
    io.emit('four')
    sockets[0].onAnyOutgoing(c)
    io.emit('five')
    sockets[0].offAnyOutgoing(c)
    io.emit('six')
    sockets[0].prependAnyOutgoing(c)
    io.emit('seven')
    sockets[0].offAnyOutgoing()
    await sync(io, clients)
    expect(heard).toEqual(['b', 'a', 'b', 'c', 'c'])
  })

  test('a listener of each of many sockets is called once a broadcast', async () => {
    const { io, clients, sockets } = await room(5)
    const heard = []
    for (const [i, socket] of sockets.entries()) socket.onAnyOutgoing((name) => name === 'event' && heard.push(i))
    io.emit('event')
    io.to(sockets[3].id).to(sockets[1].id).emit('event')
    await sync(io, clients)
    expect(heard).toEqual([0, 1, 2, 3, 4, 3, 1])
  })

  test('listeners that were added in a middleware, or in the "connection" handler, hear the first packet', async () => {
    const { server, io } = await room(1)
    const heard = []
    io.use((socket, proceed) => {
      socket.onAnyOutgoing((name) => heard.push(`middleware ${name}`))
      proceed()
    })
    io.on('connection', (socket) => {
      io.emit('welcome')
      socket.onAnyOutgoing((name) => heard.push(`connection ${name}`))
      io.emit('event')
    })
    const client = server.client()
    await next(client, 'event')
    expect(heard).toEqual(['middleware welcome', 'middleware event', 'connection event'])
  })

  test('listeners of "packetCreate" on a connection see each of its packets while they are there', async () => {
    const { io, clients, received, sockets } = await room()
    const seen = []
    const listener = ({ type, data, options }) => {
      if (!isMarker(data)) seen.push([type, Buffer.isBuffer(data) ? 'binary' : data, options.volatile])
    }
    const { conn } = sockets[0]
    conn.on('packetCreate', listener)
    if (adapter.lanes) expect(stats(io).observed).toBe(1)
    io.emit('first', 1)
    sockets[0].emit('second', Buffer.from([1]))
    io.to(sockets[1].id).emit('to the other')
    await sync(io, clients)
    io.volatile.emit('third', Buffer.from([3]))
    await sync(io, clients)
    conn.off('packetCreate', listener)
    if (adapter.lanes) expect(stats(io).observed).toBe(0)
    io.emit('unseen')
    await sync(io, clients)
    expect(seen).toEqual([
      ['message', '2["first",1]', undefined],
      ['message', '51-["second",{"_placeholder":true,"num":0}]', undefined],
      ['message', 'binary', undefined],
      ['message', '51-["third",{"_placeholder":true,"num":0}]', true],
      ['message', 'binary', true],
    ])
    expect(received[0].map(([name]) => name)).toEqual(['first', 'second', 'third', 'unseen'])
  })

  test('a listener that was there before the first socket sees everything, from the connect packet on', async () => {
    const server = await open(adapter, { javaScript: true })
    const seen = []
    server.io.engine.on('connection', (conn) => conn.on('packetCreate', ({ data }) => seen.push(data)))
    const client = await server.connect()
    server.io.emit('event')
    await sync(server.io, [client])
    const connect = expect.stringMatching(/^0\{"sid":/)
    expect(seen).toEqual([connect, '2["event"]', expect.stringContaining('marker of the test')])
  })

  test('once("packetCreate") sees the next packet only', async () => {
    const { io, clients, sockets } = await room(1)
    const seen = []
    sockets[0].conn.once('packetCreate', ({ data }) => seen.push(data))
    io.emit('first')
    io.emit('second')
    await sync(io, clients)
    expect(seen).toEqual(['2["first"]'])
    if (adapter.lanes) expect(stats(io).observed).toBe(0)
  })

  test.each([['flush'], ['drain']])('listeners of "%s" on a connection are called for broadcasts', async (name) => {
    const { io, clients, sockets } = await room()
    let calls = 0
    sockets[0].conn.on(name, () => calls++)
    io.emit('first')
    await sync(io, clients)
    expect(calls).toBeGreaterThanOrEqual(1)
    const before = calls
    sockets[0].conn.removeAllListeners(name)
    io.emit('second')
    await sync(io, clients)
    expect(calls).toBe(before)
  })

  test('listeners of "flush" on the Engine.IO server see the packets of all connections', async () => {
    const { io, clients, received, sockets } = await room()
    const seen = []
    const listener = (conn, packets) => {
      const from = sockets.findIndex((socket) => socket.conn === conn)
      for (const { data } of packets) if (!isMarker(data)) seen.push([from, data])
    }
    io.engine.on('flush', listener)
    io.emit('first')
    await sync(io, clients)
    sockets[1].emit('second')
    await sync(io, clients)
    io.engine.off('flush', listener)
    io.emit('unseen')
    await sync(io, clients)
    expect(seen).toEqual([[0, '2["first"]'], [1, '2["first"]'], [1, '2["second"]']])
    expect(received.map((events) => events.length)).toEqual([2, 3])
  })

  test('listeners of "drain" on the Engine.IO server are called for each connection', async () => {
    const { io, clients, sockets } = await room()
    const drained = new Set()
    io.engine.on('drain', (conn) => drained.add(conn))
    io.emit('event')
    await sync(io, clients)
    expect(drained).toEqual(new Set(sockets.map(({ conn }) => conn)))
  })

  test('broadcasts keep their order when watching begins and ends between them', async () => {
    const { io, clients, received, sockets } = await room()
    const listener = () => {}
    for (let n = 0; n < 60; n += 3) {
      io.emit('n', n)
      sockets[n % 2].conn.on('packetCreate', listener)
      sockets[n % 2].onAnyOutgoing(listener)
      io.emit('n', n + 1, Buffer.from([n]))
      sockets[n % 2].conn.off('packetCreate', listener)
      io.emit('n', n + 2)
      sockets[n % 2].offAnyOutgoing()
    }
    await sync(io, clients)
    for (const events of received) expect(events.map(([, n]) => n)).toEqual([...Array(60).keys()])
  })
})
