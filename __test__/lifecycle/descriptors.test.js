'use strict'

const { childServers } = require('../support/child-server')

const start = childServers()

/** Its packets go both ways. */
async function expectWorks(client, tag) {
  client.emit('echo', tag)
  await client.wait('the echo', () => client.all('echoed').some(([echo]) => echo === tag))
}

/** What a server without descriptors says of its connections. */
async function statsOf(server, command = {}) {
  return (await server.tell(command)).stats
}

const isConnected = (stats, count) => stats.lanes + stats.compat === count

/** Waits until the server has noticed how many clients it has. */
async function connected(server, count, command) {
  for (let tries = 0; tries < 1000; tries++) {
    const stats = await statsOf(server, command)
    if (isConnected(stats, count)) return stats
    await new Promise(setImmediate)
  }
  throw new Error(`expected ${count} connections`)
}

describe('a process that has no descriptor left', () => {
  test('writes a new connection by JavaScript, and says why; others go on', async () => {
    const server = start('descriptor-server.js', [], { descriptors: 64 })
    const before = await server.raw()
    expect(await statsOf(server, { leave: 1 })).toMatchObject({ lanes: 1, compat: 0, descriptorFailures: 0 })
    const without = await server.raw()
    await expectWorks(without, 'a')
    await expectWorks(before, 'b')
    const stats = await statsOf(server, { leave: 0, emit: ['n', 1] })
    expect(stats).toMatchObject({ lanes: 1, compat: 1, compatReasons: { descriptor: 1 }, descriptorFailures: 1 })
    await Promise.all([before.event('n'), without.event('n')])
    await statsOf(server)
    const after = await server.raw()
    expect(await statsOf(server, { emit: ['m', 2] })).toMatchObject({ lanes: 2, compat: 1, descriptorFailures: 1 })
    await Promise.all([before, without, after].map((client) => client.event('m')))
    expect(server.messages.filter(({ warning }) => warning)).toEqual([])
  })

  test('before the first lane: however few are left, each connection works, and lanes open when there are enough', async () => {
    const server = start('descriptor-server.js', [], { descriptors: 64 })
    await server.ready()
    let stats
    let failures = 0
    for (let left = 1; left < 30; left++) {
      await statsOf(server, { closeFirst: true, leave: left })
      const client = await server.raw()
      await expectWorks(client, left)
      stats = await statsOf(server, { emit: ['n', left] })
      await client.event('n')
      if (stats.lanes === 1) break
      expect(stats).toMatchObject({ compatReasons: { descriptor: 1 }, descriptorFailures: ++failures })
      client.destroy()
      await connected(server, 0, { closeFirst: true, leave: 0 })
    }
    expect(failures).toBeGreaterThan(0)
    expect(stats).toMatchObject({ lanes: 1, compat: 0, writers: 2 })
    expect(server.messages.filter(({ warning }) => warning)).toEqual([])
  })

  test('a lane that is parked when no descriptor is left goes on when its client reads', async () => {
    const server = start('descriptor-server.js', [], { descriptors: 64 })
    const client = await server.raw()
    client.pause()
    await statsOf(server, { leave: 0 })
    let parked = false
    for (let n = 0; n < 200 && !parked; n++) {
      parked = (await statsOf(server, { leave: 0, emit: ['n', n, 'x'.repeat(100_000)] })).parkedLanes === 1
    }
    expect(parked).toBe(true)
    client.resume()
    await statsOf(server, { leave: 0, emit: ['last'] })
    await client.event('last')
    expect(client.all('n').map(([n]) => n)).toEqual(client.all('n').map((_, n) => n))
  })
})
