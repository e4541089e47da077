// @ts-check
'use strict'

/** What is measured of two servers of one kind. Each gives figures by name: times in microseconds, where they have no other name. */

const { setTimeout: sleep } = require('node:timers/promises')
const { LoadGenerator } = require('../lib/load-generator')
const { recovery } = require('./recovery')

/** @typedef {import('./side').ClusterSide} Side */
/** @typedef {{ seconds: number, clients: number, outageMs: number }} Settings */

/** What is under way when it must have arrived. */
const SETTLE = 300
const EVERY = 25
const BATCH = 100
/** Broadcasts that may be under way in the flood. */
const WINDOW = 6000
const BURST = 1000

/** @param {import('../server/meter').Cost} cost */
const figuresOf = ({ cpuUs, loopMs }) => ({ cpu: cpuUs, loop: (loopMs ?? NaN) * 1000 })

/**
 * What both servers spend on `work`, less what they spend on nothing in the same time.
 * @param {Side} side
 * @param {() => Promise<number>} work how many broadcasts it was
 */
async function costs({ sender, receiver }, work) {
  const servers = [sender, receiver]
  for (const server of servers) await server.ask('begin')
  const began = performance.now()
  const calls = await work()
  await sleep(SETTLE)
  const ms = performance.now() - began
  const [ours, theirs] = (await Promise.all(servers.map((server) => server.ask('finish')))).map(figuresOf)
  for (const server of servers) await server.ask('begin')
  await sleep(Math.min(ms, 1000))
  const part = ms / Math.min(ms, 1000)
  const [idle, theirIdle] = (await Promise.all(servers.map((server) => server.ask('finish')))).map(figuresOf)
  const each = (/** @type {number} */ spent, /** @type {number} */ floor) => Math.max(0, spent - floor * part) / calls
  return {
    calls,
    sendCpu: each(ours.cpu, idle.cpu),
    sendLoop: each(ours.loop, idle.loop),
    receiveCpu: each(theirs.cpu, theirIdle.cpu),
    receiveLoop: each(theirs.loop, theirIdle.loop),
  }
}

/** A remote broadcast to all clients of the receiver each 25 ms. @param {Side} side @param {Settings} settings */
async function recipients(side, { seconds, clients }) {
  const { sender } = side
  const load = /** @type {LoadGenerator} */ (side.clients)
  await load.reset()
  const spent = await costs(side, () => sender.ask('paced', { rooms: [], everyMs: EVERY, ms: seconds * 1000 }))
  const { messages, latency } = await load.report()
  if (messages !== spent.calls * clients) throw new Error(`${side.name}: expected ${spent.calls * clients} deliveries, got ${messages}`)
  return {
    recipientsLoop: spent.receiveLoop,
    recipientsCpu: spent.receiveCpu,
    latencyP50: latency.p50,
    latencyP99: latency.p99,
  }
}

/** Broadcasts to rooms that the receiver does not have. @param {Side} side @param {Settings} settings */
async function elsewhere(side, { seconds }) {
  const ms = seconds * 1000
  const one = await costs(side, () => side.sender.ask('batches', { rooms: ['nobody'], batch: BATCH, ms }))
  const two = await costs(side, () => side.sender.ask('batches', { rooms: ['nobody', 'neither'], batch: BATCH, ms }))
  return {
    oneRoomCpu: one.receiveCpu,
    oneRoomLoop: one.receiveLoop,
    twoRoomsCpu: two.receiveCpu,
    twoRoomsLoop: two.receiveLoop,
    publishLoop: one.sendLoop,
    publishCpu: one.sendCpu,
  }
}

/** As many broadcasts as can be, to one client. @param {Side} side @param {Settings} settings */
async function flood(side, { seconds }) {
  const port = /** @type {number} */ (await side.receiver.ask('port'))
  const one = new LoadGenerator(port, 1, { more: ['--namespace', '/flood'] })
  try {
    await one.connected()
    await sleep(SETTLE)
    await one.reset()
    const began = performance.now()
    let [sent, got] = [0, 0]
    while (performance.now() - began < seconds * 1000) {
      if (sent - got < WINDOW) {
        await side.sender.ask('burst', { nsp: '/flood', rooms: [], count: BURST })
        sent += BURST
      }
      got = (await one.report()).messages
    }
    const perSecond = (got * 1000) / (performance.now() - began)
    await one.received(sent, { by: side.name })
    return { floodPerSecond: perSecond }
  } finally {
    await one.close()
  }
}

/** Redis ends, and comes back after a while: a client of the sender, and one of the receiver. @param {Side} side @param {Settings} settings */
async function outage(side, { outageMs }) {
  const here = new LoadGenerator(/** @type {number} */ (side.senderPort), 1, { more: ['--namespace', '/outage'] })
  const there = new LoadGenerator(/** @type {number} */ (await side.receiver.ask('port')), 1, { more: ['--namespace', '/outage'] })
  try {
    await Promise.all([here.connected(), there.connected()])
    await sleep(SETTLE)
    await here.reset()
    await there.reset()
    const emitting = side.sender.ask('paced', { nsp: '/outage', rooms: [], everyMs: 10, ms: outageMs + 4000 })
    await sleep(1000)
    await side.redis.stop()
    const before = (await here.report()).messages
    await sleep(outageMs)
    const local = (await here.report()).messages - before
    await side.redis.start()
    const calls = await emitting
    await sleep(3000)
    return {
      outageLocal: (100 * local) / (outageMs / 10),
      outageLatency: (await here.report()).latency.max,
      outageLost: calls - (await there.report()).messages,
    }
  } finally {
    await here.close()
    await there.close()
  }
}

/** @type {Record<string, (side: Side, settings: Settings) => Promise<Record<string, number>>>} */
const MEASURES = { recipients, elsewhere, flood, recovery, outage }

module.exports = { MEASURES }
