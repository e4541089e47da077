'use strict'

const { ADAPTERS } = require('../support/adapters')
const { record, sync } = require('../support/events')
const { servers } = require('../support/server')

describe.each(ADAPTERS)('rooms with the $name', (adapter) => {
  const open = servers()

  test('a broadcast to a room reaches its sockets, and no other', async () => {
    const server = await open(adapter)
    const clients = await server.connectAll(3)
    const [a, b, c] = clients.map(record)
    const sockets = server.socketsOf(clients)
    sockets[0].join('room')
    sockets[1].join('room')
    server.io.to('room').emit('event', 1, { two: [3] })
    await sync(server.io, clients)
    expect([a, b, c]).toEqual([[['event', 1, { two: [3] }]], [['event', 1, { two: [3] }]], []])
  })
})
