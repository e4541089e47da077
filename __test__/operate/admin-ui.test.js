'use strict'

// The server's side of @socket.io/admin-ui, without its pages.

const { stats } = require('../..')
const { ADAPTERS } = require('../support/adapters')
const { Admin } = require('../support/admin')
const { next, record, sync, until } = require('../support/events')
const { servers } = require('../support/server')

/** Its own namespace is told of, too. */
const isOwn = ([, nsp]) => (nsp.nsp ?? nsp) === '/admin'

/** Without times, and of a socket what is the same each time. */
const plain = ([name, ...args]) => [name, ...args.filter((arg) => !/^\d{4}-\d\d-\d\dT/.test(arg)).map(short)]
const short = (arg) => (arg?.handshake ? { id: arg.id, nsp: arg.nsp, rooms: arg.rooms, data: arg.data } : arg)

describe.each(ADAPTERS)('the admin UI on the $name', (adapter) => {
  const open = servers()

  async function administered(count) {
    const server = await open(adapter, { javaScript: true })
    new Admin(server.io)
    const ui = await server.connect({}, '/admin')
    const seen = record(ui)
    const clients = await server.connectAll(count)
    const told = async () => {
      await new Promise(setImmediate)
      await sync(server.io.of('/admin'), [ui])
      return seen.splice(0).filter((event) => event[0] !== 'server_stats' && !isOwn(event)).map(plain)
    }
    return { server, io: server.io, ui, clients, told, sockets: server.socketsOf(clients) }
  }

  test('is told of sockets, rooms and events as they happen', async () => {
    const { io, clients, sockets, told } = await administered(2)
    const [a, b] = clients.map((client) => client.id)
    const connected = (id) => ['socket_connected', { id, nsp: '/', rooms: [id], data: {} }]
    expect(await told()).toEqual([['room_joined', '/', a, a], connected(a), ['room_joined', '/', b, b], connected(b)])
    sockets[0].join('room')
    io.to('room').emit('event', 1)
    sockets[1].emit('direct', Buffer.from([1]))
    sockets[0].data.name = 'first'
    sockets[0].leave('room')
    expect(await told()).toEqual([
      ['room_joined', '/', 'room', a],
      ['event_sent', '/', a, ['event', 1]],
      ['event_sent', '/', b, ['direct', Buffer.from([1])]],
      ['socket_updated', { id: a, nsp: '/', data: { name: 'first' } }],
      ['room_left', '/', 'room', a],
    ])
    const received = next(sockets[0], 'question')
    clients[0].emit('question', 'why', () => {})
    await received
    expect(await told()).toEqual([['event_received', '/', a, ['question', 'why']]])
    const ended = next(sockets[1], 'disconnect')
    clients[1].disconnect()
    await ended
    expect((await told()).sort()).toEqual([
      ['room_left', '/', b, b],
      ['socket_disconnected', '/', b, 'client namespace disconnect'],
    ])
  })

  test('is shown all sockets when it connects', async () => {
    const { server, sockets } = await administered(2)
    sockets[0].join(['x', 'y'])
    const late = server.client({}, '/admin')
    const [all] = await next(late, 'all_sockets')
    const { id } = sockets[0]
    expect(all.filter(({ nsp }) => nsp === '/')).toHaveLength(2)
    expect(all.find((socket) => socket.id === id)).toMatchObject({ nsp: '/', transport: 'websocket', rooms: [id, 'x', 'y'] })
  })

  test('its commands are carried out', async () => {
    const { io, ui, clients, sockets } = await administered(2)
    const received = clients.map(record)
    const [a, b] = sockets
    ui.emit('join', '/', 'room', a.id)
    ui.emit('emit', '/', 'room', 'to the room', 1)
    ui.emit('emit', '/', undefined, 'to all', Buffer.from([1]))
    ui.emit('join', '/', 'x')
    ui.emit('leave', '/', 'x', b.id)
    const ended = next(clients[1], 'disconnect')
    ui.emit('_disconnect', '/', true, b.id)
    expect((await ended)[0]).toBe('io server disconnect')
    expect([...a.rooms]).toEqual([a.id, 'room', 'x'])
    await sync(io, [clients[0]])
    expect(received).toEqual([[['to the room', 1], ['to all', Buffer.from([1])]], [['to all', Buffer.from([1])]]])
  })

  test.each([
    ['WebSocket', { transports: ['websocket'] }, 'websocket'],
    ['long-polling', { transports: ['polling'] }, 'polling'],
    ['an upgrade', { transports: ['polling', 'websocket'] }, 'websocket'],
  ])('counts what its clients count, by %s', async (_, options, transport) => {
    const expected = transport === 'polling' ? 'polling' : 'lane'
    const server = await open(adapter, { javaScript: true, client: options, expected })
    const { io } = server
    const admin = new Admin(io)
    const connect = async (nsp) => {
      const client = server.client({}, nsp)
      admin.traffic.add(client)
      await server.settled(client)
      return client
    }
    const ui = await connect('/admin')
    const clients = [await connect('/'), await connect('/'), await connect('/')]
    const sockets = server.socketsOf(clients)
    for (const socket of sockets) socket.on('question', (text, bytes, answer) => answer({ text, bytes }))
    if (adapter.lanes && expected === 'lane') expect(stats(io).observed).toBe(4)

    // Each way in which something goes out, or comes in.
    sockets[0].join('room')
    sockets[1].join('room')
    io.emit('to all', 'Grüße, 世界')
    io.to('room').except(sockets[1].id).emit('to a room', { list: Array.from({ length: 500 }, (__, n) => n) })
    io.volatile.emit('volatile', 1)
    sockets[2].broadcast.emit('with bytes', Buffer.alloc(2000, 1), new Uint8Array([1, 2, 3]))
    sockets[2].emit('to one', 'x')
    for (const client of clients) client.on('ask', (text, answer) => answer(text))
    expect(await io.timeout(10_000).emitWithAck('ask', 'é')).toEqual(['é', 'é', 'é'])
    expect(await clients[0].emitWithAck('question', 'ö', Buffer.alloc(300, 2))).toMatchObject({ text: 'ö' })
    clients[1].emit('nobody listens', 'x'.repeat(1000))
    await sync(io, clients)
    clients[1].disconnect()
    await until('it is gone', () => io.engine.clientsCount === 3)
    await sync(io.of('/admin'), [ui])

    // All has arrived, so both have seen the same.
    const { traffic, clientsCount, pollingClientsCount, namespaces } = await admin.nextStats()
    expect(admin.counted()).toEqual({ ...traffic, rawConnection: 4, rawDisconnection: 1 })
    expect(traffic.packetsOut).toBeGreaterThan(30)
    expect([clientsCount, pollingClientsCount]).toEqual([3, transport === 'polling' ? 3 : 0])
    expect(namespaces).toEqual([{ name: '/', socketsCount: 2 }, { name: '/admin', socketsCount: 1 }])
  })
})
