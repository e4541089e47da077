'use strict'

/**
 * The server of the chaos, in a process of its own, so that what it holds can be measured. It is told what to do by messages,
 * and answers each.
 */

const fs = require('node:fs')
const http = require('node:http')
const { monitorEventLoopDelay, performance } = require('node:perf_hooks')
const { Server } = require('socket.io')
const { Adapter } = require('socket.io-adapter')
const { createAdapter, stats } = require('../..')
const { randomFrom } = require('../support/seeded')
const { descriptors, gc } = require('../support/process-state')
const { Traffic } = require('./traffic')

const { native, seed, rate, recovery = false, sampleMs, newsMs } = JSON.parse(process.argv[2])

/** How long packets are kept for those that come back: short, so that the log is soon as long as it gets. */
const RECOVERY_MS = 30_000

/** Acts between two turns of the event loop. */
const ACTS_AT_ONCE = 40

const server = http.createServer()
const io = new Server(server, {
  adapter: native ? createAdapter({ writers: 3, flushTimeout: 60_000, maxBufferedBytes: 1024 * 1024 }) : Adapter,
  maxHttpBufferSize: 100_000,
  pingInterval: 2000,
  // No client of ours is silent for so long, however busy the machine is.
  pingTimeout: 300_000,
  ...(recovery && { connectionStateRecovery: { maxDisconnectionDuration: RECOVERY_MS } }),
})
const traffic = new Traffic(io, native, randomFrom(seed))

const turn = () => new Promise((resolve) => setImmediate(resolve))
const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits for a state of this process. */
async function until(holds) {
  while (!holds()) await rest(5)
}

/** Acts so many times: as fast as the rates of deliveries and bytes (per second) allow, without bursts. `forever`: goes on after that. */
async function run({ acts, forever = false }) {
  const budgets = ['deliveries', 'bytes'].map((what) => ({ what, most: traffic[what] }))
  let last = performance.now()
  for (let done = 0; done < acts; ) {
    const affordable = () => budgets.every(({ what, most }) => traffic[what] <= most)
    for (let n = 0; n < ACTS_AT_ONCE && done < acts && affordable(); n++, done++) traffic.act()
    await (affordable() ? turn() : rest(2))
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

/** For those that come back, and must have all of it. */
const news = io.of('/news')
let newsNumber = 0
if (newsMs) setInterval(() => news.emit('news', newsNumber++, 'x'.repeat(newsNumber % 300)), newsMs)

/** What the process holds, as time passes. @type {object[]} */
const samples = []
if (sampleMs) {
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  setInterval(() => {
    gc()
    const seconds = Math.round(process.uptime() * 10) / 10
    const delayMs = { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 }
    delay.reset()
    samples.push({ seconds, ...holdings(), clients: io.engine.clientsCount, cpuSeconds: process.cpuUsage().user / 1e6, delayMs })
  }, sampleMs)
}

function holdings() {
  const { rss, heapUsed, external } = process.memoryUsage()
  const threads = fs.readdirSync('/proc/self/task').length
  return { descriptors: descriptors(), threads, rss, heap: heapUsed + external }
}

/** What the process holds when the clients of the chaos are gone. */
async function measure() {
  await until(() => io.sockets.sockets.size === 0 && io.engine.clientsCount <= news.sockets.size)
  if (native) await until(() => stats(io).lanes <= news.sockets.size)
  for (let n = 0; n < 3; n++) {
    gc()
    await turn()
  }
  return { ...holdings(), stats: native ? stats(io) : undefined }
}

const COMMANDS = {
  run,
  present: ({ clients }) => until(() => traffic.root.members.size === clients),
  settle: () => traffic.settle(),
  check,
  closed: () => traffic.closed(),
  forget: () => traffic.forget(),
  measure,
  samples: () => samples,
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
