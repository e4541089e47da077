'use strict'

/**
 * The server of the chaos, in a process of its own, so that what it holds can be measured. It is told what to do by messages,
 * and answers each.
 */

const fs = require('node:fs')
const http = require('node:http')
const { performance } = require('node:perf_hooks')
const { Server } = require('socket.io')
const { Adapter } = require('socket.io-adapter')
const { createAdapter, stats } = require('../..')
const { randomFrom } = require('../support/seeded')
const { descriptors, gc } = require('../support/process-state')
const { Traffic } = require('./traffic')

const { native, seed, rate, adapter, ...options } = JSON.parse(process.argv[2])

/** Acts between two turns of the event loop. */
const ACTS_AT_ONCE = 40

const server = http.createServer()
const io = new Server(server, {
  adapter: native ? createAdapter({ writers: 3, flushTimeout: 60_000, maxBufferedBytes: 1024 * 1024, ...adapter }) : Adapter,
  maxHttpBufferSize: 100_000,
  pingInterval: 2000,
  // No client of ours is silent for so long, however busy the machine is.
  pingTimeout: 300_000,
  ...options,
})
const traffic = new Traffic(io, native, randomFrom(seed))

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Waits for a state of this process. */
async function until(holds) {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Acts so many times: as fast as the rates of deliveries and bytes (per second) allow, without bursts. `forever`: goes on after that. */
async function run({ acts, forever = false }) {
  const budgets = ['deliveries', 'bytes'].map((what) => ({ what, most: traffic[what] }))
  let last = performance.now()
  for (let done = 0; done < acts; ) {
    for (let n = 0; n < ACTS_AT_ONCE && done < acts && budgets.every(({ what, most }) => traffic[what] <= most); n++) {
      traffic.act()
      done++
    }
    await turn()
    const seconds = (performance.now() - last) / 1000
    last += seconds * 1000
    for (const budget of budgets) {
      const { what, most } = budget
      budget.most = Math.min(most + seconds * rate[what], traffic[what] + rate[what] / 20)
    }
  }
  if (forever) run({ acts: Infinity })
  return { deliveries: traffic.deliveries, bytes: traffic.bytes }
}

/** Before the clients leave: compares the views, and waits for the acknowledgements. */
async function check() {
  const differences = traffic.differences()
  await until(() => traffic.unanswered === 0)
  return [...differences, ...traffic.failures]
}

/** What the process holds when all clients are gone. */
async function measure() {
  await until(() => io.engine.clientsCount === 0 && io.sockets.sockets.size === 0)
  if (native) await until(() => stats(io).lanes === 0)
  for (let n = 0; n < 3; n++) {
    gc()
    await turn()
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  const threads = fs.readdirSync('/proc/self/task').length
  return { descriptors: descriptors(), threads, rss, heap: heapUsed + external, stats: native ? stats(io) : undefined }
}

const COMMANDS = {
  run,
  settle: () => traffic.settle(),
  check,
  closed: () => traffic.closed(),
  forget: () => traffic.forget(),
  measure,
  stats: () => stats(io),
}

process.on('message', async ({ command, options: given }) => {
  try {
    process.send({ result: (await COMMANDS[command](given)) ?? null })
  } catch (error) {
    process.send({ error: error.stack })
  }
})
// The parent is gone: nobody waits for anything.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

server.listen(0, '127.0.0.1', () => process.send({ result: server.address().port }))
