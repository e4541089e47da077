'use strict'

const { BOTH, NATIVE, liveServers } = require('../support/live-server')

const listen = liveServers()

const tags = (client) => client.events.map(([name, ...args]) => [name, ...args].join(' ')).filter((tag) => !tag.startsWith('marker'))

describe.each(BOTH)('handlers of the $name may do everything', (kind) => {
  test('those of rooms broadcast, join and leave', async () => {
    const server = await listen(kind)
    const [a, b] = await server.rawAll(2)
    const [first, second] = [a, b].map((client) => server.socketOf(client))
    const { adapter } = server.io.sockets
    const log = []
    adapter.on('create-room', (room) => {
      log.push(`create ${room}`)
      server.io.to(room).emit('created', room)
      if (room === 'one') first.join('two')
    })
    adapter.on('join-room', (room, id) => {
      log.push(`join ${room}`)
      server.io.to(room).emit('joined', room)
      if (room === 'one' && id === first.id) second.join('one')
    })
    adapter.on('leave-room', (room, id) => {
      log.push(`leave ${room}`)
      server.io.to(room).emit('left', room)
      if (room === 'one' && id === first.id) second.leave('one')
    })
    adapter.on('delete-room', (room) => {
      log.push(`delete ${room}`)
      server.io.emit('deleted', room)
      if (room === 'two') first.join('three')
    })
    first.join('one')
    first.leave('two')
    first.leave('one')
    await server.sync([a, b])
    expect(log).toEqual([
      ...['create one', 'create two', 'join two', 'join one', 'join one', 'leave two', 'delete two'],
      ...['create three', 'join three', 'leave one', 'leave one', 'delete one'],
    ])
    expect(tags(a)).toEqual(['joined two', 'joined one', 'joined one', 'deleted two', 'joined three', 'deleted one'])
    expect(tags(b)).toEqual(['joined one', 'deleted two', 'left one', 'deleted one'])
  })

  test('an outgoing listener broadcasts, emits, joins, leaves and disconnects others', async () => {
    const server = await listen(kind)
    const clients = await server.rawAll(4)
    const [watcher, other, victim] = clients.map((client) => server.socketOf(client))
    let calls = 0
    watcher.onAnyOutgoing((event) => {
      if (event !== 'start') return
      calls++
      server.io.emit('from the listener')
      other.emit('direct from the listener')
      other.join('late')
      victim.disconnect(true)
      server.io.to('late').emit('to the late')
    })
    server.io.emit('start')
    await clients[2].end()
    await server.sync([clients[0], clients[1], clients[3]])
    expect(calls).toBe(1)
    expect(tags(clients[0])).toEqual(['from the listener', 'start'])
    expect(tags(clients[1]).sort()).toEqual(['direct from the listener', 'from the listener', 'start', 'to the late'])
    expect(tags(clients[3]).sort()).toEqual(['from the listener', 'start'])
  })

  test('acknowledgements and write callbacks broadcast', async () => {
    const server = await listen(kind)
    const [a, b] = await server.rawAll(2)
    const socket = server.socketOf(a)
    socket.on('question', (depth, ack) => {
      ack(depth)
      server.io.emit('answered', depth)
    })
    a.send('421["question",1]')
    socket.conn.send('2["callback"]', {}, () => {
      server.io.emit('from the callback')
      socket.conn.send('2["again"]', {}, () => server.io.to(a.id).emit('from the second'))
    })
    await a.event('from the second')
    await Promise.all([b.event('answered'), b.event('from the callback')])
    expect(tags(a).filter((tag) => tag !== 'answered 1')).toEqual(['callback', 'from the callback', 'again', 'from the second'])
    expect(tags(b).sort()).toEqual(['answered 1', 'from the callback'])
  })

  test('a "disconnect" handler broadcasts to the rooms that are left, and to those it was in', async () => {
    const server = await listen(kind)
    const [a, b, c] = await server.rawAll(3)
    for (const client of [a, b, c]) server.socketOf(client).join('room')
    const socket = server.socketOf(a)
    socket.on('disconnecting', () => server.io.to([...socket.rooms]).emit('goes', socket.rooms.size))
    socket.on('disconnect', () => {
      server.io.to('room').emit('gone', socket.rooms.size)
      server.socketOf(c).disconnect(true)
      socket.join('ghost')
      socket.leave('ghost')
      server.io.to('ghost').emit('nobody')
    })
    a.reset()
    await c.end()
    await server.sync([b])
    expect(tags(b)).toEqual(['goes 2', 'gone 0'])
    expect(tags(c)).toEqual(['goes 2', 'gone 0'])
    expect(server.io.sockets.adapter.rooms.has('ghost')).toBe(false)
  })
})

describe('handlers of the native adapter may do what breaks the stock adapter', () => {
  test('one that disconnects the socket that joins ends the joining', async () => {
    const server = await listen(NATIVE)
    const [a, b] = await server.rawAll(2)
    const socket = server.socketOf(a)
    server.io.sockets.adapter.on('join-room', (room) => {
      if (room === 'trap') socket.disconnect(true)
    })
    server.io.sockets.adapter.on('leave-room', (room) => server.io.emit('left', room === a.id ? 'own' : room))
    socket.join(['fine', 'trap', 'never'])
    await a.end()
    await server.sync([b])
    const { rooms } = server.io.sockets.adapter
    expect([rooms.has('never') && rooms.get('never').has(a.id), rooms.has('trap'), rooms.has('fine')]).toEqual([false, false, false])
    expect(tags(b).sort()).toEqual(['left fine', 'left own', 'left trap'])
  })

  test('a broadcast is what it was when it was called, whatever its outgoing listeners change', async () => {
    const server = await listen(NATIVE)
    const [a, b, c] = await server.rawAll(3)
    const [watcher, leaver, joiner] = [a, b, c].map((client) => server.socketOf(client))
    watcher.onAnyOutgoing((event) => {
      if (event !== 'start') return
      leaver.leave('room')
      joiner.join('room')
    })
    watcher.join('room')
    leaver.join('room')
    server.io.to('room').emit('start')
    await server.sync([a, b, c])
    expect([tags(a), tags(b), tags(c)]).toEqual([['start'], ['start'], []])
  })
})
