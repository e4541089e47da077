'use strict'

const connectVersion2 = require('socket.io-client-2')
const { stats } = require('../..')
const { ADAPTERS } = require('../support/adapters')
const { digested, next, record, sync } = require('../support/events')
const { servers } = require('../support/server')
const { WebSocketClient } = require('../support/websocket-client')

describe.each(ADAPTERS)('clients of all kinds on one server with the $name', (adapter) => {
  const open = servers()

  /** Clients over WebSocket and long-polling, old and new, with and without base64. */
  async function crowd(options) {
    const server = await open(adapter, { server: { allowEIO3: true, ...options }, javaScript: true })
    const old = (transports) => connectVersion2(server.url, { transports, forceNew: true, reconnection: false })
    const clients = [
      server.client(),
      server.client({ transports: ['polling'] }),
      server.client({ forceBase64: true }),
      old(['websocket']),
      old(['polling']),
    ]
    server.clients.push(...clients.slice(3))
    for (const client of clients) if (!client.connected) await next(client, 'connect')
    return { server, io: server.io, clients, received: clients.map(record), sockets: server.socketsOf(clients) }
  }

  test('a broadcast reaches each, texts and binaries alike, in order', async () => {
    const { io, clients, received, sockets } = await crowd()
    const expected = []
    for (let n = 0; n < 30; n += 3) {
      io.emit('text', n)
      io.emit('binary', n + 1, Buffer.from([n]), { nested: Buffer.alloc(300, n) })
      for (const socket of sockets) socket.emit('direct', n + 2, Buffer.from([n, n]))
      expected.push(['text', n], ['binary', n + 1, Buffer.from([n]), { nested: Buffer.alloc(300, n) }])
      expected.push(['direct', n + 2, Buffer.from([n, n])])
    }
    await sync(io, clients)
    for (const events of received) expect(digested(events)).toEqual(digested(expected))
    if (adapter.lanes) expect(stats(io)).toMatchObject({ lanes: 2, compatReasons: { polling: 2, base64: 1 } })
  })

  test('rooms, exceptions and acknowledgements work across them', async () => {
    const { io, clients, received, sockets } = await crowd()
    sockets.forEach((socket, i) => socket.join(i % 2 ? ['odd', 'all'] : ['even', 'all']))
    io.to('odd').emit('odd')
    io.to('all').except('odd').except(sockets[0].id).emit('even but the first')
    sockets[3].to('all').emit('but the fourth')
    await sync(io, clients)
    expect(received.map((events) => events.map(([name]) => name))).toEqual([
      ['but the fourth'],
      ['odd', 'but the fourth'],
      ['even but the first', 'but the fourth'],
      ['odd'],
      ['even but the first', 'but the fourth'],
    ])
    clients.forEach((client, i) => client.on('question', (bytes, answer) => answer(bytes.length + i)))
    expect((await io.timeout(5000).emitWithAck('question', Buffer.alloc(10))).sort()).toEqual([10, 11, 12, 13, 14])
  })

  test('on the wire, old clients get binaries with the type before them, new ones without', async () => {
    const server = await open(adapter, { server: { allowEIO3: true } })
    const current = new WebSocketClient(server.url)
    server.clients.push(current)
    await current.join('/')
    server.io.emit('before', Buffer.from([1, 2]))
    const old = new WebSocketClient(server.url, { protocol: 3 })
    server.clients.push(old)
    await old.take('CONNECT', (frame) => frame === '40')
    await server.lanes?.connected()
    server.io.emit('event', Buffer.from([1, 2]))
    for (const socket of server.io.sockets.sockets.values()) socket.emit('direct', Buffer.from([3]))
    server.io.emit('last')
    const isLast = (frame) => frame === '42["last"]'
    const header = (name) => `451-["${name}",{"_placeholder":true,"num":0}]`
    expect(await old.takeUntil('the last event', isLast)).toEqual([
      header('event'),
      Buffer.from([4, 1, 2]),
      header('direct'),
      Buffer.from([4, 3]),
      '42["last"]',
    ])
    expect(await current.takeUntil('the last event', isLast)).toEqual([
      header('before'),
      Buffer.from([1, 2]),
      header('event'),
      Buffer.from([1, 2]),
      header('direct'),
      Buffer.from([3]),
      '42["last"]',
    ])
  })

  test('an old client’s pings are answered in their place', async () => {
    const server = await open(adapter, { server: { allowEIO3: true } })
    const old = new WebSocketClient(server.url, { protocol: 3 })
    server.clients.push(old)
    await old.take('CONNECT', (frame) => frame === '40')
    await server.lanes?.connected()
    const [socket] = server.io.sockets.sockets.values()
    socket.conn.once('heartbeat', () => server.io.emit('after'))
    socket.conn.once('packet', () => server.io.emit('before'))
    old.ws.send('2')
    const frames = await old.takeUntil('the last event', (frame) => frame === '42["after"]')
    expect(frames).toEqual(['42["before"]', '3', '42["after"]'])
  })

  test('compressed and plain connections get the same', async () => {
    const server = await open(adapter, { server: { perMessageDeflate: { threshold: 0 } }, javaScript: true })
    const compressed = server.client()
    await next(compressed, 'connect')
    const plain = new WebSocketClient(server.url)
    server.clients.push(plain)
    await plain.join('/')
    const received = record(compressed)
    for (let n = 0; n < 20; n++) server.io.emit('n', n, 'x'.repeat(n * 100))
    server.io.emit('last')
    const frames = await plain.takeUntil('the last event', (frame) => frame === '42["last"]')
    const expected = [...Array(20).keys()].map((n) => ['n', n, 'x'.repeat(n * 100)])
    expect(frames.map((frame) => JSON.parse(frame.slice(2)))).toEqual([...expected, ['last']])
    await sync(server.io, [compressed])
    expect(received).toEqual([...expected, ['last']])
    if (adapter.lanes) expect(stats(server.io)).toMatchObject({ lanes: 1, compatReasons: { deflate: 1 } })
  })
})
