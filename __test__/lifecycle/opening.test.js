'use strict'

const { BOTH, liveServers } = require('../support/live-server')
const { until } = require('../support/events')

const listen = liveServers()

const MIB = 1024 * 1024

describe.each(BOTH)('a connection that is behind when its socket connects, with the $name', (kind) => {
  /** A client that reads nothing, although much was sent to it before its socket connects. */
  async function behind(server, packets) {
    const opened = new Promise((resolve) => server.io.engine.once('connection', resolve))
    const client = await server.raw({ namespace: null })
    const conn = await opened
    client.pause()
    for (let n = 0; n < packets; n++) conn.send(`2["early","${'x'.repeat(MIB)}"]`)
    const connected = new Promise((resolve) => server.io.once('connection', resolve))
    client.send('40')
    return { client, socket: await connected }
  }

  /** Emits in each way. */
  function emitOne(server, socket, n) {
    if (n % 3 === 0) server.io.emit('n', n, Buffer.from([n & 255]))
    else if (n % 3 === 1) socket.emit('n', n, 'x'.repeat(n))
    else server.io.to(socket.id).emit('n', n)
  }

  test.each([1, 12])('%i MB: it loses nothing, keeps the order, and gets its lane later', async (packets) => {
    const server = await listen(kind)
    const { client, socket } = await behind(server, packets)
    let n = 0
    for (; n < 200; n++) emitOne(server, socket, n)
    if (kind.native && packets > 1) expect(server.stats()).toMatchObject({ lanes: 0, compatReasons: { opening: 1 } })
    client.resume()
    // While the lane opens, and after it.
    const opened = () => !kind.native || server.stats().lanes === 1
    while (n < 1000 || (!opened() && n < 1e6)) {
      emitOne(server, socket, n++)
      await new Promise(setImmediate)
    }
    socket.emit('last')
    await client.event('last')
    expect(client.all('early')).toHaveLength(packets)
    expect(client.all('n').map(([m]) => m)).toEqual(Array.from({ length: n }, (_, m) => m))
    expect(client.packets.findIndex(({ type }) => type === 0)).toBe(packets)
  })

  test('that ends before its lane can open leaves nothing', async () => {
    const server = await listen(kind)
    const witness = await server.raw()
    for (const end of ['reset', 'destroy', 'endHalf']) {
      const { client, socket } = await behind(server, 12)
      client[end]()
      if (end === 'endHalf') client.resume()
      server.io.emit('n', end)
      await until('it is gone', () => socket.disconnected)
    }
    await until('one client is left', () => server.io.engine.clientsCount === 1)
    await server.sync([witness])
    if (kind.native) expect(server.stats()).toMatchObject({ lanes: 1, compat: 0 })
  })
})
