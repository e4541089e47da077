'use strict'

const { BOTH, NATIVE, liveServers } = require('../support/live-server')
const { descriptors, memory, writerThreads } = require('../support/process-state')
const { random } = require('../support/random')
const { RawClient } = require('../support/raw-client')
const { until } = require('../support/events')

const listen = liveServers()

const MIB = 1024 * 1024

/** Broadcasts in every turn of the event loop until it is told to stop. */
function broadcastForever(server) {
  let n = 0
  let going = true
  const done = (async () => {
    while (going) {
      server.io.emit('all', n++, 'x'.repeat(200))
      server.io.to(`room ${n % 10}`).emit('room', n, Buffer.alloc(100))
      await new Promise(setImmediate)
    }
  })()
  return () => {
    going = false
    return done
  }
}

/** Clients connect, and each goes in a way and at a moment of its own. */
async function storm(server, count, rnd) {
  const abrupt = [(client) => client.reset(), (client) => client.destroy()]
  const ways = [...abrupt, (client) => client.close(), (client) => client.endHalf()]
  const one = async () => {
    const namespace = rnd(10) === 0 ? null : '/'
    const client = await RawClient.open(server.port, { namespace, keepFrames: false })
    const packets = rnd(20)
    await client.wait('some packets', () => !client.id || client.packets.length > packets)
    const reads = rnd(3) > 0
    if (!reads) client.pause()
    ways[rnd(reads ? ways.length : abrupt.length)](client)
    return client
  }
  const clients = []
  for (let i = 0; i < count; i += 50) clients.push(...(await Promise.all(Array.from({ length: 50 }, one))))
  await until('the server knows that they are gone', () => server.io.engine.clientsCount === 1)
  for (const client of clients) {
    client.destroy()
    expect(client.failure).toBeUndefined()
  }
}

describe.each(BOTH)('a storm of connects and disconnects during broadcasts with the $name', (kind) => {
  test('leaves nothing behind, and disturbs nobody', async () => {
    const rnd = random()
    const server = await listen(kind)
    let joined = 0
    server.io.on('connection', (socket) => void socket.join(`room ${joined++ % 10}`))
    const witness = await server.raw()
    const stop = broadcastForever(server)
    const readings = []
    for (let round = 0; round < 4; round++) {
      await storm(server, 500, rnd)
      await until('one socket is left', () => server.io.sockets.sockets.size === 1)
      const { rooms, sids } = server.io.sockets.adapter
      expect([rooms.size, sids.size]).toEqual([2, 1])
      if (kind.native) await until('one lane is left', () => server.stats().lanes === 1)
      readings.push({ memory: memory(), descriptors: descriptors(), writers: writerThreads() })
    }
    await stop()
    await server.sync([witness])
    const numbers = witness.all('all').map(([n]) => n)
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => numbers[0] + i))
    const [, second, , last] = readings
    expect(last.writers).toBe(kind.native ? 3 : 0)
    await until('the descriptors are closed', () => descriptors() <= second.descriptors)
    // What one client in two thousand might leak would be less; what each leaves behind would be more.
    expect(last.memory - second.memory - witness.bytes).toBeLessThan(64 * MIB)
  })
})

describe('lanes that come and go', () => {
  test('indexes are given again: they stay as small as the most connections at once', async () => {
    const server = await listen(NATIVE)
    for (let n = 0; n < 100; n++) {
      const clients = await server.rawAll(5)
      server.io.emit('all', n)
      for (const client of clients) client.reset()
      await until('the lanes are closed', () => server.stats().lanes === 0)
    }
    await server.raw()
    const [{ index }] = server.io.sockets.adapter.engine.connections()
    expect(index).toBeLessThan(5)
  })
})
