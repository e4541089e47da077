'use strict'

const { BOTH, liveServers } = require('../support/live-server')
const { random } = require('../support/random')
const { until } = require('../support/events')

const listen = liveServers()

// Each message is compressed for itself: such connections have lanes.
const DEFLATE = { perMessageDeflate: { threshold: 200, serverNoContextTakeover: true } }

const KINDS = [
  (io, sockets, n) => io.emit('n', n, 'x'.repeat(n % 3000)),
  (io, sockets, n) => io.emit('n', n, Buffer.alloc(n % 5000, n)),
  (io, sockets, n) => sockets.forEach((socket) => socket.emit('n', n, 'é'.repeat(n % 999))),
  (io, sockets, n) => sockets.forEach((socket) => socket.emit('n', n, [Buffer.from([n & 255])])),
  (io, sockets, n) => io.compress(false).emit('n', n, 'y'.repeat(n % 3000)),
  (io, sockets, n) => io.emit('n', n),
  (io, sockets, n) => io.emit('n', n, Buffer.alloc(50_000, 'ab')),
]

/** The net.Socket of a real client. */
const streamOf = (client) => client.io.engine.transport.ws._socket

describe.each(BOTH)('compressed messages with the $name', (kind) => {
  test('keep their place among the others, for fast, slow and stopped readers', async () => {
    const rnd = random()
    const server = await listen(kind, { ...DEFLATE, pingInterval: 25, pingTimeout: 20_000 })
    const clients = await Promise.all([1, 2, 3].map(() => server.client({ perMessageDeflate: { threshold: 0 } })))
    const got = clients.map((client) => {
      const numbers = []
      client.on('n', (n) => numbers.push(n))
      return numbers
    })
    const sockets = clients.map((client) => server.socketOf(client))
    for (const socket of sockets) expect(Object.keys(socket.conn.transport.socket._extensions)).toEqual(['permessage-deflate'])
    if (kind.native) await until('all have lanes', () => server.stats().lanes === 3)
    const [, slow, stopped] = clients.map(streamOf)
    stopped.pause()
    for (let n = 0; n < 1500; n++) {
      KINDS[rnd(KINDS.length)](server.io, sockets, n)
      if (rnd(50) === 0) (slow.isPaused() ? slow.resume() : slow.pause())
      if (rnd(4) === 0) await new Promise(setImmediate)
    }
    slow.resume()
    stopped.resume()
    await until('all has arrived', () => got.every((numbers) => numbers.at(-1) === 1499))
    for (const numbers of got) expect(numbers).toEqual(Array.from({ length: 1500 }, (_, n) => n))
  })

  test('a connection with a context of its own works beside one without', async () => {
    const server = await listen(kind, { perMessageDeflate: { threshold: 10 } })
    const plain = await server.raw()
    const client = await server.client({ perMessageDeflate: true })
    const text = 'abc'.repeat(1000)
    const arrived = new Promise((resolve) => client.once('last', resolve))
    for (let n = 0; n < 20; n++) server.io.emit('n', n, text)
    server.io.emit('last', text)
    expect(await arrived).toBe(text)
    expect(await plain.event('last')).toEqual([text])
    if (kind.native) expect(server.stats()).toMatchObject({ lanes: 1, compatReasons: { deflate: 1 } })
  })
})
