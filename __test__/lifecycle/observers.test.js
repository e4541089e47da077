'use strict'

const path = require('node:path')
const { BOTH, NATIVE, liveServers } = require('../support/live-server')

const listen = liveServers()

/** Emits numbers in four ways to everybody. */
function emitRound(server, client, n) {
  server.io.emit('n', n)
  server.io.to(client.id).emit('n', n + 1, Buffer.from([n & 255]))
  server.socketOf(client).emit('n', n + 2)
  server.io.except('nobody').emit('n', n + 3)
}

const numbers = (client) => client.all('n').map(([n]) => n)
const upTo = (count) => Array.from({ length: count }, (_, n) => n)

describe.each(BOTH)('observers with the $name', (kind) => {
  test('outgoing listeners are called for each packet, before it is written, and may come and go', async () => {
    const server = await listen(kind)
    const [client, other] = await server.rawAll(2)
    const socket = server.socketOf(client)
    const seen = []
    const listener = (event, n) => {
      if (event !== 'n') return
      // What is emitted here goes before the packet that it was called for.
      seen.push(n)
      socket.conn.send(`2["before",${n}]`)
    }
    for (let n = 0; n < 400; n += 4) {
      if (n === 100) socket.onAnyOutgoing(listener)
      if (n === 200) socket.offAnyOutgoing(listener)
      if (n === 240) socket.prependAnyOutgoing(listener)
      if (n === 300) socket.offAnyOutgoing()
      emitRound(server, client, n)
      if (n % 40 === 0) await new Promise(setImmediate)
    }
    await server.sync([client, other])
    const expected = [...upTo(400).slice(100, 200), ...upTo(400).slice(240, 300)]
    expect(seen).toEqual(expected)
    expect(numbers(client)).toEqual(upTo(400))
    const order = client.events.filter(([name]) => name === 'n' || name === 'before').map(([name, n]) => `${name} ${n}`)
    for (const n of expected) expect(order.indexOf(`before ${n}`)).toBe(order.indexOf(`n ${n}`) - 1)
  })

  test('Engine.IO "packetCreate" and "flush" listeners see each packet while they are there', async () => {
    const server = await listen(kind)
    const [client, other] = await server.rawAll(2)
    const { conn } = server.socketOf(client)
    const created = []
    const flushed = []
    const isText = ({ data }) => typeof data === 'string' && data.includes('"n"')
    const onCreate = (packet) => isText(packet) && created.push(packet.data)
    const onFlush = (packets) => flushed.push(...packets.filter(isText).map(({ data }) => data))
    emitRound(server, client, 0)
    conn.on('packetCreate', onCreate)
    emitRound(server, client, 4)
    await server.sync([client])
    conn.on('flush', onFlush)
    emitRound(server, client, 8)
    await server.sync([client])
    conn.off('packetCreate', onCreate)
    emitRound(server, client, 12)
    await server.sync([client])
    conn.removeAllListeners('flush')
    emitRound(server, client, 16)
    await server.sync([client, other])
    const numberOf = (text) => Number(/\["n",(\d+)/.exec(text)[1])
    expect(created.map(numberOf)).toEqual(upTo(12).slice(4))
    expect(new Set(flushed.map(numberOf))).toEqual(new Set(upTo(16).slice(8)))
    expect(numbers(client)).toEqual(upTo(20))
    expect(numbers(other)).toEqual(upTo(20).filter((n) => n % 4 === 0 || n % 4 === 3))
  })

  test('listeners of the Engine.IO server see the packets of all connections', async () => {
    const server = await listen(kind)
    const clients = await server.rawAll(3)
    const flushed = []
    server.io.engine.on('flush', (conn, packets) => flushed.push(...packets.map(({ data }) => [conn.id, data])))
    server.io.emit('n', 0)
    server.io.emit('n', 1)
    await server.sync(clients)
    const broadcasts = flushed.filter(([, data]) => data.includes('"n"'))
    expect(new Set(broadcasts.map(([id]) => id)).size).toBe(3)
    expect(broadcasts).toHaveLength(6)
    for (const client of clients) expect(numbers(client)).toEqual([0, 1])
  })

  test('a wrapped Client.prototype.writeToEngine sees each broadcast, and can go again', async () => {
    const { Client } = require(path.join(path.dirname(require.resolve('socket.io')), 'client.js'))
    const { writeToEngine } = Client.prototype
    const server = await listen(kind)
    const clients = await server.rawAll(2)
    const seen = []
    server.io.emit('n', 0)
    try {
      Client.prototype.writeToEngine = function (encoded, opts) {
        seen.push(encoded[0])
        return writeToEngine.call(this, encoded, opts)
      }
      server.io.emit('n', 1)
      server.io.emit('n', 2, Buffer.from([1]))
    } finally {
      Client.prototype.writeToEngine = writeToEngine
    }
    server.io.emit('n', 3)
    await server.sync(clients)
    expect(seen).toHaveLength(4)
    for (const client of clients) expect(numbers(client)).toEqual([0, 1, 2, 3])
  })
})

describe('observers of lanes', () => {
  test('the statistics count observed lanes, which go back to the writers', async () => {
    const server = await listen(NATIVE)
    const [a] = await server.rawAll(2)
    const { conn } = server.socketOf(a)
    const listener = () => {}
    expect(server.stats()).toMatchObject({ lanes: 2, observed: 0 })
    conn.on('packetCreate', listener)
    expect(server.stats()).toMatchObject({ lanes: 2, observed: 1 })
    conn.off('packetCreate', listener)
    expect(server.stats()).toMatchObject({ lanes: 2, observed: 0 })
  })
})
