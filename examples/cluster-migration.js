'use strict'

// A rolling migration: three servers with the JavaScript adapter are replaced, one after the other and under load, by servers with this
// one. Says what each client missed. Needs a Redis for itself:
//
//   node examples/cluster-migration.js [redis://127.0.0.1:6379]

const http = require('node:http')
const { setTimeout: sleep } = require('node:timers/promises')
const { createAdapter: createPubSubAdapter } = require('@socket.io/redis-adapter')
const { createAdapter: createStreamsAdapter } = require('@socket.io/redis-streams-adapter')
const { createClient } = require('redis')
const { Server } = require('socket.io')
const { io: connect } = require('socket.io-client')
const { createAdapter, createEmitter } = require('socket.io-native-adapter')

const redis = process.argv[2] ?? 'redis://127.0.0.1:6379'
const SERVERS = 3
const CLIENTS = 4 // of each server
const EVERY = 5 // ms, between two messages

/** As it was before. */
async function oldAdapter(mode) {
  const clients = [createClient({ url: redis }), createClient({ url: redis })]
  for (const client of clients) await client.connect()
  const adapter = mode === 'pubsub' ? createPubSubAdapter(...clients) : createStreamsAdapter(clients[0], { blockTimeInMs: 200 })
  return { adapter, end: () => Promise.all(clients.map((client) => client.quit())) }
}

/** And as it is afterwards: the same mode and key. */
function newAdapter(mode) {
  return { adapter: createAdapter({ cluster: { redis, mode } }), end: async () => {} }
}

async function start({ adapter, end }, mode, port) {
  const recovery = mode === 'streams' ? { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } } : {}
  const server = http.createServer()
  const io = new Server(server, { adapter, ...recovery })
  // It takes clients when it hears the others.
  while ((await io.of('/').adapter.serverCount()) < SERVERS && port !== 0) await sleep(10)
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  const close = async () => {
    await io.close()
    await end()
  }
  return { io, port: server.address().port, close }
}

async function migrate(mode) {
  const servers = []
  for (let n = 0; n < SERVERS; n++) servers.push(await start(await oldAdapter(mode), mode, 0))
  for (const { io } of servers) while ((await io.of('/').adapter.serverCount()) < SERVERS) await sleep(10)

  const clients = []
  for (const [home, { port }] of servers.entries()) {
    for (let n = 0; n < CLIENTS; n++) {
      const socket = connect(`http://127.0.0.1:${port}`, { transports: ['websocket'], reconnectionDelay: 200, reconnectionDelayMax: 300 })
      const client = { home, socket, got: [], connections: 0 }
      socket.on('connect', () => client.connections++)
      socket.on('n', (number) => client.got.push(number))
      clients.push(client)
    }
  }
  while (clients.some(({ socket }) => !socket.connected)) await sleep(10)

  // The load comes from outside, as from a worker.
  const emitter = createEmitter({ redis, mode })
  let number = 0
  const load = setInterval(() => emitter.emit('n', number++), EVERY)
  await sleep(300)

  const steps = []
  for (const [n, server] of servers.entries()) {
    const from = number
    await server.close()
    servers[n] = await start(newAdapter(mode), mode, server.port)
    while (clients.some(({ socket }) => !socket.connected)) await sleep(10)
    await sleep(300)
    steps.push({ from, to: number })
  }
  clearInterval(load)
  await emitter.close()
  while (clients.some(({ got }) => !got.includes(number - 1))) await sleep(10)

  let [moved, others, twice] = [0, 0, 0]
  for (const { home, got } of clients) {
    const set = new Set(got)
    twice += got.length - set.size
    for (let n = got[0]; n < number; n++) {
      if (set.has(n)) continue
      // What was under way when its server was closed counts, too.
      if (n >= steps[home].from - 10 && n < steps[home].to) moved++
      else others++
    }
  }
  for (const { socket } of clients) socket.disconnect()
  for (const server of servers) await server.close()
  const all = clients.length * number
  const again = clients.reduce((sum, { connections }) => sum + connections - 1, 0)
  console.log(`${mode}: ${SERVERS} servers replaced, ${again} clients moved to the new ones, ${all} messages for them in all`)
  console.log(`${mode}: missed by a client while its server was replaced: ${moved}; by the others: ${others}; came twice: ${twice}`)
}

async function main() {
  await migrate('pubsub')
  await migrate('streams')
}

main()
