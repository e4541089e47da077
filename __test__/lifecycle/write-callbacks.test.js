'use strict'

const { BOTH, NATIVE, liveServers } = require('../support/live-server')
const { until, within } = require('../support/events')

const listen = liveServers()

const KIB = 1024

/** The connection of a raw client, with what a test touches of it. */
function connectionOf(server, client) {
  const { conn } = server.socketOf(client)
  return { conn, transport: conn.transport, ws: conn.transport.socket }
}

describe.each(BOTH)('write callbacks with the $name', (kind) => {
  test('fire once each, in order, and never synchronously', async () => {
    const server = await listen(kind)
    const client = await server.raw()
    const { conn, ws } = connectionOf(server, client)
    const fired = []
    let returned = false
    for (let n = 0; n < 50; n++) {
      returned = false
      const note = () => fired.push([n, returned])
      if (n % 3 === 0) conn.send(`2["n",${n}]`, {}, note)
      else if (n % 3 === 1) ws.send(`42["n",${n}]`, note)
      else ws.ping(`${n}`, false, note)
      server.io.emit('broadcast', n)
      expect(fired.filter(([m]) => m === n)).toEqual([])
      returned = true
      if (n % 7 === 0) await new Promise(setImmediate)
    }
    await until('all callbacks have fired', () => fired.length === 50)
    const ofEngine = fired.filter(([n]) => n % 3 === 0).map(([n]) => n)
    const ofWs = fired.filter(([n]) => n % 3 !== 0).map(([n]) => n)
    for (const order of [ofEngine, ofWs]) expect(order).toEqual([...order].sort((a, b) => a - b))
  })

  test('writable is false from a write on, until "drain" and "ready"', async () => {
    const server = await listen(kind)
    const client = await server.raw()
    const { conn, transport } = connectionOf(server, client)
    await until('the transport can be written to', () => transport.writable)
    const seen = []
    const ready = new Promise((resolve) => transport.once('ready', () => resolve(seen.push(['ready', transport.writable]))))
    transport.once('drain', () => seen.push(['drain']))
    conn.send('2["a"]', {}, () => seen.push(['callback']))
    expect(transport.writable).toBe(false)
    await new Promise(process.nextTick)
    await within('the transport to be ready', ready)
    expect(seen).toEqual([['callback'], ['drain'], ['ready', true]])
    expect(transport.writable).toBe(true)
  })

  test('one batch, one "drain": the callbacks of Engine.IO belong to their own batch', async () => {
    const server = await listen(kind)
    const client = await server.raw()
    const { conn } = connectionOf(server, client)
    const fired = []
    for (let n = 0; n < 100; n++) {
      // Some have a callback and some have none: a missing "drain" would shift the others.
      conn.send(`2["n",${n}]`, {}, n % 3 ? () => fired.push(n) : undefined)
      if (n % 10 === 0) await new Promise(setImmediate)
    }
    await client.wait('all packets', () => client.all('n').length === 100)
    await until('all callbacks', () => fired.length === 66)
    expect(fired).toEqual([...fired].sort((a, b) => a - b))
    expect(conn.sentCallbackFn).toEqual([])
    expect(conn.packetsFn).toEqual([])
  })

  test('those of a dead connection get an error', async () => {
    const server = await listen(kind)
    const client = await server.raw()
    const { ws } = connectionOf(server, client)
    client.pause()
    const results = []
    for (let n = 0; n < 16; n++) ws.send(Buffer.alloc(1024 * KIB), (error) => results.push(error ?? null))
    await new Promise(setImmediate)
    client.reset()
    await server.disconnected(client)
    await until('all callbacks have fired', () => results.length === 16)
    const firstError = results.findIndex(Boolean)
    expect(firstError).not.toBe(-1)
    for (const error of results.slice(firstError)) expect(error?.message).toEqual(expect.any(String))
    const late = await new Promise((resolve) => ws.send('42["late"]', resolve))
    expect(late.message).toEqual(expect.any(String))
  })
})

describe('write callbacks with lanes', () => {
  test('a callback does not fire before the kernel has the bytes', async () => {
    const server = await listen(NATIVE)
    const [client, other] = await server.rawAll(2)
    const { ws, transport } = connectionOf(server, client)
    await server.fill(client)
    const { bytes, bufferedBytes } = server.stats()
    let issued = bytes + bufferedBytes
    const early = []
    let fired = 0
    for (let n = 0; n < 20; n++) {
      issued += 100 * KIB
      const least = issued
      ws.send(`42["n","${'x'.repeat(100 * KIB)}"]`, () => {
        fired++
        if (server.stats().bytes < least) early.push(n)
      })
    }
    // What comes after it on the same way proves that none of them is on its way.
    for (let i = 0; i < 5; i++) await server.sync([other])
    expect([fired, transport.writable]).toEqual([0, false])
    client.resume()
    await until('all callbacks have fired', () => fired === 20)
    expect(early).toEqual([])
    await until('the transport can be written to', () => transport.writable)
  })

  test('a parked lane is not writable although its last batch is written, and says "ready" when it is', async () => {
    const server = await listen(NATIVE)
    const client = await server.raw()
    const { transport } = connectionOf(server, client)
    // Broadcasts have no callback.
    await server.fill(client, (text) => server.io.emit('fill', text))
    await until('the transport cannot be written to', () => !transport.writable)
    const ready = new Promise((resolve) => transport.once('ready', resolve))
    client.resume()
    await within('the transport to be ready', ready)
    expect(transport.writable).toBe(true)
  })
})
