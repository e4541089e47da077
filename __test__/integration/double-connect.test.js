'use strict'

const { ADAPTERS } = require('../support/adapters')
const { next, sync, until } = require('../support/events')
const { servers } = require('../support/server')
const { WebSocketClient } = require('../support/websocket-client')

const CONNECT = /^40\{"sid":"([^"]+)"/

describe.each(ADAPTERS)('a client that connects twice to a namespace on one connection, with the $name', (adapter) => {
  const open = servers()

  /** Two CONNECT packets in a row: the second comes before the first is answered. */
  async function twice() {
    const server = await open(adapter, { javaScript: true })
    const witness = await server.connect()
    const raw = new WebSocketClient(server.url)
    server.clients.push(raw)
    await raw.take('the handshake', (frame) => frame[0] === '0')
    raw.ws.send('40')
    raw.ws.send('40')
    const ids = []
    for (let i = 0; i < 2; i++) ids.push(CONNECT.exec(await raw.take('CONNECT', (frame) => CONNECT.test(frame)))[1])
    const sockets = ids.map((id) => server.io.sockets.sockets.get(id))
    return { server, io: server.io, witness, raw, sockets }
  }

  const last = (frame) => frame === '42["last"]'

  test('both sockets are members of rooms and get broadcasts, each one', async () => {
    const { io, raw, sockets } = await twice()
    expect(sockets[0]).not.toBe(sockets[1])
    expect(sockets[0].conn).toBe(sockets[1].conn)
    sockets[0].join(['room', 'first'])
    sockets[1].join(['room', 'second'])
    io.to('room').emit('both', Buffer.from([1]))
    io.to('first').emit('first')
    io.to('second').emit('second')
    io.to('room').except(sockets[0].id).emit('not the first')
    io.to('room').except(sockets[1].id).emit('not the second')
    sockets[0].to('room').emit('from the first')
    io.to('first').emit('last')
    const frames = await raw.takeUntil('the last event', last)
    // The writers and JavaScript may write to the two in either order; each socket's own packets keep theirs.
    const counts = {}
    for (const frame of frames) counts[frame] = (counts[frame] ?? 0) + 1
    expect(counts).toEqual({
      '451-["both",{"_placeholder":true,"num":0}]': 2,
      [Buffer.from([1])]: 2,
      '42["first"]': 1,
      '42["second"]': 1,
      '42["not the first"]': 1,
      '42["not the second"]': 1,
      '42["from the first"]': 1,
      '42["last"]': 1,
    })
    expect((await io.in('room').fetchSockets()).map((socket) => socket.id).sort()).toEqual(sockets.map((s) => s.id).sort())
  })

  test('when one goes, the other is still served, and at the end nothing is left', async () => {
    const { server, io, witness, raw, sockets } = await twice()
    sockets[0].join('room')
    sockets[1].join('room')
    sockets[0].disconnect()
    io.to('room').emit('event')
    io.to(sockets[1].id).emit('last')
    const frames = await raw.takeUntil('the last event', last)
    expect(frames).toEqual(['41', '42["event"]', '42["last"]'])
    const gone = next(sockets[1], 'disconnect')
    raw.disconnect()
    await gone
    const { rooms, sids } = io.sockets.adapter
    expect([[...rooms.keys()], [...sids.keys()]]).toEqual([[witness.id], [witness.id]])
    await sync(server.io, [witness])
  })

  test('after the second has gone first, the first is still served', async () => {
    const { io, raw, sockets } = await twice()
    io.in(sockets[1].id).disconnectSockets()
    io.emit('event')
    sockets[0].emit('last')
    expect(await raw.takeUntil('the last event', last)).toEqual(['41', '42["event"]', '42["last"]'])
    raw.disconnect()
    await until('it is gone', () => io.sockets.sockets.size === 1)
    expect(io.sockets.adapter.sids.size).toBe(1)
  })
})
