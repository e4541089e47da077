'use strict'

const { ADAPTERS } = require('../support/adapters')
const { next, record, sync, until, within } = require('../support/events')
const { servers } = require('../support/server')
const { WebSocketClient } = require('../support/websocket-client')

const turn = () => new Promise(setImmediate)

describe.each(ADAPTERS)('Engine.IO’s way of writing with the $name', (adapter) => {
  const open = servers()

  async function connection(options) {
    const server = await open(adapter, options)
    const client = await server.connect()
    await sync(server.io, [client])
    const socket = server.socketOf(client)
    return { server, io: server.io, client, received: record(client), socket, conn: socket.conn }
  }

  test('callbacks of send() and write() are called later, each once, in order, with the transport', async () => {
    const { io, client, conn } = await connection()
    const calls = []
    await within('the last callback', new Promise((resolve) => {
      conn.send('2["n",0]', (transport) => calls.push([0, transport === conn.transport]))
      conn.write('2["n",1]', {}, () => calls.push([1]))
      io.emit('n', 2)
      conn.send('2["n",3]', { compress: false }, () => calls.push([3]))
      conn.send('2["n",4]')
      conn.send('2["n",5]', {}, () => resolve(calls.push([5])))
      expect(calls).toEqual([])
    }))
    expect(calls).toEqual([[0, true], [1], [3], [5]])
    await sync(io, [client])
    expect(calls).toHaveLength(4)
  })

  test('in a callback one can send again, and what was sent in between keeps its place', async () => {
    const { io, client, received, conn } = await connection()
    await within('the last callback', new Promise((resolve) => {
      const send = (n) => conn.send(`2["n",${n}]`, {}, () => (n < 20 ? send(n + 1) : resolve()))
      send(0)
    }))
    await sync(io, [client])
    expect(received.map(([, n]) => n)).toEqual([...Array(21).keys()])
  })

  test('callbacks of binary messages are called, too', async () => {
    const { io, client, received, conn } = await connection()
    const written = new Promise((resolve) => {
      conn.send('51-["b",{"_placeholder":true,"num":0}]')
      conn.send(Buffer.from([1, 2, 3]), {}, resolve)
    })
    await within('the callback', written)
    await sync(io, [client])
    expect(received).toEqual([['b', Buffer.from([1, 2, 3])]])
  })

  test('the transport is not writable right after an emit, and is again a little later', async () => {
    const { io, client, socket, conn } = await connection()
    for (const emit of [() => socket.emit('event'), () => io.to('nobody').emit('event') && conn.send('2["event"]')]) {
      await until('it is writable', () => conn.transport.writable)
      emit()
      expect(conn.transport.writable).toBe(false)
      await until('it is writable again', () => conn.transport.writable)
      expect(conn.writeBuffer).toEqual([])
    }
    await sync(io, [client])
  })

  test('"ready" of the transport tells when it is writable again', async () => {
    const { socket, conn } = await connection()
    await until('it is writable', () => conn.transport.writable)
    const ready = new Promise((resolve) => conn.transport.once('ready', () => resolve(conn.transport.writable)))
    socket.emit('event')
    expect(conn.transport.writable).toBe(false)
    expect(await within('"ready"', ready)).toBe(true)
  })

  test('"drain" of the transport tells of each batch that was written', async () => {
    const { io, client, socket, conn } = await connection()
    const order = []
    conn.transport.on('drain', () => order.push('drain'))
    for (let n = 0; n < 3; n++) {
      const drained = next(conn.transport, 'drain')
      socket.emit('n', n)
      order.push('emit')
      await drained
    }
    await sync(io, [client])
    expect(order.slice(0, 6)).toEqual(['emit', 'drain', 'emit', 'drain', 'emit', 'drain'])
  })

  test('an app that waits for "drain" before it sends more gets its turn each time', async () => {
    const { io, client, received, conn } = await connection({ javaScript: true })
    for (let n = 0; n < 10; n++) {
      const drained = next(conn, 'drain')
      conn.send(`2["n",${n}]`)
      await drained
      await turn()
    }
    await sync(io, [client])
    expect(received.map(([, n]) => n)).toEqual([...Array(10).keys()])
  })

  test('other packets of Engine.IO have their types on the wire', async () => {
    const { io, client, received, conn } = await connection()
    const packets = []
    client.io.engine.on('packet', ({ type, data }) => packets.push([type, data || '']))
    conn.sendPacket('noop')
    conn.sendPacket('ping')
    conn.sendPacket('message', '2["event"]')
    io.emit('last')
    await sync(io, [client])
    expect(packets.slice(0, 4)).toEqual([
      ['noop', ''],
      ['ping', ''],
      ['message', '2["event"]'],
      ['message', '2["last"]'],
    ])
    expect(received).toEqual([['event'], ['last']])
  })

  test('the initial packet of the engine comes before everything else', async () => {
    const server = await open(adapter, { server: { initialPacket: '4["initial"]' } })
    const raw = new WebSocketClient(server.url)
    server.clients.push(raw)
    const handshake = await raw.take('the handshake', (frame) => frame[0] === '0')
    expect(JSON.parse(handshake.slice(1))).toMatchObject({ sid: expect.any(String), upgrades: [] })
    expect(await raw.take('the initial packet', () => true)).toBe('44["initial"]')
    raw.ws.send('40')
    await raw.take('CONNECT', (frame) => frame.startsWith('40'))
    server.io.emit('event')
    expect(await raw.take('the event', () => true)).toBe('42["event"]')
  })

  test('the app’s own frames through ws: callbacks, pings and pongs', async () => {
    const { io, client, received, conn } = await connection()
    const ws = conn.transport.socket
    const calls = []
    ws.send('451-["own",{"_placeholder":true,"num":0}]', (error) => calls.push(['text', error]))
    ws.send(Buffer.from([4, 5]), { binary: true }, (error) => calls.push(['binary', error]))
    const pong = next(ws, 'pong')
    ws.ping('ping', false, (error) => calls.push(['ping', error]))
    expect(calls).toEqual([])
    expect((await pong)[0].toString()).toBe('ping')
    await until('all callbacks are called', () => calls.length === 3)
    expect(calls.map(([name, error]) => [name, error ?? null])).toEqual([['text', null], ['binary', null], ['ping', null]])
    await sync(io, [client])
    expect(received).toEqual([['own', Buffer.from([4, 5])]])
  })

  test('properties that others look at stay as they are with ws and Engine.IO', async () => {
    const { conn } = await connection()
    const { transport } = conn
    const ws = transport.socket
    expect([transport.name, transport.readyState, transport.supportsBinary]).toEqual(['websocket', 'open', true])
    expect(conn.readyState).toBe('open')
    expect([ws.readyState, ws.isPaused, ws.extensions, ws.protocol]).toEqual([1, false, '', ''])
    expect(ws.bufferedAmount).toBe(0)
    expect(Object.keys(transport)).toContain('writable')
    expect(conn.upgraded).toBe(false)
  })
})
