'use strict'

const { BOTH, NATIVE, liveServers } = require('../support/live-server')
const { descriptors, memory } = require('../support/process-state')
const { random } = require('../support/random')
const { OP, encodeFrame } = require('../support/websocket-frames')
const { until } = require('../support/events')

const listen = liveServers()

const KIB = 1024
const MIB = 1024 * KIB

const ping = (payload, options) => encodeFrame(OP.PING, payload, options)
const text = (payload, options) => encodeFrame(OP.TEXT, payload, options)

/** What breaks the WebSocket protocol, and the code with which the server closes. */
const VIOLATIONS = [
  ['an unmasked frame', text('42["n"]', { mask: false }), 1002],
  ['a reserved bit', text('42["n"]', { rsv: 4 }), 1002],
  ['an unknown opcode', encodeFrame(5, 'x'), 1002],
  ['a continuation of nothing', encodeFrame(OP.CONTINUATION, 'x'), 1002],
  ['a fragmented ping', ping('x', { fin: false }), 1002],
  ['a ping that is too long', ping('x'.repeat(126)), 1002],
  ['a text that is not UTF-8', text(Buffer.from([0x34, 0xff, 0xfe])), 1007],
  ['a close frame with a reserved code', encodeFrame(OP.CLOSE, Buffer.from([0x03, 0xed])), 1002],
  ['a message that is too long', text('4'.repeat(3000)), 1009],
  ['garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 1002],
]

/** What breaks the protocols above it. */
const NONSENSE = [
  ['an Engine.IO packet of an unknown type', text('x')],
  ['an empty Engine.IO packet', text('')],
  ['a heartbeat in the wrong direction', text('2')],
  ['a Socket.IO packet of an unknown type', text('49')],
  ['a Socket.IO packet without JSON', text('42[')],
  ['a packet with attachments that never come', text('451-["n",{"_placeholder":true,"num":0}]')],
  ['more attachments than a server takes', text('4599999999999-["n"]')],
  ['an attachment of nothing', encodeFrame(OP.BINARY, 'x')],
  ['an answer to a question that was never asked', text('4399999999999999999999["n"]')],
  ['a packet for a namespace that it is not in', text('42/nowhere,["n"]')],
  ['a reserved event', text('42["disconnect","x"]')],
  ['an ack id beyond all numbers', text(`42${'9'.repeat(400)}["n"]`)],
]

describe.each(BOTH)('hostile clients of a server with the $name', (kind) => {
  test.each(VIOLATIONS)('%s: it gets what was emitted before, then the close frame', async (_, bytes, code) => {
    const server = await listen(kind, { maxHttpBufferSize: 2000 })
    const [client, witness] = await server.rawAll(2)
    for (let n = 0; n < 10; n++) server.io.emit('n', n, 'x'.repeat(1000 * n))
    server.socketOf(client).conn.transport.socket.once('error', () => server.io.emit('too late'))
    client.write(bytes)
    await client.end()
    expect(client.closeCode).toBe(code)
    expect(client.all('n').map(([n]) => n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(client.frames.at(-1).opcode).toBe(OP.CLOSE)
    expect(client.rest).toBe(0)
    expect((await server.disconnected(client)).reason).toBe('transport error')
    await server.sync([witness])
    expect(witness.all('too late')).toHaveLength(1)
  })

  test.each(NONSENSE)('%s: nobody else notices', async (_, bytes) => {
    const server = await listen(kind)
    server.io.on('connection', (socket) => socket.on('n', (ack) => typeof ack === 'function' && ack()))
    const [client, witness] = await server.rawAll(2)
    client.write(bytes)
    client.write(text('41'))
    await server.disconnected(client)
    client.destroy()
    await until('it is gone', () => server.io.engine.clientsCount === 1)
    await server.sync([witness])
  })

  test('a frame that is cut in the middle, then a reset', async () => {
    const rnd = random()
    const server = await listen(kind)
    const witness = await server.raw()
    for (let i = 0; i < 30; i++) {
      const client = await server.raw()
      const frame = text(`42${JSON.stringify(['n', 'x'.repeat(rnd(100_000))])}`)
      client.write(frame.subarray(0, 1 + rnd(frame.length - 1)))
      server.io.emit('n', i, Buffer.alloc(rnd(100_000)))
      await new Promise(setImmediate)
      client.reset()
      await server.disconnected(client)
    }
    await server.sync([witness])
    expect(witness.all('n').map(([n]) => n)).toEqual(Array.from({ length: 30 }, (_, n) => n))
  })

  test('a client that ends its half gets what was emitted before, then the end', async () => {
    const server = await listen(kind)
    const client = await server.raw()
    for (let n = 0; n < 20; n++) server.io.emit('n', n, Buffer.alloc(100 * KIB))
    client.endHalf()
    expect(await client.end()).toBe('end')
    expect(client.all('n').map(([n]) => n)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    expect(client.rest).toBe(0)
    await server.disconnected(client)
  })

  test('a client that is behind when it ends its half gets everything, as long as it reads', async () => {
    const server = await listen(kind, { adapter: { flushTimeout: 60_000, maxBufferedBytes: 64 * MIB } })
    const client = await server.raw()
    const stream = server.streamOf(client)
    client.pause()
    for (let n = 0; n < 12; n++) server.io.emit('n', n, Buffer.alloc(MIB))
    const ended = new Promise((resolve) => stream.once('end', resolve))
    client.endHalf()
    await ended
    // The server has called end() on its stream by now; bytes still wait.
    await new Promise(setImmediate)
    client.resume()
    expect(await client.end()).toBe('end')
    expect(client.all('n').map(([n]) => n)).toEqual(Array.from({ length: 12 }, (_, n) => n))
    expect(client.rest).toBe(0)
    await server.disconnected(client)
  })

  test('what is emitted after a client has ended its half is not cut in the middle of a frame', async () => {
    const server = await listen(kind, { adapter: { flushTimeout: 60_000, maxBufferedBytes: 64 * MIB } })
    const client = await server.raw()
    const stream = server.streamOf(client)
    client.pause()
    for (let n = 0; n < 6; n++) server.io.emit('n', n, Buffer.alloc(MIB))
    const ended = new Promise((resolve) => stream.once('end', resolve))
    client.endHalf()
    await ended
    await new Promise(setImmediate)
    for (let n = 6; n < 12; n++) server.io.emit('n', n, Buffer.alloc(4 * MIB))
    client.resume()
    expect(await client.end()).toBe('end')
    expect(client.all('n').map(([n]) => n)).toEqual([0, 1, 2, 3, 4, 5])
    expect(client.rest).toBe(0)
    await server.disconnected(client)
  })

  test('a hundred CONNECTs to namespaces that are not there', async () => {
    const server = await listen(kind)
    const client = await server.raw()
    for (let n = 0; n < 100; n++) client.send(`40/nowhere${n},{"token":${n}}`)
    await client.wait('all refusals', () => client.packets.filter(({ type }) => type === 4).length === 100)
    server.io.emit('n', 1)
    await server.sync([client])
    expect(client.all('n')).toEqual([[1]])
    expect([...server.io._nsps.keys()]).toEqual(['/'])
  })

  test('a client that connects a hundred times to the same namespace', async () => {
    const server = await listen(kind)
    const [client, witness] = await server.rawAll(2)
    for (let n = 0; n < 100; n++) client.send('40')
    await until('it is gone', () => server.io.engine.clientsCount === 1)
    server.io.emit('n')
    await server.sync([witness])
    expect(server.io.sockets.sockets.size).toBe(1)
    expect(server.io.sockets.adapter.rooms.size).toBe(1)
    expect(server.io.sockets.adapter.sids.size).toBe(1)
  })

  test('garbage before, during and after the handshake', async () => {
    const net = require('node:net')
    const server = await listen(kind)
    const witness = await server.raw()
    const before = descriptors()
    const upgrade = 'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
    const inputs = ['\0\0\0', upgrade, `${upgrade}\r\n`, `${upgrade}${key}\xff\xff\xff\xff`, `${upgrade}${key}`, 'x'.repeat(50_000)]
    for (const input of inputs) {
      const socket = net.connect(server.port, '127.0.0.1').on('error', () => {})
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.end(input, 'latin1')
      socket.resume()
      await new Promise((resolve) => socket.once('close', resolve))
    }
    await until('they are gone', () => server.io.engine.clientsCount === 1)
    await server.sync([witness])
    await until('the descriptors are closed', () => descriptors() <= before)
  })
})

describe('hostile clients of a server with lanes', () => {
  /** Pings without end, from a client that reads nothing, until something holds. */
  async function flood(client, holds, payload = 'x'.repeat(125)) {
    client.pause()
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => ping(payload)))
    for (let n = 0; n < 1000 && !holds(); n++) {
      await new Promise((resolve) => (client.socket.destroyed ? resolve() : client.socket.write(pings, resolve)))
      await new Promise(setImmediate)
    }
    expect(holds()).toBeTruthy()
  }

  test('one that floods pings and reads nothing is disconnected, at a bound', async () => {
    const server = await listen(NATIVE, { adapter: { maxBufferedBytes: 64 * KIB } })
    const [client, witness] = await server.rawAll(2)
    const before = memory()
    await flood(client, () => server.disconnects.has(client.id))
    expect(server.disconnects.get(client.id)).toEqual({ reason: 'transport error', code: 'ERR_CLIENT_TOO_SLOW' })
    expect(memory() - before).toBeLessThan(64 * MIB)
    await server.sync([witness])
    expect(server.stats()).toMatchObject({ slowDisconnects: 1, bufferedBytes: 0 })
  })

  test.each(['disconnect', 'drop'])('with overflow "%s", a thousand unsent pongs are the bound, however small', async (overflow) => {
    const server = await listen(NATIVE, { adapter: { overflow } })
    const [client, witness] = await server.rawAll(2)
    await server.fill(client)
    const before = memory()
    await flood(client, () => server.disconnects.has(client.id), '')
    expect(server.disconnects.get(client.id)).toEqual({ reason: 'transport error', code: 'ERR_CLIENT_TOO_SLOW' })
    expect(memory() - before).toBeLessThan(64 * MIB)
    await server.sync([witness])
  })

  test('pings of a client that reads, but not now, are answered', async () => {
    const server = await listen(NATIVE)
    const client = await server.raw()
    for (let round = 0; round < 3; round++) {
      await server.fill(client)
      for (let n = 0; n < 500; n++) client.ping(`${round} ${n}`)
      client.resume()
      await client.wait('the last pong', () => client.frames.some(({ payload }) => payload.toString() === `${round} 499`))
      await until('nothing waits', () => server.stats().parkedLanes === 0)
    }
    expect(client.frames.filter(({ opcode }) => opcode === OP.PONG)).toHaveLength(1500)
  })

  test('one that ends its half and never reads is let go at the bound', async () => {
    const server = await listen(NATIVE, { adapter: { flushTimeout: 200 } })
    const [client, witness] = await server.rawAll(2)
    client.pause()
    for (let n = 0; n < 12; n++) server.io.emit('n', n, Buffer.alloc(MIB))
    await until('the lane is parked', () => server.stats().parkedLanes > 0)
    client.endHalf()
    await until('its lane is closed', () => server.stats().lanes === 1)
    expect((await server.disconnected(client)).reason).toMatch(/^transport (close|error)$/)
    await server.sync([witness])
    expect(witness.all('n')).toHaveLength(12)
  })
})
