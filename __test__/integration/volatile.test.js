'use strict'

const { stats } = require('../..')
const { ADAPTERS } = require('../support/adapters')
const { next, record, sync, until } = require('../support/events')
const { servers } = require('../support/server')

const turn = () => new Promise(setImmediate)
const data = (n) => [Buffer.from([n]), { nested: Buffer.from([n, n]) }]

describe.each(ADAPTERS)('volatile packets with the $name', (adapter) => {
  const open = servers()

  /** A server with idle clients that record what they receive. */
  async function idle(count = 1) {
    const server = await open(adapter)
    const clients = await server.connectAll(count)
    await sync(server.io, clients)
    await turn()
    return { server, io: server.io, clients, received: clients.map(record), sockets: server.socketsOf(clients) }
  }

  test('to an idle connection they are delivered, with their attachments', async () => {
    const { io, clients, received, sockets } = await idle()
    const arrived = next(clients[0], 'third')
    io.volatile.emit('first', 1)
    await turn()
    io.volatile.emit('second', ...data(2))
    await turn()
    sockets[0].volatile.emit('third', ...data(3))
    await arrived
    expect(received).toEqual([[['first', 1], ['second', ...data(2)], ['third', ...data(3)]]])
  })

  test.each([
    ['a broadcast after a broadcast', ({ io }) => io.emit('kept'), ({ io }) => io.volatile.emit('x', ...data(1))],
    ['a broadcast after an event', ({ sockets }) => sockets[0].emit('kept'), ({ io }) => io.volatile.emit('x')],
    ['an event after a broadcast', ({ io }) => io.emit('kept'), ({ sockets }) => sockets[0].volatile.emit('x', ...data(1))],
    ['an event after an event', ({ sockets }) => sockets[0].emit('kept'), ({ sockets }) => sockets[0].volatile.emit('x')],
    ['one after a volatile one', ({ io }) => io.volatile.emit('kept'), ({ io }) => io.volatile.emit('x', ...data(1))],
    ['one after attachments', ({ io }) => io.emit('kept', ...data(1)), ({ io }) => io.volatile.emit('x')],
  ])('in the same tick they are dropped: %s', async (_, first, second) => {
    const all = await idle()
    const { io, clients, received } = all
    first(all)
    second(all)
    io.emit('last')
    await sync(io, clients)
    expect(received[0].map(([name]) => name)).toEqual(['kept', 'last'])
  })

  test('each connection decides for itself', async () => {
    const { io, clients, received, sockets } = await idle(3)
    sockets[0].join('busy')
    sockets[2].join('busy')
    const arrived = next(clients[1], 'volatile')
    io.to('busy').emit('kept')
    io.volatile.emit('volatile', ...data(1))
    await arrived
    await sync(io, clients)
    expect(received).toEqual([[['kept']], [['volatile', ...data(1)]], [['kept']]])
  })

  test('after a dropped one, packets that are not volatile follow in order', async () => {
    const { io, clients, received } = await idle()
    for (let i = 0; i < 10; i++) {
      io.emit('kept', i, ...data(i))
      io.volatile.emit('dropped', i, ...data(i))
    }
    await sync(io, clients)
    expect(received[0]).toEqual([...Array(10).keys()].map((i) => ['kept', i, ...data(i)]))
  })

  test('socket.volatile applies to one emit', async () => {
    const { io, clients, received, sockets } = await idle()
    sockets[0].emit('first')
    sockets[0].volatile.emit('dropped')
    sockets[0].emit('second')
    sockets[0].broadcast.volatile.emit('to nobody')
    await sync(io, clients)
    expect(received[0]).toEqual([['first'], ['second']])
  })

  test('to a client that reads nothing they are dropped, and what is not volatile arrives', async () => {
    const { io, clients, sockets } = await idle()
    const numbers = []
    clients[0].on('n', (n) => numbers.push(n))
    clients[0].on('volatile', (n) => numbers.push(`volatile ${n}`))
    const stream = clients[0].io.engine.transport.ws._socket
    stream.pause()
    const big = 'x'.repeat(4 * 1024 * 1024)
    for (let n = 0; n < 3; n++) io.emit('n', n, big)
    if (adapter.lanes) await until('the writer knows that the client is slow', () => stats(io).parkedLanes === 1)
    else await turn()
    for (let n = 0; n < 5; n++) {
      io.volatile.emit('volatile', n)
      sockets[0].volatile.emit('volatile', n)
      await turn()
    }
    stream.resume()
    await sync(io, clients)
    expect(numbers).toEqual([0, 1, 2])
  })
})
