// @ts-check
'use strict'

// Simulated clients in JavaScript, for when the Rust load generator has not been built; it understands the same flags and
// lines (bench/loadgen). It is several times slower, so it costs the server beside it some of the processor.

const { createHistogram } = require('node:perf_hooks')
const readline = require('node:readline')
const { parseArgs } = require('node:util')
const { WebSocket } = require('ws')

/** How many handshakes are under way at a time. */
const CONNECTING = 64

const say = (/** @type {object} */ object) => process.stdout.write(`${JSON.stringify(object)}\n`)

/** What arrived since the last reset. */
const seen = { messages: 0, bytes: 0 }
/** The delays of events that say when they were sent, in microseconds. */
const delays = createHistogram()
let open = 0
let errors = 0

/**
 * One raw Socket.IO client: it connects to the main namespace, answers heartbeats and counts events.
 * @param {string} address
 * @returns {Promise<void>} resolves when it is connected or has failed
 */
function connect(address) {
  return new Promise((resolve) => {
    const client = new WebSocket(`ws://${address}/socket.io/?EIO=4&transport=websocket`, { perMessageDeflate: false })
    client.on('message', (/** @type {Buffer} */ data) => {
      const packet = data[0]
      if (packet === 0x30)
        client.send('40') // open: connect to the namespace
      else if (packet === 0x32)
        client.send('3') // ping: pong
      else if (packet === 0x34 && data[1] === 0x32) {
        seen.messages += 1
        seen.bytes += data.length
        timed(data.toString('latin1'))
      } else if (packet === 0x34 && data[1] === 0x30) {
        open += 1
        client.once('close', () => (open -= 1))
        resolve()
      }
    })
    client.on('error', () => (errors += 1))
    client.on('close', () => resolve())
  })
}

/** @param {string} packet */
function timed(packet) {
  const sent = /"t":(\d+)/.exec(packet)?.[1]
  if (sent !== undefined)
    delays.record(Math.max(1, Math.round((Number(process.hrtime.bigint()) - Number(sent)) / 1000)))
}

function reset() {
  Object.assign(seen, { messages: 0, bytes: 0 })
  delays.reset()
  say({ event: 'reset' })
}

function report() {
  const latency = { p50: delays.percentile(50), p99: delays.percentile(99), max: delays.max, count: delays.count }
  say({ event: 'report', ...seen, latency, open, errors })
}

async function main() {
  const { values } = parseArgs({ options: { address: { type: 'string' }, clients: { type: 'string' } } })
  const clients = Number(values.clients)
  const input = readline.createInterface({ input: process.stdin })
  input.on('close', () => process.exit())
  input.on('line', (line) => {
    if (line === 'quit') process.exit()
    if (line === 'reset') reset()
    if (line === 'report') report()
  })
  process.stdout.on('error', () => process.exit())

  const start = performance.now()
  let left = clients
  const work = async () => {
    while (left > 0) {
      left -= 1
      await connect(String(values.address))
    }
  }
  await Promise.all(Array.from({ length: CONNECTING }, work))
  say({ event: 'connected', clients: open, ms: Math.round(performance.now() - start) })
}

main()
