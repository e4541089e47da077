'use strict'

const { ADAPTERS } = require('../support/adapters')
const { next, record, sync } = require('../support/events')
const { WebSocketClient } = require('../support/websocket-client')
const { servers } = require('../support/server')

const TEXT = 'x'.repeat(20_000)

describe.each(ADAPTERS)('the end of a connection with the $name', (adapter) => {
  const open = servers()

  const numbers = (events) => events.map(([, n]) => n)

  async function emitAndEnd(end) {
    const server = await open(adapter)
    const [client] = await server.connectAll(1)
    const received = record(client)
    const socket = server.socketOf(client)
    const ended = next(client, 'disconnect')
    for (let i = 0; i < 40; i += 2) {
      server.io.emit('n', i, TEXT)
      socket.emit('n', i + 1, Buffer.from([i]))
    }
    await end(server, socket)
    const [reason] = await ended
    return { reason, numbers: numbers(received) }
  }

  const ENDS = [
    ['socket.disconnect()', (server, socket) => socket.disconnect(), 'io server disconnect'],
    ['socket.disconnect(true)', (server, socket) => socket.disconnect(true), 'io server disconnect'],
    ['io.disconnectSockets()', ({ io }) => io.disconnectSockets(), 'io server disconnect'],
    ['io.disconnectSockets(true)', ({ io }) => io.disconnectSockets(true), 'io server disconnect'],
    ['conn.close()', (server, socket) => socket.conn.close(), 'transport close'],
  ]

  /** Here Engine.IO forgets what it holds back: on the compat path, the client misses it. */
  const ENDS_THAT_LOSE = [
    ['the WebSocket’s close()', (server, socket) => socket.conn.transport.socket.close(1000), 'transport close'],
    ['io.close()', ({ io }) => io.close(), 'transport close'],
    ['engine.close()', ({ io }) => io.engine.close(), 'transport close'],
  ]

  const all = adapter.lanes ? [...ENDS, ...ENDS_THAT_LOSE] : ENDS

  test.each(all)('what was emitted right before %s arrives', async (_, end, reason) => {
    expect(await emitAndEnd(end)).toEqual({ reason, numbers: [...Array(40).keys()] })
  })

  test('a raw client sees the last packets, then the close frame, then the end', async () => {
    const server = await open(adapter)
    const raw = new WebSocketClient(server.url)
    server.clients.push(raw)
    const { sid } = await raw.join('/')
    await server.lanes?.connected()
    const socket = server.io.sockets.sockets.get(sid)
    server.io.emit('first')
    socket.emit('second')
    socket.disconnect(true)
    expect(await raw.end()).toEqual({ code: 1005, reason: '' })
    expect(raw.frames).toEqual(['42["first"]', '42["second"]', '41'])
  })

  test('a close code and reason of the app reach the client', async () => {
    const server = await open(adapter)
    const raw = new WebSocketClient(server.url)
    server.clients.push(raw)
    const { sid } = await raw.join('/')
    server.io.sockets.sockets.get(sid).conn.transport.socket.close(4321, 'of the app')
    expect(await raw.end()).toEqual({ code: 4321, reason: 'of the app' })
  })

  test('a client that closes its WebSocket gets its close frame answered', async () => {
    const server = await open(adapter)
    const raw = new WebSocketClient(server.url)
    server.clients.push(raw)
    const { sid } = await raw.join('/')
    const ended = next(server.io.sockets.sockets.get(sid), 'disconnect')
    raw.ws.close(1000, 'done')
    expect((await ended)[0]).toBe('transport close')
    expect(await raw.end()).toEqual({ code: 1000, reason: 'done' })
  })

  test('a client whose connection is reset leaves its rooms, and the others are served', async () => {
    const server = await open(adapter)
    const clients = await server.connectAll(3)
    const received = record(clients[0])
    for (const socket of server.socketsOf(clients)) socket.join('room')
    const ended = next(server.socketOf(clients[1]), 'disconnect')
    clients[1].io.engine.transport.ws._socket.resetAndDestroy()
    for (let i = 0; i < 50; i++) server.io.to('room').emit('n', i)
    expect((await ended)[0]).toMatch(/^transport (close|error)$/)
    expect(server.io.sockets.adapter.rooms.get('room').size).toBe(2)
    await sync(server.io, [clients[0], clients[2]])
    expect(numbers(received)).toEqual([...Array(50).keys()])
  })

  test('emits to a connection that has ended are ignored', async () => {
    const server = await open(adapter)
    const [client, witness] = await server.connectAll(2)
    const socket = server.socketOf(client)
    const { conn } = socket
    const ended = next(client, 'disconnect')
    socket.disconnect(true)
    const written = jest.fn()
    socket.emit('event')
    server.io.to(socket.id).emit('event')
    conn.send('2["event"]', {}, written)
    await ended
    socket.emit('event')
    conn.send('2["event"]', {}, written)
    await sync(server.io, [witness])
    expect(written).not.toHaveBeenCalled()
    expect(conn.readyState).toBe('closed')
  })

  test('a client without pongs is let go after the ping timeout', async () => {
    const server = await open(adapter, { server: { pingInterval: 200, pingTimeout: 50 } })
    const raw = new WebSocketClient(server.url, { answersPings: false })
    server.clients.push(raw)
    const { sid } = await raw.join('/')
    const ended = next(server.io.sockets.sockets.get(sid), 'disconnect')
    expect((await ended)[0]).toBe('ping timeout')
    await raw.end()
    expect(raw.frames).toContain('2')
  })
})
