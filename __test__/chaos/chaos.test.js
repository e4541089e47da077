'use strict'

/**
 * Thousands of clients that behave badly at random, and check each byte that they get. `SEED=123` repeats the choices (not the
 * moments); `CHAOS_ROUNDS=100` goes on for longer.
 */

const { BOTH } = require('../support/live-server')
const { ChaosClients, ChaosServer, finish, round } = require('./swarm')

const MIB = 1024 * 1024

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
/** The first one warms up. */
const ROUNDS = Number(process.env.CHAOS_ROUNDS ?? 3)

/** What stock cannot do: thousands of deliveries in a millisecond. */
const LOADS = {
  native: { clients: 2000, mischief: 600, acts: 1500, rate: { deliveries: 100_000, bytes: 60 * MIB } },
  stock: { clients: 400, mischief: 120, acts: 800, rate: { deliveries: 20_000, bytes: 20 * MIB } },
}

/** Grows by less, from the end of the first round to that of the last: what each of thousands of connections leaves is more. */
const MOST_GROWTH = { heap: 4 * MIB, rss: 32 * MIB }

const open = []

function start({ native }, options) {
  process.stderr.write(`${expect.getState().currentTestName}: SEED=${SEED}\n`)
  const load = native ? LOADS.native : LOADS.stock
  const server = new ChaosServer({ native, seed: SEED, rate: load.rate, ...options })
  open.push(server)
  return { server, load }
}

async function connect(server, { clients, mischief, atOnce }) {
  const swarm = new ChaosClients(await server.port, { clients, mischief, atOnce, seed: SEED })
  open.push(swarm)
  return swarm
}

afterEach(() => Promise.all(open.splice(0).map((child) => child.kill())))

describe.each(BOTH)('chaos with the $name', (kind) => {
  test('each client gets exactly what was sent to it, in order, and afterwards nothing is left', async () => {
    const { server, load } = start(kind)
    const clients = await connect(server, load)
    const readings = []
    for (let n = 0; n < ROUNDS; n++) {
      const { failures, held, counts } = await round(server, clients, load)
      process.stderr.write(`${JSON.stringify({ ...counts, ...held, stats: undefined })}\n`)
      expect(failures.slice(0, 10)).toEqual([])
      expect(counts.survivors).toBe(load.clients)
      readings.push(held)
    }
    const [first, last] = [readings[0], readings.at(-1)]
    expect(last).toMatchObject({ descriptors: first.descriptors, threads: first.threads })
    expect(last.heap - first.heap).toBeLessThan(MOST_GROWTH.heap)
    expect(last.rss - first.rss).toBeLessThan(MOST_GROWTH.rss)
    if (!kind.native) return
    const none = { rooms: 0, sockets: 0, lanes: 0, compat: 0, parkedLanes: 0, bufferedBytes: 0, descriptorFailures: 0 }
    expect(last.stats).toMatchObject(none)
    // Otherwise the chaos was none.
    for (const what of ['dropped', 'conflated', 'slowDisconnects']) expect(last.stats[what]).toBeGreaterThan(0)
  }, 600_000)

  test('the clients of a server that is killed in the middle of it see the end, and no frame that is wrong', async () => {
    const { server, load } = start(kind)
    const clients = await connect(server, { ...load, clients: 300 })
    await clients.ask('chaos')
    await server.ask('run', { acts: 500, forever: true })
    const over = clients.ask('over')
    await server.kill()
    await over
    expect(clients.failures).toEqual([])
  }, 120_000)

  test('all connect at once and leave at once, again and again', async () => {
    const { server, load } = start(kind)
    const clients = await connect(server, { ...load, mischief: 0, atOnce: load.clients })
    const readings = []
    for (let n = 0; n < 3; n++) {
      await clients.ask('chaos')
      expect(await clients.ask('leave')).toMatchObject({ server: [], cut: [], connects: load.clients * (n + 1) })
      readings.push(await server.ask('measure'))
    }
    const { descriptors, threads } = readings[0]
    for (const reading of readings) expect(reading).toMatchObject({ descriptors, threads })
    expect(clients.failures).toEqual([])
  }, 120_000)

  test('clients whose process is stopped, and goes on, get everything', async () => {
    const { server, load } = start(kind)
    const clients = await connect(server, { ...load, clients: 200, mischief: 0 })
    await clients.ask('chaos')
    clients.signal('SIGSTOP')
    await server.ask('run', { acts: 1000 })
    clients.signal('SIGCONT')
    const { failures, counts } = await finish(server, clients, 200)
    expect(failures).toEqual([])
    expect(counts.survivors).toBe(200)
  }, 120_000)
})
