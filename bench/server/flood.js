// @ts-check
'use strict'

const { performance } = require('node:perf_hooks')
const { percentile } = require('../lib/statistics')
const { credit } = require('./credit')
const { callOf } = require('./calls')
const { plain } = require('./event')

/**
 * As many broadcasts as can be, `perTick` in each turn of the event loop, for a while. When `window` deliveries are under
 * way (emitted, and not yet counted by the clients), it sleeps until clients have received more: that bounds the memory,
 * by the same rule for every adapter.
 * @param {import('socket.io').Server} io
 * @param {import('./measures').Options} options
 * @returns {Promise<{ calls: number, callP50: number, heldMs: number }>} `callP50`: microseconds; `heldMs`: how long it slept
 */
function flood(io, options) {
  const { perTick, ms, window, reach, payload } = options
  credit.set(0)
  const argument = plain(payload)
  const call = callOf(io, options)
  const begun = performance.now()
  let calls = 0
  let heldMs = 0
  /** @type {number[]} */
  const durations = []
  return new Promise((resolve) => {
    const tick = () => {
      const time = performance.now()
      if (time - begun >= ms) return resolve({ calls, callP50: percentile(durations, 50), heldMs })
      if ((calls + perTick) * reach - credit.received > window) {
        return credit.wait(() => {
          heldMs += performance.now() - time
          tick()
        })
      }
      for (let index = 0; index < perTick; index += 1) call(argument)
      durations.push(((performance.now() - time) * 1000) / perTick)
      calls += perTick
      setImmediate(tick)
    }
    tick()
  })
}

module.exports = { flood }
