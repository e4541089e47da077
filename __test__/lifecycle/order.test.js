'use strict'

const { BOTH, NATIVE, liveServers } = require('../support/live-server')
const { random } = require('../support/random')
const { OP } = require('../support/websocket-frames')

const listen = liveServers()

const MESSAGES = 2500

/** Each issues one packet with a number, to one socket or to all of them; returns whether it was to all. */
const KINDS = [
  (io, socket, n) => void socket.emit('n', n),
  (io, socket, n) => void socket.emit('n', n, Buffer.from([n & 255]), { deep: [Buffer.alloc(n % 3000, n)] }),
  (io, socket, n) => void socket.emit('n', n, 'x'.repeat(n % 5000)),
  (io, socket, n) => void socket.emit('n', n, () => {}),
  (io, socket, n) => io.emit('n', n),
  (io, socket, n) => io.to('everybody').except('nobody').emit('n', n, 'y'.repeat((n * 16) % 40_000)),
  (io, socket, n) => io.emit('n', n, Buffer.alloc(n % 70, n), Buffer.alloc(0)),
  (io, socket, n) => void io.timeout(500).emit('n', n, () => {}),
  (io, socket, n) => void io.to(socket.id).emit('n', n),
]

/** Emits everything in random order and ticks; returns the numbers that each client must get, by its id. */
async function emitAll(server, clients, rnd, count = MESSAGES) {
  const expected = new Map(clients.map(({ id }) => [id, []]))
  for (let n = 0; n < count; n++) {
    const { id } = clients[rnd(clients.length)]
    const kind = KINDS[rnd(KINDS.length)]
    const toAll = kind(server.io, server.socketOf({ id }), n) !== undefined || kind === KINDS[7]
    for (const [other, numbers] of expected) if (toAll || other === id) numbers.push(n)
    if (rnd(4) === 0) await new Promise(setImmediate)
  }
  return expected
}

const numbers = (client) => client.all('n').map(([n]) => n)

describe.each(BOTH)('order with the $name', (kind) => {
  test('fast, slow and stopped readers get every kind of packet in the order of issue', async () => {
    const rnd = random()
    const server = await listen(kind, { pingInterval: 25, pingTimeout: 20_000 })
    const clients = await server.rawAll(5)
    server.io.socketsJoin('everybody')
    const [, slow, stopped] = clients
    stopped.pause()
    const turns = setInterval(() => (slow.socket.isPaused() ? slow.resume() : slow.pause()), 3)
    const pings = setInterval(() => clients.forEach((client) => client.ping('p')), 2)
    const expected = await emitAll(server, clients, rnd)
    if (kind.native) expect(server.stats()).toMatchObject({ lanes: 5, compat: 0 })
    if (kind.native) expect(server.stats().parkedLanes).toBeGreaterThan(0)
    clearInterval(turns)
    clearInterval(pings)
    slow.resume()
    stopped.resume()
    server.io.disconnectSockets(true)
    await Promise.all(clients.map((client) => client.end()))
    for (const client of clients) {
      expect(numbers(client)).toEqual(expected.get(client.id))
      expect(client.frames.at(-1).opcode).toBe(OP.CLOSE)
      expect(client.frames.some(({ opcode }) => opcode === OP.PONG)).toBe(true)
      expect(client.frames.some(({ payload }) => payload.toString() === '2')).toBe(true)
    }
  })

  test('an acknowledgement comes after what its handler emitted, and before what follows', async () => {
    const server = await listen(kind)
    const client = await server.raw()
    server.socketOf(client).on('question', (n, ack) => {
      server.io.emit('before', n)
      ack(n)
      server.io.emit('after', n)
    })
    for (let n = 0; n < 200; n++) client.send(`42${n}["question",${n}]`)
    await client.wait('all answers', () => client.all('after').length === 200)
    const tags = client.packets.filter(({ type }) => type !== 0)
    const expected = Array.from({ length: 200 }, (_, n) => [['before', n], [n], ['after', n]]).flat()
    expect(tags.map(({ data }) => data)).toEqual(expected)
  })
})

describe('order with lanes', () => {
  /** Everything that is issued for a connection, as it will be on the wire, is noted at the moment of issue. */
  function noteIssues(server, client) {
    const issued = []
    const { transport } = server.socketOf(client).conn
    const sender = transport.socket._sender
    const { send } = transport
    const { sendFrame } = sender
    transport.send = function (packets) {
      for (const { type, data } of packets) issued.push(type === 'message' ? data : type)
      send.call(this, packets)
    }
    sender.sendFrame = function ([head, payload], callback) {
      issued.push(`ws ${head[0] & 15} ${payload}`)
      sendFrame.call(this, [head, payload], callback)
    }
    return issued
  }

  /** A frame as it is noted. */
  function noted({ opcode, payload }) {
    if (opcode === OP.BINARY) return payload
    const text = payload.toString()
    if (opcode !== OP.TEXT) return `ws ${opcode} ${text}`
    return text === '2' ? 'ping' : text.slice(1)
  }

  test('heartbeats, pongs, ws pings, broadcasts and the close frame keep their place among the packets', async () => {
    const rnd = random()
    const server = await listen(NATIVE, { pingInterval: 10, pingTimeout: 20_000 })
    const client = await server.raw()
    const socket = server.socketOf(client)
    await server.sync([client])
    const start = client.frames.length
    const issued = noteIssues(server, client)
    const broadcast = (n) => {
      server.io.emit('b', n, 'z'.repeat(n % 2000))
      issued.push(`2["b",${n},"${'z'.repeat(n % 2000)}"]`)
    }
    const direct = (n) => socket.emit('d', n, Buffer.alloc(n % 300, n))
    const pings = setInterval(() => client.ping(`ping ${issued.length}`), 1)
    let n = 0
    const heartbeats = () => issued.filter((what) => what === 'ping').length
    while (n < 3000 || (heartbeats() < 3 && n < 1e6)) {
      if (rnd(2)) broadcast(n)
      else direct(n)
      if (rnd(50) === 0) socket.conn.transport.socket.ping(`server ${n}`)
      if (rnd(200) === 0) (client.socket.isPaused() ? client.resume() : client.pause())
      if (n++ % 10 === 0) await new Promise(setImmediate)
    }
    client.resume()
    clearInterval(pings)
    socket.disconnect(true)
    await client.end()
    const got = client.frames.slice(start).map(noted)
    expect(issued.some((what) => String(what).startsWith('ws 10 ping'))).toBe(true)
    expect(got.length).toBe(issued.length)
    expect(got.findIndex((what, i) => String(what) !== String(issued[i]))).toBe(-1)
  })
})
