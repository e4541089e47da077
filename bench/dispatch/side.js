// @ts-check
'use strict'

/** Measures one side in a process of its own and sends what it found to its parent. Arguments: JSON. */

const { fork } = require('node:child_process')
const { once } = require('node:events')
const http = require('node:http')
const path = require('node:path')
const { Server } = require('socket.io')
const { createAdapter, createQueues, durable } = require('../..')

const { side, folder, jobs, sockets: count, prefetch } = JSON.parse(process.argv[2])
/** Such as dispatch-native-memory. */
const what = side.split('-')[0]
const kind = side.endsWith('-memory') ? 'memory' : 'disk'
const TIMEOUT = 30_000
const BATCH = 1000

/** @param {number} n */
const payloadOf = (n) => ({ n, url: `https://example.com/images/${n}.png`, width: 640, height: 480, filters: ['blur', 'gray'] })

/**
 * @param {() => Promise<void>} work
 * @returns {Promise<{ seconds: number, loop: number, cpu: number }>} loop and cpu: microseconds a job
 */
async function timed(work) {
  const [began, used, busy] = [performance.now(), process.cpuUsage(), performance.eventLoopUtilization()]
  await work()
  const millis = performance.now() - began
  const { user, system } = process.cpuUsage(used)
  return { seconds: millis / 1000, loop: (performance.eventLoopUtilization(busy).active * 1000) / jobs, cpu: (user + system) / jobs }
}

/** What an app writes without queues: as many at once, one socket after the other. @param {Server} io */
async function loop(io) {
  const sockets = [...io.sockets.sockets.values()]
  let next = 0
  const lane = async () => {
    while (next < jobs) {
      const n = next++
      await sockets[n % sockets.length].timeout(TIMEOUT).emitWithAck('job', payloadOf(n), { id: n, attempt: 1 })
    }
  }
  const work = await timed(async () => void (await Promise.all(Array.from({ length: count * prefetch }, lane))))
  return { jobsPerSecond: jobs / work.seconds, loopMicros: work.loop, cpuMicros: work.cpu }
}

/** @param {Server} io */
async function dispatch(io) {
  const queues = createQueues(kind === 'memory' ? { memory: true } : { path: folder })
  const queue = queues.queue('jobs')
  await queues.ready()
  const sending = await timed(async () => {
    for (let n = 0; n < jobs; n += BATCH) {
      await queue.sendBatch(Array.from({ length: Math.min(BATCH, jobs - n) }, (_, i) => ({ payload: payloadOf(n + i) })))
    }
  })
  const work = await timed(async () => {
    queue.dispatch(io, { event: 'job', timeout: TIMEOUT, prefetch })
    await queue.drain()
    // The last acknowledgements are on the disk.
    await queues.flush()
  })
  await queues.close()
  return {
    jobsPerSecond: jobs / work.seconds,
    loopMicros: work.loop,
    cpuMicros: work.cpu,
    jobsPerSecondWithSending: jobs / (work.seconds + sending.seconds),
    loopMicrosOfSending: sending.loop,
  }
}

/**
 * Emits that are kept until they are acknowledged, one after the other to each of the users. Storing them is in the time.
 * @param {Server} io
 */
async function durably(io) {
  for (const [n, socket] of [...io.sockets.sockets.values()].entries()) socket.join(`user:${n}`)
  const queues = createQueues({ path: folder })
  const durableEmits = durable(io, queues)
  await queues.ready()
  const rooms = Array.from({ length: count }, (_, n) => durableEmits.to(`user:${n}`))
  const work = await timed(async () => {
    for (let n = 0; n < jobs; n += BATCH) {
      await Promise.all(Array.from({ length: Math.min(BATCH, jobs - n) }, (_, i) => rooms[(n + i) % count].emit('job', payloadOf(n + i))))
    }
    await durableEmits.queue.drain()
    await queues.flush()
  })
  const { acknowledged, returned } = durableEmits.stats()
  if (acknowledged !== jobs) throw new Error(`expected ${jobs} to be acknowledged, got ${acknowledged} (${returned} given back)`)
  await durableEmits.close()
  await queues.close()
  return { jobsPerSecond: jobs / work.seconds, loopMicros: work.loop, cpuMicros: work.cpu }
}

const RUN = { loop, dispatch, durable: durably }

async function main() {
  const server = http.createServer()
  const io = new Server(server, side.includes('native') ? { adapter: createAdapter() } : {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  const clients = fork(path.join(__dirname, 'clients.js'), [String(port), String(count)], { execArgv: [] })
  await once(clients, 'message')
  try {
    const figures = await RUN[/** @type {keyof typeof RUN} */ (what)](io)
    process.send?.({ figures })
  } finally {
    clients.kill()
    await io.close()
  }
}

main()
