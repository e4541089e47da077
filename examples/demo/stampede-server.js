// @ts-check
'use strict'

// One Socket.IO server of a stampede, in a process of its own: `node stampede-server.js --adapter stock|native`.
//
// Takes JSON lines: `{ "rate", "bytes", "seconds" }` broadcasts that long and measures meanwhile. Says JSON lines:
// `listening { port }`, `sample { ... }` ten times a second while it broadcasts, then `result { ... }`.
// It ends when its standard input does.

const { createServer } = require('node:http')
const { monitorEventLoopDelay, performance } = require('node:perf_hooks')
const readline = require('node:readline')
const { parseArgs } = require('node:util')
const { Server } = require('socket.io')

const SAMPLE_MS = 100
/** How often the event-loop monitor's timer should fire. Its readings contain this interval. */
const RESOLUTION_MS = 2

/** @typedef {{ rate: number, bytes: number, seconds: number }} Load */

const say = (/** @type {object} */ object) => process.stdout.write(`${JSON.stringify(object)}\n`)

function main() {
  const { values } = parseArgs({ options: { adapter: { type: 'string' } } })
  const http = createServer()
  const io = new Server(http, {
    serveClient: false,
    transports: ['websocket'],
    ...(values.adapter === 'native' ? { adapter: require('../../index.js').createAdapter() } : {}),
  })

  const input = readline.createInterface({ input: process.stdin })
  input.on('line', (line) => broadcastAndMeasure(io, JSON.parse(line)))
  input.on('close', () => process.exit())
  process.stdout.on('error', () => process.exit())
  http.listen(0, '127.0.0.1', () => {
    const address = /** @type {import('node:net').AddressInfo} */ (http.address())
    say({ event: 'listening', port: address.port })
  })
}

/**
 * @param {Server} io
 * @param {Load} load
 */
function broadcastAndMeasure(io, load) {
  const readings = new Readings()
  const samples = setInterval(() => say({ event: 'sample', ...readings.sample() }), SAMPLE_MS)
  const missed = broadcast(load, {
    emit: () => readings.time(() => io.emit('stampede', payload(load.bytes))),
    done: () => {
      clearInterval(samples)
      say({ event: 'result', missed: missed(), ...readings.result() })
    },
  })
}

/**
 * Broadcasts at fixed times. A time that the event loop was too busy for is left out and counted, not made up for:
 * an overloaded server is not pushed further over.
 * @param {Load} load
 * @param {{ emit: () => void, done: () => void }} to
 * @returns {() => number} tells how many were left out
 */
function broadcast(load, to) {
  const start = performance.now()
  const interval = 1000 / load.rate
  const total = Math.round(load.rate * load.seconds)
  let due = 0
  let missed = 0
  const tick = () => {
    const passed = Math.min(total, Math.floor((performance.now() - start) / interval))
    if (passed > due) {
      missed += passed - due
      due = passed
    }
    if (due < total) {
      to.emit()
      due += 1
    }
    const end = due >= total
    setTimeout(end ? to.done : tick, Math.max(0, start + due * interval - performance.now()))
  }
  tick()
  return () => missed
}

/**
 * The payload of one broadcast: when it was made (the load generator measures delays by it), padded to the size asked for.
 * @param {number} bytes the length of its JSON
 */
function payload(bytes) {
  const t = Number(process.hrtime.bigint())
  return { t, pad: '.'.repeat(Math.max(0, bytes - JSON.stringify({ t, pad: '' }).length)) }
}

/** What the event loop goes through from construction to {@link Readings#result}. */
class Readings {
  #start = performance.now()
  #busy = performance.eventLoopUtilization()
  #cpu = process.cpuUsage()
  #whole = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  /**
   * They take turns: each is read and reset every second sample. A reset makes a monitor forget when it last fired, so
   * the delay that is under way then is seen by the other one alone.
   */
  #windows = [0, 1].map(() => monitorEventLoopDelay({ resolution: RESOLUTION_MS }))
  /** @type {number[]} the duration of each broadcast call, in microseconds */
  #calls = []
  #sampledCalls = 0

  constructor() {
    this.#whole.enable()
    for (const window of this.#windows) window.enable()
  }

  /** @param {() => void} call */
  time(call) {
    const start = performance.now()
    call()
    this.#calls.push((performance.now() - start) * 1000)
  }

  /** The longest delay of the event loop (ms) in the time of two samples, and the median broadcast call (µs) in one. */
  sample() {
    const calls = this.#calls.slice(this.#sampledCalls).sort(ascending)
    this.#sampledCalls = this.#calls.length
    const [window] = this.#windows.reverse()
    const delay = milliseconds(window.max)
    window.reset()
    return { at: performance.now() - this.#start, delay, call: calls.length > 0 ? quantile(calls, 0.5) : null }
  }

  result() {
    const seconds = (performance.now() - this.#start) / 1000
    const busy = performance.eventLoopUtilization(this.#busy).utilization
    const { user, system } = process.cpuUsage(this.#cpu)
    this.#whole.disable()
    for (const window of this.#windows) window.disable()
    const calls = this.#calls.sort(ascending)
    return {
      seconds,
      broadcasts: calls.length,
      call: { p50: quantile(calls, 0.5), p99: quantile(calls, 0.99), max: quantile(calls, 1) },
      delay: {
        p50: milliseconds(this.#whole.percentile(50)),
        p99: milliseconds(this.#whole.percentile(99)),
        max: milliseconds(this.#whole.max),
      },
      busy,
      cpu: (user + system) / 1e6 / seconds,
    }
  }
}

/**
 * How late the monitor's timer was, in milliseconds: its readings are the time between two firings, in nanoseconds.
 * @param {number} nanoseconds
 */
function milliseconds(nanoseconds) {
  const late = nanoseconds / 1e6 - RESOLUTION_MS
  return late > 0 ? late : 0
}

/**
 * @param {number[]} sorted
 * @param {number} share 0 to 1
 */
function quantile(sorted, share) {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}

/**
 * @param {number} a
 * @param {number} b
 */
function ascending(a, b) {
  return a - b
}

main()
