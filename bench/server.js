// @ts-check
'use strict'

/**
 * A Socket.IO server with one adapter, driven by the messages of its parent:
 *
 *   node bench/server.js --adapter stock|native|native-lanes-off
 *
 * It answers each command with `{ result }` or `{ error }`, in order; `credit` is not answered.
 */

const http = require('node:http')
const { Server } = require('socket.io')
const { Meter } = require('./server/meter')
const { measures, warmUp } = require('./server/measures')
const { credit } = require('./server/credit')

/** @typedef {import('./server/measures').Options} Options */

const name = process.argv[process.argv.indexOf('--adapter') + 1]

/** @returns {Partial<import('socket.io').ServerOptions>} */
function adapterOption() {
  if (name === 'stock') return {}
  const native = require('..')
  if (name === 'native') return { adapter: native.createAdapter() }
  if (name === 'native-lanes-off') return { adapter: native.createAdapter({ lanes: false }) }
  throw new Error(`unknown adapter ${name}`)
}

/** @param {object} message */
function send(message) {
  // A parent that is gone has no use for it; 'disconnect' ends us.
  if (process.connected) process.send?.(message)
}

/** @returns {import('./server/measures').EngineStats | null} what the native engine says of itself */
function engineStats() {
  return name === 'stock' ? null : require('..').stats(io)
}

const server = http.createServer()
// No heartbeats while we measure, and as long for both.
const io = new Server(server, { pingInterval: 3_600_000, serveClient: false, ...adapterOption() })
const meter = new Meter(engineStats)

/** @type {Record<string, (options: Options) => unknown>} */
const commands = {
  connections: () => ({ sockets: io.sockets.sockets.size, lanes: engineStats()?.lanes ?? null }),
  warmUp: () => warmUp(io),
  async measure(options) {
    meter.begin()
    return measures[options.measure](io, options)
  },
  finish: () => meter.end(),
}

process.on('message', async (/** @type {{ command: string, options: any }} */ { command, options }) => {
  if (command === 'credit') return credit.set(options.received)
  try {
    send({ result: (await commands[command](options)) ?? null })
  } catch (error) {
    send({ error: error instanceof Error ? error.stack : String(error) })
  }
})
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  send({ result: typeof address === 'object' ? address?.port : null })
})
