'use strict'

const { ADAPTERS } = require('../support/adapters')
const { next, record, sync, until } = require('../support/events')
const { servers } = require('../support/server')
const { WebSocketClient } = require('../support/websocket-client')

const MINUTES = 60_000

describe.each(ADAPTERS)('connection state recovery with the $name', (adapter) => {
  const open = servers()

  async function recovering(recovery = {}) {
    const server = await open(adapter, {
      server: { connectionStateRecovery: { maxDisconnectionDuration: 2 * MINUTES, ...recovery } },
    })
    return { server, io: server.io }
  }

  /** What a client received, without the offsets. */
  const names = (events) => events.map(([name]) => name)

  /** A client that has an offset, and is in a room. */
  async function member(server, nsp) {
    const client = await server.connect({}, nsp)
    const socket = server.socketOf(client)
    socket.join('room')
    socket.data.name = 'a'
    await sync(socket, [client])
    return { client, socket, received: record(client) }
  }

  /** Breaks the connection as a network does; resolves when the server knows. */
  async function dropped(client, socket) {
    const gone = [next(socket, 'disconnect'), next(client, 'disconnect')]
    client.io.engine.close()
    const [[reason]] = await Promise.all(gone)
    expect(reason).toBe('transport close')
  }

  /** The client comes back. */
  async function again(server, client) {
    client.connect()
    await server.settled(client)
  }

  test('a client that was away gets what it missed, in order, and has its id, rooms and data again', async () => {
    const { server, io } = await recovering()
    const { client, socket, received } = await member(server)
    const { id } = client
    await dropped(client, socket)
    io.emit('to all', Buffer.from([1]))
    io.to('room').emit('to the room')
    io.to('room').to(id).emit('to both')
    io.to(id).emit('to itself')
    socket.emit('direct')
    io.to('elsewhere').emit('to others')
    io.except('room').emit('not to the room')
    io.volatile.emit('volatile')
    io.timeout(50).emit('asked', () => {})
    await again(server, client)
    await sync(io, [client])
    const restored = server.socketOf(client)
    expect(names(received)).toEqual(['to all', 'to the room', 'to both', 'to itself', 'direct'])
    expect(received[0][1]).toEqual(Buffer.from([1]))
    expect([client.recovered, client.id, restored.recovered, restored.id]).toEqual([true, id, true, id])
    expect(restored).not.toBe(socket)
    expect([...restored.rooms].sort()).toEqual([id, 'room'].sort())
    expect(restored.data).toEqual({ name: 'a' })
    io.to('room').emit('afterwards')
    await sync(io, [client])
    expect(names(received).slice(5)).toEqual(['afterwards'])
  })

  test('it can be away several times', async () => {
    const { server, io } = await recovering()
    const { client, received } = await member(server)
    for (let round = 0; round < 3; round++) {
      await dropped(client, server.socketOf(client))
      io.to('room').emit('missed', round)
      await again(server, client)
      expect(client.recovered).toBe(true)
      io.to('room').emit('live', round)
      await sync(io, [client])
    }
    const expected = [0, 1, 2].flatMap((round) => [['missed', round], ['live', round]])
    expect(received.map(([name, round]) => [name, round])).toEqual(expected)
  })

  test('what it missed comes before what is emitted to it in the "connection" handler', async () => {
    const { server, io } = await recovering()
    const { client, socket, received } = await member(server)
    io.on('connection', (restored) => {
      restored.emit('welcome', restored.recovered)
      io.to('room').emit('joined')
    })
    await dropped(client, socket)
    for (let n = 0; n < 20; n++) io.to('room').emit(`n${n}`)
    await again(server, client)
    await sync(io, [client])
    expect(names(received)).toEqual([...Array(20).keys()].map((n) => `n${n}`).concat('welcome', 'joined'))
    expect(received[20][1]).toBe(true)
  })

  test('a client that was told to go, or said good-bye, starts anew', async () => {
    const { server, io } = await recovering()
    const { client, socket, received } = await member(server)
    const { id } = client
    const gone = next(client, 'disconnect')
    socket.disconnect()
    await gone
    io.to('room').emit('missed')
    await again(server, client)
    expect([client.recovered, client.id === id]).toEqual([false, false])
    await sync(io, [client])
    expect(received).toEqual([])
    expect(io.sockets.adapter.rooms.has('room')).toBe(false)
  })

  test('a session that expired starts anew', async () => {
    const { server, io } = await recovering({ maxDisconnectionDuration: 1 })
    const { client, socket, received } = await member(server)
    await dropped(client, socket)
    const expiry = Date.now() + 1
    io.to('room').emit('missed')
    await until('the session has expired', () => Date.now() > expiry)
    await again(server, client)
    expect(client.recovered).toBe(false)
    await sync(io, [client])
    expect(received).toEqual([])
  })

  test('middlewares are skipped for a client that recovers, if so configured', async () => {
    for (const skipMiddlewares of [true, false]) {
      const { server, io } = await recovering({ skipMiddlewares })
      const { client, socket } = await member(server)
      const seen = []
      io.use((coming, proceed) => {
        seen.push(coming.recovered)
        proceed()
      })
      await dropped(client, socket)
      await again(server, client)
      expect(seen).toEqual(skipMiddlewares ? [] : [true])
    }
  })

  test('each namespace has its own sessions', async () => {
    const { server, io } = await recovering()
    io.of('/other')
    const { client, socket, received } = await member(server)
    const other = await server.connectMore(client, '/other')
    await sync(io.of('/other'), [other])
    const otherReceived = record(other)
    await dropped(client, socket)
    io.emit('main')
    io.of('/other').emit('other')
    const back = next(other, 'connect')
    other.connect()
    await again(server, client)
    await back
    await Promise.all([sync(io, [client]), sync(io.of('/other'), [other])])
    expect([names(received), names(otherReceived)]).toEqual([['main'], ['other']])
    expect([client.recovered, other.recovered]).toEqual([true, true])
  })

  test.each([
    ['an unknown session', { pid: 'unknown', offset: 'unknown' }],
    ['an offset that is no text', { pid: 'unknown', offset: 5 }],
    ['a session that is an object', { pid: {}, offset: {} }],
  ])('%s starts anew, and the connection is served', async (_, auth) => {
    const { server, io } = await recovering()
    const raw = new WebSocketClient(server.url)
    server.clients.push(raw)
    const { sid, pid } = await raw.join('/', auth)
    expect([typeof sid, typeof pid]).toEqual(['string', 'string'])
    io.emit('event')
    expect(await raw.take('the event', (frame) => frame.startsWith('42["event","'))).toBeDefined()
  })

  test('with recovery on, events of a socket and broadcasts keep their order, answers and volatility', async () => {
    const { server, io } = await recovering()
    const { client, socket, received } = await member(server)
    for (let n = 0; n < 20; n += 2) {
      socket.emit('n', n)
      io.to('room').emit('n', n + 1)
      socket.volatile.emit('dropped')
    }
    client.on('question', (answer) => answer('answer'))
    expect(await socket.emitWithAck('question')).toBe('answer')
    expect(await io.timeout(5000).emitWithAck('question')).toEqual(['answer'])
    await sync(io, [client])
    expect(received.slice(0, 20).map(([, n]) => n)).toEqual([...Array(20).keys()])
    expect(names(received.slice(20))).toEqual(['question', 'question'])
  })
})
