// @ts-check
'use strict'

const { performance } = require('node:perf_hooks')
const { setTimeout: sleep } = require('node:timers/promises')
const { percentile } = require('../lib/statistics')
const { callOf, inTurn } = require('./calls')
const { now } = require('./clock')
const { stamped } = require('./event')

/** @typedef {import('socket.io').Server} Server */
/** @typedef {import('./measures').Options} Options */

const BROADCAST_INTERVAL = 25
const BATCH_INTERVAL = 5
/** 20,000 emits a second: a fraction of what either adapter can do. */
const BATCH = 100

/**
 * One broadcast each 25 ms.
 * @param {Server} io
 * @param {Options} options
 */
async function paced(io, options) {
  const { ms, everyMs = BROADCAST_INTERVAL, clients } = options
  const before = process.memoryUsage.rss()
  const result = await atPace({ everyMs, ms, size: 1 }, callOf(io, options), stampOf(options))
  return { ...result, deliveries: result.calls * clients, rssGrowth: process.memoryUsage.rss() - before }
}

/**
 * Nothing each 25 ms: what a paced row costs without its calls.
 * @param {Server} _io
 * @param {Options} options
 */
async function idle(_io, { ms }) {
  return atPace({ everyMs: BROADCAST_INTERVAL, ms, size: 1 }, () => {}, () => ({}))
}

/**
 * Batches of emits, each to one socket after the other.
 * @param {Server} io
 * @param {Options} options
 */
async function direct(io, options) {
  const sockets = [...io.sockets.sockets.values()]
  return batches(options, inTurn(sockets, (socket, argument) => void socket.emit('m', argument)))
}

/**
 * The same by the room of each socket's own id: the way from a user's id to a connection.
 * @param {Server} io
 * @param {Options} options
 */
async function toOwnRoom(io, options) {
  const sockets = [...io.sockets.sockets.values()]
  return batches(options, inTurn(sockets, (socket, argument) => void io.to(socket.id).emit('m', argument)))
}

/**
 * The same to the rooms of a layout, one after the other.
 * @param {Server} io
 * @param {Options} options
 */
async function toRooms(io, options) {
  return batches(options, callOf(io, options))
}

/**
 * @param {Options} options
 * @param {(argument: object) => void} emit
 */
function batches(options, emit) {
  const { ms, batch = BATCH } = options
  const emitAll = (/** @type {object} */ argument) => {
    for (let index = 0; index < batch; index += 1) emit(argument)
  }
  return atPace({ everyMs: BATCH_INTERVAL, ms, size: batch }, emitAll, stampOf(options))
}

/** @param {Options} options */
function stampOf(options) {
  const event = stamped(options)
  return () => event(now())
}

/**
 * Calls at a fixed pace, later where the event loop is late, and never in a burst to catch up.
 * @param {{ everyMs: number, ms: number, size: number }} pace `size`: calls that count as one
 * @param {(argument: object) => void} call
 * @param {() => object} prepare makes the argument; its time is not the call's
 * @returns {Promise<Record<string, number>>} how long a call held the event loop, in microseconds
 */
async function atPace({ everyMs, ms, size }, call, prepare) {
  const times = Math.max(1, Math.floor(ms / everyMs))
  const durations = new Float64Array(times)
  let due = performance.now()
  for (let index = 0; index < times; index += 1) {
    due = Math.max(due + everyMs, performance.now())
    await sleep(Math.max(0, due - performance.now()))
    const argument = prepare()
    const begun = now()
    call(argument)
    durations[index] = (now() - begun) / 1000 / size
  }
  return { calls: times * size, callP50: percentile(durations, 50), callP99: percentile(durations, 99) }
}

module.exports = { direct, idle, paced, toOwnRoom, toRooms }
