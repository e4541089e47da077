'use strict'

const { BOTH, NATIVE, liveServers } = require('../support/live-server')
const { until } = require('../support/events')

const listen = liveServers()

const KIB = 1024
const MIB = 1024 * KIB

const numbersOf = (client) => client.all('n').map(([n]) => n)

describe.each(BOTH)('slow clients with the $name', (kind) => {
  test('a client that never reads holds nobody up', async () => {
    const server = await listen(kind, { adapter: { maxBufferedBytes: 64 * MIB } })
    const [stuck, ...others] = await server.rawAll(6)
    stuck.pause()
    for (let n = 0; n < 40; n++) {
      server.io.emit('n', n, Buffer.alloc(512 * KIB))
      await Promise.all(others.map((client) => client.wait(`message ${n}`, () => client.packets.at(-1).data[1] === n)))
    }
    stuck.resume()
    await server.sync([stuck, ...others])
    const all = Array.from({ length: 40 }, (_, n) => n)
    for (const client of [stuck, ...others]) expect(numbersOf(client)).toEqual(all)
  })
})

describe('slow clients with lanes', () => {
  test('the statistics tell of parked lanes and waiting bytes, and that they are gone', async () => {
    const server = await listen(NATIVE)
    const [slow, fast] = await server.rawAll(2)
    expect(server.stats()).toMatchObject({ lanes: 2, parkedLanes: 0, bufferedBytes: 0 })
    await server.fill(slow)
    const before = server.stats()
    expect(before).toMatchObject({ parkedLanes: 1, slowDisconnects: 0 })
    for (let n = 0; n < 10; n++) server.io.emit('n', n, 'x'.repeat(100 * KIB))
    await fast.wait('the last message', () => numbersOf(fast).length === 10)
    await until('the waiting bytes count', () => server.stats().bufferedBytes >= before.bufferedBytes + 1000 * KIB)
    slow.resume()
    await server.sync([slow, fast])
    await until('nothing waits', () => server.stats().parkedLanes === 0)
    expect(server.stats()).toMatchObject({ lanes: 2, bufferedBytes: 0, dropped: 0, slowDisconnects: 0 })
    expect(numbersOf(slow)).toEqual(numbersOf(fast))
    expect(server.stats().bytes).toBeGreaterThanOrEqual(slow.bytes + fast.bytes - 2000)
  })

  test('past maxBufferedBytes a client is disconnected for a reason, and counted', async () => {
    const server = await listen(NATIVE, { adapter: { maxBufferedBytes: 300 * KIB } })
    const [slow, fast] = await server.rawAll(2)
    const gone = []
    server.socketOf(slow).on('disconnect', (reason, description) => gone.push([reason, description]))
    await server.fill(slow)
    for (let n = 0; n < 12; n++) server.io.emit('n', n, 'x'.repeat(50 * KIB))
    await server.disconnected(slow)
    expect(gone).toEqual([['transport error', expect.objectContaining({ code: 'ERR_CLIENT_TOO_SLOW' })]])
    await server.sync([fast])
    expect(numbersOf(fast)).toHaveLength(12)
    await until('the lane is gone', () => server.stats().lanes === 1)
    expect(server.stats()).toMatchObject({ slowDisconnects: 1, parkedLanes: 0, bufferedBytes: 0, sockets: 1 })
    slow.resume()
    expect(await slow.end()).not.toBe(null)
    expect(slow.failure).toBeUndefined()
  })

  test('with overflow "drop" whole packets are dropped and counted, and the stream goes on', async () => {
    const server = await listen(NATIVE, { adapter: { maxBufferedBytes: 300 * KIB, overflow: 'drop' } })
    const [slow, fast] = await server.rawAll(2)
    const fills = await server.fill(slow)
    const socket = server.socketOf(slow)
    for (let n = 0; n < 60; n++) {
      if (n % 3 === 0) server.io.emit('n', n, Buffer.alloc(20 * KIB, n), { a: [Buffer.alloc(5, n)] })
      else if (n % 3 === 1) server.io.emit('n', n, 'x'.repeat(20 * KIB))
      else socket.emit('n', n, Buffer.alloc(10 * KIB, n), Buffer.alloc(n, n))
      await new Promise(setImmediate)
    }
    await fast.wait('the last broadcast', () => numbersOf(fast).length === 40)
    slow.resume()
    await until('nothing waits', () => server.stats().parkedLanes === 0)
    await server.sync([slow, fast])
    const { dropped } = server.stats()
    const got = numbersOf(slow)
    expect(dropped).toBeGreaterThan(0)
    expect(got.length).toBeGreaterThan(0)
    expect(slow.all('fill').length + got.length + dropped).toBe(fills + 60)
    expect(got).toEqual([...got].sort((a, b) => a - b))
    for (const [n, first, second] of slow.all('n').filter(([n]) => n % 3 !== 1)) {
      expect([first, second?.a?.[0] ?? second].every((part) => part.every((byte) => byte === n))).toBe(true)
    }
    expect(server.stats()).toMatchObject({ slowDisconnects: 0, lanes: 2, parkedLanes: 0, bufferedBytes: 0 })
  })

  test('one frame that is larger than the limit passes, when nothing waits before it', async () => {
    const server = await listen(NATIVE, { adapter: { maxBufferedBytes: 64 * KIB } })
    const clients = await server.rawAll(2)
    for (let n = 0; n < 3; n++) {
      server.io.emit('n', n, Buffer.alloc(8 * MIB, n))
      await Promise.all(clients.map((client) => client.wait(`broadcast ${n}`, () => numbersOf(client).length > n)))
      server.socketOf(clients[0]).emit('own', 'y'.repeat(3 * MIB))
      await clients[0].wait(`packet ${n}`, () => clients[0].all('own').length > n)
    }
    for (const client of clients) {
      expect(client.all('n').map(([n, data]) => [n, data.length, data.at(-1)])).toEqual([0, 1, 2].map((n) => [n, 8 * MIB, n]))
    }
    expect(server.stats().slowDisconnects).toBe(0)
  })

  test('a client that reads in small steps gets everything, and its lane is parked again and again', async () => {
    const server = await listen(NATIVE, { adapter: { maxBufferedBytes: 64 * MIB } })
    const client = await server.raw()
    client.pause()
    let parked = 0
    for (let n = 0; n < 40; n++) {
      server.io.emit('n', n, Buffer.alloc(512 * KIB, n))
      await new Promise(setImmediate)
      parked += server.stats().parkedLanes
      if (n % 8 === 7) {
        const { bytes } = client
        client.resume()
        await client.wait('some bytes', () => client.bytes >= bytes + 2 * MIB)
        client.pause()
      }
    }
    client.resume()
    await server.sync([client])
    expect(parked).toBeGreaterThan(0)
    expect(numbersOf(client)).toEqual(Array.from({ length: 40 }, (_, n) => n))
  })
})
