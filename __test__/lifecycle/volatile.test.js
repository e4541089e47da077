'use strict'

const { BOTH, liveServers } = require('../support/live-server')
const { until } = require('../support/events')

const listen = liveServers()

const KIB = 1024

/** Each emits to one socket, in its way. */
const WAYS = [
  ['directly', (io, socket) => socket],
  ['as a broadcast', (io) => io],
  ['to its room', (io, socket) => io.to(socket.id)],
]
const PAIRS = WAYS.flatMap(([first, a]) => WAYS.map(([second, b]) => [first, second, a, b]))

/** What came, without attachments. */
const names = (client) => client.events.map(([name]) => name).filter((name) => !name.startsWith('marker'))

/** Until the next packet is the first of its tick, and nothing is unsent. */
async function idle(server, client) {
  await server.sync([client])
  await until('nothing is unsent', () => server.socketOf(client).conn.transport.writable)
}

describe.each(BOTH)('volatile packets with the $name', (kind) => {
  let server, client, socket

  beforeEach(async () => {
    server = await listen(kind, { adapter: { maxBufferedBytes: 64 * 1024 * KIB } })
    client = await server.raw()
    socket = server.socketOf(client)
    await idle(server, client)
  })

  test.each(PAIRS)('emitted %s, then in the same tick %s: only the first arrives', async (_, __, first, second) => {
    first(server.io, socket).emit('first')
    second(server.io, socket).volatile.emit('dropped', Buffer.alloc(3))
    second(server.io, socket).volatile.emit('dropped')
    second(server.io, socket).emit('kept', Buffer.from([1]))
    await server.sync([client])
    expect(names(client)).toEqual(['first', 'kept'])
    expect(client.all('kept')).toEqual([[Buffer.from([1])]])
  })

  test.each(WAYS)('emitted %s to an idle connection arrive, with their attachments', async (_, way) => {
    for (let n = 0; n < 10; n++) {
      way(server.io, socket).volatile.emit('kept', n, Buffer.alloc(70 * KIB, n), [Buffer.from([n])])
      way(server.io, socket).volatile.emit('dropped', n, Buffer.alloc(10))
      await client.wait('the packet', () => client.all('kept').length > n)
      await idle(server, client)
    }
    expect(client.all('kept').map(([n, a, b]) => [n, a.length, a[0], b[0][0]])).toEqual(
      Array.from({ length: 10 }, (__, n) => [n, 70 * KIB, n, n]),
    )
    expect(names(client)).not.toContain('dropped')
  })

  test.each(WAYS)('emitted %s while bytes are unsent are dropped, with their attachments', async (_, way) => {
    client.pause()
    for (let n = 0; n < 16; n++) server.io.emit('much', Buffer.alloc(1024 * KIB))
    if (kind.native) await until('the lane is parked', () => server.stats().parkedLanes === 1)
    for (let n = 0; n < 20; n++) {
      way(server.io, socket).volatile.emit('dropped', n, Buffer.alloc(1000), Buffer.alloc(10))
      way(server.io, socket).volatile.emit('dropped', n)
      await new Promise(setImmediate)
    }
    way(server.io, socket).emit('kept', Buffer.from([1]))
    client.resume()
    await client.event('kept')
    await idle(server, client)
    way(server.io, socket).volatile.emit('kept', Buffer.from([2]))
    await client.wait('the second', () => client.all('kept').length === 2)
    expect(names(client)).toEqual([...Array(16).fill('much'), 'kept', 'kept'])
    expect(client.all('kept')).toEqual([[Buffer.from([1])], [Buffer.from([2])]])
  })

  test.each(WAYS)('emitted %s in a tick of their own arrive when the one before has left', async (_, way) => {
    for (let n = 0; n < 50; n++) {
      way(server.io, socket).emit('n', 2 * n)
      await idle(server, client)
      way(server.io, socket).volatile.emit('n', 2 * n + 1)
      await idle(server, client)
    }
    expect(client.all('n').map(([n]) => n)).toEqual(Array.from({ length: 100 }, (__, n) => n))
  })

  test.each(WAYS)('emitted %s in the next turn of the event loop arrive', async (_, way) => {
    for (let n = 0; n < 50; n++) {
      way(server.io, socket).emit('n', 2 * n)
      await new Promise(setImmediate)
      way(server.io, socket).volatile.emit('n', 2 * n + 1)
      await new Promise(setImmediate)
    }
    await server.sync([client])
    expect(client.all('n').map(([n]) => n)).toEqual(Array.from({ length: 100 }, (__, n) => n))
  })

  test('to a room reach those of its sockets that are idle', async () => {
    const busy = await server.raw()
    await idle(server, busy)
    await idle(server, client)
    server.socketOf(busy).emit('first')
    server.io.volatile.emit('volatile', Buffer.alloc(4))
    await server.sync([client, busy])
    expect([names(client), names(busy)]).toEqual([['volatile'], ['first']])
  })
})
