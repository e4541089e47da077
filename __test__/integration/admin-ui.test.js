'use strict'

const { ADAPTERS } = require('../support/adapters')
const { next, record, sync, until } = require('../support/events')
const { servers } = require('../support/server')

/** What @socket.io/admin-ui does with a server, without its pages. */
function instrument(io) {
  const admin = io.of('/admin')
  let bytes = 0
  // Those of the main namespace only: the UI's own would count what they tell.
  io.engine.on('connection', (conn) => {
    conn.on('packetCreate', ({ data }) => data?.startsWith?.('2["') && (bytes += Buffer.byteLength(data)))
  })
  const nsp = io.of('/')
  nsp.adapter.on('join-room', (room, id) => admin.emit('room_joined', nsp.name, room, id))
  nsp.adapter.on('leave-room', (room, id) => process.nextTick(() => admin.emit('room_left', nsp.name, room, id)))
  nsp.on('connection', (socket) => {
    socket.data = new Proxy(socket.data ?? {}, {
      set(target, key, value) {
        target[key] = value
        admin.emit('socket_updated', { id: socket.id, data: { ...target } })
        return true
      },
    })
    admin.emit('socket_connected', socket.id, [...socket.rooms])
    socket.onAnyOutgoing((...args) => admin.emit('event_sent', socket.id, args.filter((arg) => typeof arg !== 'function')))
    socket.on('disconnect', (reason) => admin.emit('socket_disconnected', nsp.name, socket.id, reason))
  })
  admin.on('connection', (socket) => {
    const sockets = (filter) => (filter ? nsp.in(filter) : nsp)
    socket.on('emit', (filter, event, ...args) => sockets(filter).emit(event, ...args))
    socket.on('join', (room, filter) => sockets(filter).socketsJoin(room))
    socket.on('leave', (room, filter) => sockets(filter).socketsLeave(room))
    socket.on('_disconnect', (close, filter) => sockets(filter).disconnectSockets(close))
    socket.on('all', async (answer) => {
      const all = await nsp.fetchSockets()
      answer(all.map((each) => ({ id: each.id, rooms: [...each.rooms], data: { ...each.data } })))
    })
  })
  return { admin, bytes: () => bytes }
}

describe.each(ADAPTERS)('an admin UI on the $name', (adapter) => {
  const open = servers()

  async function administered() {
    const server = await open(adapter, { javaScript: true })
    const { admin, bytes } = instrument(server.io)
    const ui = await server.connect({}, '/admin')
    const seen = record(ui)
    const clients = await server.connectAll(2)
    const told = async () => {
      await new Promise(setImmediate)
      await sync(admin, [ui])
      return seen.splice(0)
    }
    return { server, io: server.io, ui, clients, told, bytes, sockets: server.socketsOf(clients) }
  }

  test('it is told of sockets, rooms and events as they happen', async () => {
    const { io, clients, sockets, told } = await administered()
    const [a, b] = clients.map((client) => client.id)
    expect(await told()).toEqual([
      ['room_joined', '/', a, a],
      ['socket_connected', a, [a]],
      ['room_joined', '/', b, b],
      ['socket_connected', b, [b]],
    ])
    sockets[0].join('room')
    io.to('room').emit('event', 1)
    sockets[1].emit('direct', Buffer.from([1]))
    sockets[0].data.name = 'first'
    sockets[0].leave('room')
    expect(await told()).toEqual([
      ['room_joined', '/', 'room', a],
      ['event_sent', a, ['event', 1]],
      ['event_sent', b, ['direct', Buffer.from([1])]],
      ['socket_updated', { id: a, data: { name: 'first' } }],
      ['room_left', '/', 'room', a],
    ])
    const ended = next(sockets[1], 'disconnect')
    clients[1].disconnect()
    await ended
    expect((await told()).map(([name]) => name).sort()).toEqual(['room_left', 'socket_disconnected'])
  })

  test('its commands are carried out', async () => {
    const { io, ui, clients, sockets } = await administered()
    const received = clients.map(record)
    const [a, b] = sockets
    ui.emit('join', 'room', a.id)
    ui.emit('emit', 'room', 'to the room', 1)
    ui.emit('emit', null, 'to all', Buffer.from([1]))
    ui.emit('join', ['x', 'y'])
    ui.emit('leave', 'x', b.id)
    const all = await ui.emitWithAck('all')
    expect(all.map(({ id, rooms }) => [id, rooms])).toEqual([
      [a.id, [a.id, 'room', 'x', 'y']],
      [b.id, [b.id, 'y']],
    ])
    const ended = next(clients[1], 'disconnect')
    ui.emit('_disconnect', true, b.id)
    await ended
    await sync(io, [clients[0]])
    expect(received).toEqual([[['to the room', 1], ['to all', Buffer.from([1])]], [['to all', Buffer.from([1])]]])
  })

  test('it counts the bytes of what is emitted', async () => {
    const { io, clients, bytes } = await administered()
    await sync(io, clients)
    const before = bytes()
    io.emit('event', 'x'.repeat(1000))
    await until('both packets are counted', () => bytes() - before >= 2 * '2["event",""]'.length + 2000)
    expect(bytes() - before).toBe(2 * ('2["event",""]'.length + 1000))
    await sync(io, clients)
  })
})
