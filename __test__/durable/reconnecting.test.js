'use strict'

/** Clients that are cut off at random, and servers that are killed. The seed is printed; `SEED=…` repeats it. */

const { spawn } = require('node:child_process')
const path = require('node:path')
const { io: connect } = require('socket.io-client')
const { ADAPTERS } = require('../support/adapters')
const { next, until } = require('../support/events')
const { random } = require('../support/random')
const { servers } = require('../support/server')
const { STORES, directory, open, within } = require('../support/queues')
const { durable } = require('../..')

const serve = servers()
const CUTS = Number(process.env.CUTS ?? 200)
const KILLS = Number(process.env.KILLS ?? 5)

/** A client that drops what it has seen, and remembers what is wrong. */
function receiver(client) {
  const state = { got: [], seen: new Map(), again: 0, wrong: [] }
  client.on('n', (n, meta, ack) => {
    const known = state.seen.get(meta.id)
    if (known !== undefined) {
      state.again++
      if (known !== n) state.wrong.push(`the id ${meta.id} of ${known} came with ${n}`)
    } else {
      state.seen.set(meta.id, n)
      state.got.push(n)
    }
    ack()
  })
  return state
}

describe.each(STORES)('over the %s store', (_, store) => {
  test.each(ADAPTERS.slice(0, 2))(
    `$name: cut off ${CUTS} times, a client gets everything in order`,
    async (adapter) => {
      const below = random()
      const server = await serve(adapter)
      const kept = durable(server.io, open(store()))
      server.io.on('connection', (socket) => socket.join('user:42'))
      const client = server.client({ reconnection: true, reconnectionDelay: 1, reconnectionDelayMax: 5, randomizationFactor: 1 })
      const state = receiver(client)
      let sent = 0
      let sending = true
      const traffic = (async () => {
        while (sending) {
          const batch = []
          for (let i = below(8); i >= 0; i--) batch.push(kept.to('user:42').emit('n', sent++))
          await Promise.all(batch)
          await new Promise((resolve) => setTimeout(resolve, below(4)))
        }
      })()
      for (let cut = 0; cut < CUTS; cut++) {
        if (!client.connected) await next(client, 'connect')
        await new Promise((resolve) => setTimeout(resolve, below(12)))
        const down = client.connected && next(client, 'disconnect')
        kill(server, client, below(3))
        await down
      }
      sending = false
      await traffic
      await until('everything has come', () => state.got.length >= sent)
      await until('all acknowledgements', () => kept.stats().inFlight === 0)
      expect(state.wrong).toEqual([])
      expect(state.got).toEqual(Array.from({ length: sent }, (_, n) => n))
      console.log(`${sent} emits, ${CUTS} cuts, ${state.again} came again`)
      await kept.close()
    },
    120_000,
  )
})

/** Ends a connection in one of three ways. */
function kill(server, client, how) {
  if (how === 0) return client.io.engine?.close()
  if (how === 1) return client.io.engine?.transport?.ws?._socket?.destroy?.() ?? client.io.engine?.close()
  server.socketOf(client)?.conn.close()
}

test(`a server that is killed ${KILLS} times while it emits, and started again`, async () => {
  const below = random()
  const where = directory()
  let port = 0
  let stored = -1
  let client
  let state
  for (let life = 0; life <= KILLS; life++) {
    const last = life === KILLS
    const child = spawn(process.execPath, [path.join(__dirname, 'fixtures', 'server.js'), where, String(port), last ? 'idle' : 'emit'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      let rest = ''
      const ready = new Promise((resolve) => {
        child.stdout.on('data', (data) => {
          const lines = (rest + data).split('\n')
          rest = lines.pop()
          for (const line of lines) {
            const [what, number] = line.split(' ')
            if (what === 'port') resolve((port = Number(number)))
            else stored = Math.max(stored, Number(number))
          }
        })
      })
      await within('the server to listen', ready)
      if (!client) {
        client = connect(`http://127.0.0.1:${port}`, { transports: ['websocket'], reconnectionDelay: 5, reconnectionDelayMax: 20 })
        state = receiver(client)
      }
      if (!client.connected) await next(client, 'connect')
      if (!last) await new Promise((resolve) => setTimeout(resolve, 50 + below(200)))
      else await until('everything stored has come', () => state.got.length > 0 && state.got.at(-1) >= stored)
    } finally {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await ended
      if (last) client?.disconnect()
    }
  }
  expect(state.wrong).toEqual([])
  // One whose answer the kill swallowed may be there or not; none that was answered is missing, and the order is that of sending.
  expect(state.got).toEqual([...state.got].sort((a, b) => a - b))
  expect(state.got.slice(0, stored + 1)).toEqual(Array.from({ length: stored + 1 }, (_, n) => n))
  console.log(`${stored + 1} emits, ${KILLS} kills, ${state.again} came again`)
}, 60_000)
