// @ts-check
'use strict'

/**
 * A Socket.IO server with one adapter, driven by the messages of its parent:
 *
 *   node bench/server.js --adapter stock [--deflate]
 *
 * It answers each command with `{ result }` or `{ error }`, in order; `credit` is not answered.
 */

const http = require('node:http')
const { Server } = require('socket.io')
const { ADAPTERS } = require('./lib/adapters')
const { joinLayout } = require('./server/calls')
const { credit } = require('./server/credit')
const { memory } = require('./server/memory')
const { measures, warmUp } = require('./server/measures')
const { Meter } = require('./server/meter')
const { allGone } = require('./server/storm')

/** @typedef {import('./server/measures').Options} Options */

/** As many connections may wait to be accepted: Node.js's own limit is for less than a storm. */
const BACKLOG = 4096

const name = process.argv[process.argv.indexOf('--adapter') + 1]
const { options: nativeOptions } = ADAPTERS[name]

/** @returns {Partial<import('socket.io').ServerOptions>} */
function adapterOption() {
  return nativeOptions ? { adapter: require('..').createAdapter(nativeOptions) } : {}
}

/** @param {object} message */
function send(message) {
  // A parent that is gone has no use for it; 'disconnect' ends us.
  if (process.connected) process.send?.(message)
}

/** @returns {import('./server/measures').EngineStats | null} what the native engine says of itself */
function engineStats() {
  return nativeOptions ? require('..').stats(io) : null
}

const server = http.createServer()
const io = new Server(server, {
  // No heartbeats while we measure, and as long for both.
  pingInterval: 3_600_000,
  serveClient: false,
  perMessageDeflate: process.argv.includes('--deflate') && { serverNoContextTakeover: true },
  ...adapterOption(),
})
const meter = new Meter(engineStats)
/** Undoes what a row arranged. */
let restore = () => {}

/** @type {Record<string, (options: Options) => unknown>} */
const commands = {
  connections: () => ({ sockets: io.sockets.sockets.size, lanes: engineStats()?.lanes ?? null }),
  memory,
  warmUp: () => warmUp(io),
  async measure(options) {
    if (options.layout) restore = joinLayout(io, options.layout)
    meter.begin()
    return measures[options.measure](io, options)
  },
  begin: () => meter.begin(),
  finish() {
    const cost = meter.end()
    restore()
    restore = () => {}
    return cost
  },
  allGone: () => allGone(io),
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
server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG }, () => {
  const address = server.address()
  send({ result: typeof address === 'object' ? address?.port : null })
})
