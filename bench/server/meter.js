// @ts-check
'use strict'

const { monitorEventLoopDelay, performance } = require('node:perf_hooks')

/**
 * How often the delay of the event loop is sampled, in milliseconds. Sampling wakes the process and so adds to what is
 * measured: at 1 ms it takes 2 % of a processor, which is much beside an adapter that hardly uses any.
 */
const RESOLUTION = 10

/**
 * What a row cost the server, from its first call until its last delivery.
 * @typedef {object} Cost
 * @property {number} cpuUs CPU time of the process, all threads
 * @property {number | null} loopMs time in which the event loop did not sleep; null where that cannot be known
 * @property {Record<'p50' | 'p99' | 'max', number | null>} loopDelayMs how late the event loop ran a timer
 * @property {{ frames: number, systemCalls: number } | null} engine counters of the native engine
 */

/** Bun has neither of the two that look at the event loop: what it answers there are no measurements. */
const IS_NODE = process.versions.bun === undefined

/** Measures what the process spends between `begin` and `end`. */
class Meter {
  #engineStats
  #cpu = process.cpuUsage()
  #loop = performance.eventLoopUtilization()
  /** @type {import('./measures').EngineStats | null} */
  #engine = null
  #delay = monitorEventLoopDelay({ resolution: RESOLUTION })

  /** @param {() => import('./measures').EngineStats | null} engineStats */
  constructor(engineStats) {
    this.#engineStats = engineStats
  }

  begin() {
    global.gc?.()
    this.#engine = this.#engineStats()
    this.#delay.reset()
    this.#delay.enable()
    this.#loop = performance.eventLoopUtilization()
    this.#cpu = process.cpuUsage()
  }

  /** @returns {Cost} */
  end() {
    const cpu = process.cpuUsage(this.#cpu)
    const loop = performance.eventLoopUtilization(this.#loop)
    this.#delay.disable()
    const [before, now] = [this.#engine, this.#engineStats()]
    return {
      cpuUs: cpu.user + cpu.system,
      loopMs: IS_NODE ? loop.active : null,
      loopDelayMs: {
        p50: lateness(this.#delay.percentile(50)),
        p99: lateness(this.#delay.percentile(99)),
        max: lateness(this.#delay.max),
      },
      engine:
        before && now
          ? { frames: now.frames - before.frames, systemCalls: now.systemCalls - before.systemCalls }
          : null,
    }
  }
}

/**
 * @param {number} interval nanoseconds between two samples
 * @returns {number | null} by how many milliseconds the second came late
 */
function lateness(interval) {
  return IS_NODE ? Math.max(0, interval / 1e6 - RESOLUTION) : null
}

module.exports = { Meter }
