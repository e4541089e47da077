'use strict'

const { ADAPTERS } = require('../support/adapters')
const { next, record, sync } = require('../support/events')
const { servers } = require('../support/server')

describe.each(ADAPTERS)('operations on sockets with the $name', (adapter) => {
  const open = servers()

  /** Four clients: 0 and 1 in "a", 1 and 2 in "b", 3 in none. */
  async function four() {
    const server = await open(adapter)
    const clients = await server.connectAll(4)
    const sockets = server.socketsOf(clients)
    sockets[0].join('a')
    sockets[1].join(['a', 'b'])
    sockets[2].join('b')
    return { server, io: server.io, clients, sockets, numbered: (list) => list.map((socket) => sockets.indexOf(socket)).sort() }
  }

  const ids = (sockets, ...numbers) => new Set(numbers.map((n) => sockets[n].id))

  test('fetchSockets() returns the sockets that match', async () => {
    const { io, sockets, numbered } = await four()
    expect(numbered(await io.fetchSockets())).toEqual([0, 1, 2, 3])
    expect(numbered(await io.in('a').in('b').fetchSockets())).toEqual([0, 1, 2])
    expect(numbered(await io.except('a').fetchSockets())).toEqual([2, 3])
    expect(numbered(await io.in('b').except(sockets[2].id).fetchSockets())).toEqual([1])
    expect(numbered(await io.in(sockets[3].id).local.fetchSockets())).toEqual([3])
    expect(numbered(await sockets[0].in('a').fetchSockets())).toEqual([1])
    expect(await io.in('nowhere').fetchSockets()).toEqual([])
  })

  test('what is fetched is the local socket itself, in the order of connecting', async () => {
    const { io, sockets } = await four()
    const fetched = await io.fetchSockets()
    expect(fetched.every((socket, i) => socket === sockets[i])).toBe(true)
  })

  test('allSockets() returns the ids that match', async () => {
    const { io, sockets } = await four()
    expect(await io.allSockets()).toEqual(ids(sockets, 0, 1, 2, 3))
    expect(await io.in('b').allSockets()).toEqual(ids(sockets, 1, 2))
    expect(await io.sockets.adapter.sockets(new Set(['a', 'b']))).toEqual(ids(sockets, 0, 1, 2))
  })

  test('socketsJoin() and socketsLeave() have their effect at once', async () => {
    const { io, clients, sockets } = await four()
    const received = clients.map(record)
    io.in('a').socketsJoin(['c', 'd'])
    expect([...sockets[1].rooms]).toEqual([sockets[1].id, 'a', 'b', 'c', 'd'])
    io.in('a').except('b').socketsLeave('c')
    io.in('b').socketsLeave(['b', 'd'])
    io.to('c').emit('c')
    io.to('d').emit('d')
    io.to('b').emit('b')
    sockets[0].in('a').socketsJoin('e')
    io.to('e').emit('e')
    io.except('a').socketsJoin('f')
    io.to('f').emit('f')
    await sync(io, clients)
    expect(received).toEqual([[['d']], [['c'], ['e']], [['f']], [['f']]])
  })

  test('disconnectSockets() disconnects those that match, and can close their connections', async () => {
    const { io, clients, sockets } = await four()
    const ends = [0, 1, 2].map((n) => next(clients[n], 'disconnect'))
    const closed = next(sockets[2].conn, 'close')
    io.in('a').except(sockets[1].id).disconnectSockets()
    expect(sockets[0].connected).toBe(false)
    expect(sockets[0].conn.readyState).toBe('open')
    io.in('b').disconnectSockets(true)
    expect(sockets.map((socket) => socket.connected)).toEqual([false, false, false, true])
    expect(await Promise.all(ends)).toEqual(Array(3).fill(['io server disconnect']))
    await closed
    expect([...io.sockets.adapter.rooms.keys()]).toEqual([sockets[3].id])
    await sync(io, [clients[3]])
  })

  test('handlers of "disconnect" can disconnect others while disconnectSockets() runs', async () => {
    const { io, sockets } = await four()
    const order = []
    sockets[0].on('disconnect', () => sockets[2].disconnect())
    for (const [i, socket] of sockets.entries()) socket.on('disconnect', () => order.push(i))
    io.disconnectSockets()
    expect(order).toEqual([2, 0, 1, 3])
    expect(io.sockets.adapter.sids.size).toBe(0)
  })

  test('each disconnected socket is out of its rooms when "disconnect" is emitted, but not at "disconnecting"', async () => {
    const { io, sockets } = await four()
    const seen = []
    const note = (name) => () => seen.push([name, sockets[0].rooms.has('a'), io.sockets.adapter.rooms.get('a').size])
    sockets[0].on('disconnecting', note('disconnecting'))
    sockets[0].on('disconnect', note('disconnect'))
    sockets[0].disconnect()
    expect(seen).toEqual([['disconnecting', true, 2], ['disconnect', false, 1]])
  })

  test('serverSideEmit() is not supported by either adapter, and does no harm', async () => {
    const { io, clients } = await four()
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {})
    io.serverSideEmit('event', 1)
    io.serverSideEmit('event', () => {})
    expect(warn).toHaveBeenCalledTimes(2)
    expect(warn.mock.calls[0][0]).toBe('this adapter does not support the serverSideEmit() functionality')
    warn.mockRestore()
    const heard = next(io, 'from another server')
    io.sockets._onServerSideEmit(['from another server', 1])
    expect(await heard).toEqual([1])
    await sync(io, clients)
  })
})
