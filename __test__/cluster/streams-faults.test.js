'use strict'

/** What mode "streams" promises when Redis or a connection fails: others get everything, once and in order. */

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { stats } = require('../..')
const { startCluster } = require('../support/cluster')
const { next, until } = require('../support/events')
const { describeWithRedis, startRedis } = require('../support/redis')

const numbers = (/** @type {any} */ client) => client.got.filter(([event]) => event === 'n').map(([, n]) => n)
const range = (/** @type {number} */ count) => Array.from({ length: count }, (_, i) => i)

describeWithRedis('faults of streams', () => {
  /** @type {import('../support/redis').Redis} */
  let redis
  /** @type {string} */
  let directory
  /** @type {any} */
  let cluster
  /** @type {any[]} */
  let clients

  /** @param {any} [options] */
  async function start(options) {
    cluster = await startCluster(['native', 'native'], redis, { ...options, cluster: { mode: 'streams', ...options?.cluster } })
    clients = []
    for (const server of cluster.servers) clients.push(await server.client())
    return cluster.servers.map(({ io }) => io)
  }

  beforeEach(async () => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'streams-'))
    redis = await startRedis('--appendonly', 'yes', '--dir', directory)
  })
  afterEach(async () => {
    redis.process?.kill('SIGCONT')
    await cluster?.close()
    await redis.stop()
    fs.rmSync(directory, { recursive: true })
  })

  /** Both servers send a number each millisecond. @param {any[]} ios */
  function traffic(ios) {
    let n = 0
    const timer = setInterval(() => ios.forEach((io, i) => io.emit('n', i * 1e6 + n) && i === ios.length - 1 && n++), 1)
    return () => {
      clearInterval(timer)
      return ios.flatMap((_, i) => range(n).map((k) => i * 1e6 + k))
    }
  }

  /** Each client has all numbers of each server, once and in order. @param {number[]} all */
  async function complete(all) {
    await until('all have all', () => clients.every((client) => numbers(client).length >= all.length))
    for (const client of clients) {
      const got = numbers(client)
      for (const from of [0, 1]) {
        const of = (/** @type {number[]} */ list) => list.filter((n) => Math.floor(n / 1e6) === from)
        expect(of(got)).toEqual(of(all))
      }
    }
  }

  test('Redis is killed and started again under load: local clients wait for nothing, others get all', async () => {
    const ios = await start()
    const stop = traffic(ios)
    await until('it runs', () => numbers(clients[1]).length > 100)
    await redis.stop()
    const before = numbers(clients[0]).length
    await new Promise((resolve) => setTimeout(resolve, 1000))
    // Its own are half of what it gets.
    expect(numbers(clients[0]).length).toBeGreaterThan(before + 100)
    const up = ios.map((io) => next(io.of('/').adapter, 'cluster:up'))
    await redis.start()
    await Promise.all(up)
    await new Promise((resolve) => setTimeout(resolve, 200))
    await complete(stop())
    expect(stats(ios[0]).cluster).toMatchObject({ outboxDropped: 0, reconnects: 1 })
  }, 60_000)

  test('with recovery, too', async () => {
    const ios = await start({ server: { connectionStateRecovery: {} } })
    const stop = traffic(ios)
    await until('it runs', () => numbers(clients[1]).length > 100)
    await redis.stop()
    const before = numbers(clients[0]).length
    await until('local clients go on', () => numbers(clients[0]).length > before + 200)
    const up = ios.map((io) => next(io.of('/').adapter, 'cluster:up'))
    await redis.start()
    await Promise.all(up)
    await new Promise((resolve) => setTimeout(resolve, 200))
    await complete(stop())
  }, 60_000)

  test('connections are cut again and again under load', async () => {
    const ios = await start()
    const stop = traffic(ios)
    for (let round = 0; round < 5; round++) {
      const up = ios.map((io) => next(io.of('/').adapter, 'cluster:up'))
      await new Promise((resolve) => setTimeout(resolve, 50))
      redis.command('CLIENT', 'KILL', 'TYPE', 'normal')
      await Promise.all(up)
    }
    await complete(stop())
    expect(stats(ios[0]).cluster).toMatchObject({ outboxDropped: 0, unconfirmed: expect.any(Number), trimmed: 0 })
  }, 60_000)

  test('Redis stands still for longer than a connection may', async () => {
    const ios = await start()
    const stop = traffic(ios)
    await until('it runs', () => numbers(clients[1]).length > 100)
    const down = ios.map((io) => next(io.of('/').adapter, 'cluster:down'))
    const up = ios.map((io) => next(io.of('/').adapter, 'cluster:up'))
    redis.process?.kill('SIGSTOP')
    await Promise.all(down)
    redis.process?.kill('SIGCONT')
    await Promise.all(up)
    await complete(stop())
    expect(stats(ios[0]).cluster).toMatchObject({ outboxDropped: 0, unconfirmed: expect.any(Number), trimmed: 0 })
  }, 60_000)
})
