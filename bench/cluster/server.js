// @ts-check
'use strict'

/**
 * One server of a cluster in a process of its own, driven by the messages of its parent. Arguments: JSON of side, mode, redis and
 * key, and whether clients are recovered. It answers each command with `{ result }` or `{ error }`, in order.
 */

const http = require('node:http')
const { once } = require('node:events')
const { performance } = require('node:perf_hooks')
const { setTimeout: sleep } = require('node:timers/promises')
const { Server } = require('socket.io')
const { now } = require('../server/clock')
const { stamped } = require('../server/event')
const { Meter } = require('../server/meter')

const { side, mode, redis, key, recovery } = JSON.parse(process.argv[2])
/** Emits that are not measured one by one leave in batches, each 5 ms. */
const BATCH_EVERY = 5
const PAYLOAD = 64

/** The JavaScript adapter of each mode. @type {Record<string, (clients: any[]) => any>} */
const JAVASCRIPT = {
  pubsub: ([publisher, subscriber]) => require('@socket.io/redis-adapter').createAdapter(publisher, subscriber, { key }),
  sharded: ([publisher, subscriber]) =>
    require('@socket.io/redis-adapter').createShardedAdapter(publisher, subscriber, { channelPrefix: key }),
  streams: ([client]) =>
    require('@socket.io/redis-streams-adapter').createAdapter(client, { channelPrefix: key, streamName: key }),
}

async function adapter() {
  if (side === 'native') {
    const streams = mode === 'streams' ? { streamName: key } : {}
    return require('../..').createAdapter({ cluster: { redis, mode, key, ...streams } })
  }
  const { createClient } = require('redis')
  const clients = [createClient({ url: redis }), createClient({ url: redis })]
  for (const client of clients) {
    // In the row of an outage they have none.
    client.on('error', () => {})
    await client.connect()
  }
  return JAVASCRIPT[mode](clients)
}

/** @param {Server} io @param {number} port @returns {Record<string, (options: any) => any>} */
function commandsOf(io, port) {
  const meter = new Meter(() => null)
  const event = stamped(/** @type {any} */ ({ payload: PAYLOAD }))
  /** @param {{ nsp?: string, rooms: string[] }} options */
  const target = ({ nsp = '/', rooms }) => (rooms.length === 0 ? io.of(nsp) : io.of(nsp).to(rooms))
  return {
    port: () => port,
    servers: () => io.of('/').adapter.serverCount(),
    connected: () => (side === 'native' ? require('../..').stats(io).cluster?.connected === 1 : true),
    clients: () => io.of('/').sockets.size,
    join: ({ room }) => io.socketsJoin(room),
    begin: () => meter.begin(),
    finish: () => meter.end(),
    /** One broadcast each `everyMs`. */
    async paced({ everyMs, ms, ...options }) {
      const times = Math.floor(ms / everyMs)
      let due = performance.now()
      for (let n = 0; n < times; n++) {
        due = Math.max(due + everyMs, performance.now())
        await sleep(Math.max(0, due - performance.now()))
        target(options).emit('m', event(now()))
      }
      return times
    },
    /** `batch` broadcasts each few ms, but not more than can be. */
    async batches({ batch, ms, ...options }) {
      const end = performance.now() + ms
      let calls = 0
      while (performance.now() < end) {
        for (let n = 0; n < batch; n++) target(options).emit('m', event(0))
        calls += batch
        await sleep(BATCH_EVERY)
      }
      return calls
    },
    burst({ count, ...options }) {
      for (let n = 0; n < count; n++) target(options).emit('m', event(0))
    },
  }
}

async function main() {
  const server = http.createServer()
  const connectionStateRecovery = recovery ? { maxDisconnectionDuration: 120_000 } : undefined
  const options = { pingInterval: 3_600_000, serveClient: false, perMessageDeflate: false, connectionStateRecovery }
  const io = new Server(server, { adapter: await adapter(), ...options })
  // What is lost is counted by the clients.
  io.of('/').adapter.on?.('cluster:down', () => {})
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
  await once(server, 'listening')
  for (const nsp of ['/flood', '/outage']) io.of(nsp).adapter.on?.('cluster:down', () => {})
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  const commands = commandsOf(io, port)
  process.on('message', async (/** @type {any} */ { command, options }) => {
    try {
      process.send?.({ result: (await commands[command](options)) ?? null })
    } catch (error) {
      process.send?.({ error: error instanceof Error ? error.stack : String(error) })
    }
  })
  process.send?.({ result: port })
}

process.on('disconnect', () => process.exit())
// JavaScript adapters do not catch what Redis refuses while it is away: the row of an outage shows what comes of it.
process.on('unhandledRejection', () => {})
main().catch((error) => process.send?.({ error: String(error?.stack ?? error) }))
