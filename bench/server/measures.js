// @ts-check
'use strict'

const { setTimeout: sleep } = require('node:timers/promises')
const { flood } = require('./flood')
const { joins, manyRooms, million } = require('./joins')
const { direct, idle, paced, toOwnRoom, toRooms } = require('./paced')

/**
 * @typedef {object} Options what a row asks of the server
 * @property {string} measure a name of `measures`
 * @property {number} payload size of an event's argument, in bytes of JSON
 * @property {'records'} [content] records instead of padding
 * @property {number} ms how long
 * @property {number} [everyMs] between two calls
 * @property {number} [batch] emits that are made at once
 * @property {string} [layout] a name of bench/lib/layouts.js: who is in which room
 * @property {boolean} [volatile]
 * @property {number} clients
 * @property {number} reach deliveries of one call
 * @property {number} perTick broadcasts per turn of the event loop
 * @property {number} window the most deliveries that may be under way
 * @property {number} memberships
 * @property {'shared' | 'pairs'} rooms
 */

/** @typedef {{ lanes: number, frames: number, systemCalls: number }} EngineStats */

/** @type {Record<string, (io: import('socket.io').Server, options: Options) => Promise<Record<string, number>>>} */
const measures = { direct, flood, idle, joins, manyRooms, million, paced, toOwnRoom, toRooms }

/** How often each way to emit is called beforehand: a server that has run for a minute has done so. */
const WARM_CALLS = 4000

/**
 * Lets the compiler see the hot paths before the first round: the same calls for each adapter. One
 * broadcast makes the stock adapter's loop over the clients hot; the call itself becomes hot by being called, to one client each.
 * @param {import('socket.io').Server} io
 * @returns {Promise<{ events: number }>} how many each client gets
 */
async function warmUp(io) {
  const sockets = [...io.sockets.sockets.values()]
  const broadcasts = Math.max(20, Math.min(300, Math.floor(20_000 / sockets.length)))
  for (let call = 0; call < broadcasts; call += 1) {
    io.emit('m', { p: 'warm' })
    await sleep(1)
  }
  const times = Math.ceil(WARM_CALLS / sockets.length)
  for (let call = 0; call < times * sockets.length; call += 1) {
    const socket = sockets[call % sockets.length]
    socket.emit('m', { p: 'warm' })
    io.to(socket.id).emit('m', { p: 'warm' })
    if (call % 50 === 0) await sleep(1)
  }
  return { events: broadcasts + 2 * times }
}

module.exports = { measures, warmUp }
