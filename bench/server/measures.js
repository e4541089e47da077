// @ts-check
'use strict'

const { setTimeout: sleep } = require('node:timers/promises')
const { flood } = require('./flood')
const { joins } = require('./joins')
const { direct, idle, paced, toOwnRoom } = require('./paced')

/**
 * @typedef {object} Options what a row asks of the server
 * @property {string} measure a name of `measures`
 * @property {number} payload size of an event's argument, in bytes of JSON
 * @property {number} ms how long
 * @property {number} clients
 * @property {number} perTick broadcasts per turn of the event loop
 * @property {number} window the most deliveries that may be under way
 * @property {number} memberships
 * @property {'shared' | 'pairs'} rooms
 */

/** @typedef {{ lanes: number, frames: number, systemCalls: number }} EngineStats */

/** @type {Record<string, (io: import('socket.io').Server, options: Options) => Promise<Record<string, number>>>} */
const measures = { direct, flood, idle, joins, paced, toOwnRoom }

/** How often each way to emit is called beforehand: a server that has run for a minute has done so. */
const WARM_CALLS = 4000

/**
 * Lets the compiler see the hot paths before the first round: the same calls for each adapter. One
 * broadcast makes the stock adapter's loop over the clients hot; the call itself becomes hot by being called, to one client each.
 * @param {import('socket.io').Server} io
 * @returns {Promise<{ deliveries: number }>}
 */
async function warmUp(io) {
  const sockets = [...io.sockets.sockets.values()]
  const broadcasts = Math.max(20, Math.min(300, Math.floor(20_000 / sockets.length)))
  for (let call = 0; call < broadcasts; call += 1) {
    io.emit('m', { p: 'warm' })
    await sleep(1)
  }
  for (let call = 0; call < WARM_CALLS; call += 1) {
    const socket = sockets[call % sockets.length]
    socket.emit('m', { p: 'warm' })
    io.to(socket.id).emit('m', { p: 'warm' })
    if (call % 50 === 0) await sleep(1)
  }
  return { deliveries: broadcasts * sockets.length + 2 * WARM_CALLS }
}

module.exports = { measures, warmUp }
