'use strict'

const { childServers } = require('../support/child-server')
const { BOTH } = require('../support/live-server')
const { until } = require('../support/events')

const start = childServers()

const MIB = 1024 * 1024

/** With these, stock too waits until everything is written. */
const GRACEFUL = [
  'io.close()',
  'disconnect(true), then io.close()',
  'the close of the Engine.IO server and of the HTTP server',
  'SIGTERM, whose handler calls io.close()',
]
const ABRUPT = ['process.exit()', 'io.close(), then process.exit()', "a listener of 'exit' that emits"]
const FAILURES = ['an uncaught exception', 'an unhandled rejection']

/** They have time: the machine may be busy. */
const PATIENT = { flushTimeout: 20_000 }

const run = (way, options) => start('ending-server.js', [way, JSON.stringify(options)])

/** Everything that the fixture emits has arrived, in order, then the end. */
async function expectAll(clients, { packets = 100, size = 100 }) {
  await Promise.all(clients.map((client) => client.end()))
  const all = Array.from({ length: packets }, (_, n) => n)
  for (const client of clients) {
    expect(client.all('n').map(([n]) => n)).toEqual(all)
    expect(client.all('last').map(([text]) => text.length)).toEqual([size])
    expect(client.rest).toBe(0)
  }
}

async function expectDelivered(way, options) {
  const server = run(way, { adapter: PATIENT, ...options })
  const clients = [await server.raw(), await server.raw(), await server.raw()]
  clients[1].emit('go')
  await expectAll(clients, options)
  const { code, signal } = await server.end()
  expect({ code, signal }).toEqual({ code: FAILURES.includes(way) ? 1 : 0, signal: null })
  return server
}

// Stock keeps what follows the first packet in JavaScript, where it is lost.
describe.each(BOTH)('the packet that was emitted before the end arrives with the $name', ({ native }) => {
  test.each([...GRACEFUL, ...ABRUPT, ...FAILURES])('%s', (way) => expectDelivered(way, { native, packets: 0 }))

  test.each(GRACEFUL)('%s, with 5 MB', (way) => expectDelivered(way, { native, packets: 0, size: 5 * MIB }))
})

describe('everything that was emitted before the end arrives with lanes', () => {
  test.each([...GRACEFUL, ...ABRUPT, ...FAILURES])('%s, with 5 MB', (way) => expectDelivered(way, { size: 5 * MIB }))

  test('an uncaught exception is reported as ever', async () => {
    const server = await expectDelivered('an uncaught exception', { size: 10 })
    expect(server.stderr).toContain('Error: of the app')
  })

  test('a client that never reads does not keep the process, and the others get everything', async () => {
    for (const way of ['process.exit()', 'an uncaught exception', 'io.close(), then process.exit()']) {
      const server = run(way, { size: 12 * MIB, adapter: { flushTimeout: 3000 } })
      const [stuck, a, b] = [await server.raw(), await server.raw(), await server.raw()]
      stuck.pause()
      a.emit('go')
      await expectAll([a, b], { size: 12 * MIB })
      await server.end()
      stuck.resume()
      await stuck.end()
      expect(stuck.all('last')).toEqual([])
    }
  })

  test('a flushTimeout of 0 does not wait, and loses nothing that the kernel takes', async () => {
    const server = run('process.exit()', { size: 1000, adapter: { flushTimeout: 0 } })
    const clients = [await server.raw(), await server.raw()]
    clients[0].emit('go')
    await expectAll(clients, { size: 1000 })
    expect(await server.end()).toEqual({ code: 0, signal: null })
  })

  test('nothing of ours keeps a process alive that has nothing else to do', async () => {
    const server = run('nothing', { unref: true })
    const client = await server.raw()
    expect(await server.end()).toEqual({ code: 0, signal: null })
    await client.end()
    expect(client.failure).toBeUndefined()
  })

  test('a process whose server is closed ends by itself, with clients that were connected or not', async () => {
    for (const count of [0, 1, 20]) {
      const server = run('io.close()', {})
      const clients = await Promise.all(Array.from({ length: count }, () => server.raw()))
      const last = await server.raw()
      last.emit('go')
      await Promise.all([...clients, last].map((client) => client.end()))
      expect(await server.end()).toEqual({ code: 0, signal: null })
    }
  })

  test('the clients of a process that is killed see the end', async () => {
    const server = run('nothing', {})
    const client = await server.raw()
    client.emit('stats')
    expect((await server.message(({ stats }) => stats)).stats.lanes).toBe(1)
    server.kill('SIGKILL')
    await client.end()
    await until('it has ended', () => server.ended)
  })
})
