'use strict'

const { BOTH, NATIVE, liveServers } = require('../support/live-server')
const { RawClient } = require('../support/raw-client')
const { until } = require('../support/events')

const listen = liveServers()

const UPGRADING = { transports: ['polling', 'websocket'] }

/** What a client has got of the numbered packets, from its first one on. */
function recordNumbers(client) {
  const numbers = []
  client.on('n', (n) => numbers.push(n))
  return numbers
}

describe.each(BOTH)('connections that upgrade from polling during broadcasts with the $name', (kind) => {
  test('lose nothing, get nothing twice, and keep the order', async () => {
    const server = await listen(kind)
    let n = 0
    server.io.on('connection', (socket) => {
      // What polling has not taken goes before what the upgrade's listeners emit.
      socket.conn.on('upgrade', () => emitTo(server, n++))
    })
    const clients = []
    let going = true
    const emitting = (async () => {
      while (going) {
        emitTo(server, n++)
        await new Promise(setImmediate)
      }
    })()
    for (let i = 0; i < 12; i++) {
      const client = await server.client(UPGRADING)
      clients.push({ client, numbers: recordNumbers(client) })
    }
    const isUpgraded = (socket) => socket.conn.transport.name === 'websocket'
    await until('all have upgraded', () => [...server.io.sockets.sockets.values()].every(isUpgraded))
    if (kind.native) await until('all have lanes', () => server.stats().lanes === 12)
    const end = n + 500
    await until('some more was emitted', () => n >= end)
    going = false
    await emitting
    await until('all has arrived', () => clients.every(({ numbers }) => numbers.at(-1) === n - 1))
    for (const { numbers } of clients) {
      expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => numbers[0] + i))
    }
  })

  test('that end in the middle of it disturb nobody', async () => {
    const server = await listen(kind)
    const witness = await server.raw()
    for (let i = 0; i < 20; i++) {
      const client = await server.client(UPGRADING)
      server.io.emit('n', i, 'x'.repeat(5000))
      // Some during polling, some while they probe, some after.
      for (let turns = 0; turns < i; turns++) await new Promise(setImmediate)
      client.disconnect()
    }
    await until('they are gone', () => server.io.engine.clientsCount === 1)
    await server.sync([witness])
    expect(witness.all('n').map(([n]) => n)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    if (kind.native) await until('one lane is left', () => server.stats().lanes + server.stats().compat === 1)
  })
})

/** One packet to everybody, in one of four ways. */
function emitTo(server, n) {
  const { io } = server
  if (n % 4 === 0) io.emit('n', n)
  else if (n % 4 === 1) io.emit('n', n, Buffer.from([n & 255]), 'x'.repeat(n % 1000))
  else if (n % 4 === 2) for (const socket of io.sockets.sockets.values()) socket.emit('n', n)
  else io.except('nobody').emit('n', n, [Buffer.alloc(n % 300)])
}

describe('a lane after polling', () => {
  test('opens with the upgrade, not before', async () => {
    const server = await listen(NATIVE)
    const stays = await server.client({ transports: ['polling'] })
    expect(server.stats()).toMatchObject({ lanes: 0, compat: 1, compatReasons: { polling: 1 } })
    const client = await server.client(UPGRADING)
    await until('the lane is open', () => server.stats().lanes === 1)
    expect(server.stats()).toMatchObject({ compat: 1, compatReasons: { polling: 1 } })
    const got = [stays, client].map((each) => new Promise((resolve) => each.once('n', resolve)))
    server.io.emit('n', 1)
    expect(await Promise.all(got)).toEqual([1, 1])
  })

  test('a client that sends its first packets with the handshake has a lane, and its packets in order', async () => {
    const server = await listen(NATIVE)
    server.io.on('connection', (socket) => {
      for (let n = 0; n < 20; n++) (n % 2 ? socket : server.io).emit('n', n, 'x'.repeat(n * 5000))
    })
    for (let i = 0; i < 10; i++) {
      const client = await RawClient.open(server.port)
      await client.wait('all packets', () => client.all('n').length >= 20)
      expect(client.all('n').map(([n]) => n)).toEqual(Array.from({ length: 20 }, (_, n) => n))
      client.destroy()
      await until('it is gone', () => server.io.engine.clientsCount === 0)
    }
  })
})
