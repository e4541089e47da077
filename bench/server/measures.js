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

/**
 * Lets the compiler see the hot paths before the first round.
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
  for (const socket of sockets) {
    socket.emit('m', { p: 'warm' })
    io.to(socket.id).emit('m', { p: 'warm' })
  }
  return { deliveries: (broadcasts + 2) * sockets.length }
}

module.exports = { measures, warmUp }
