'use strict'

/**
 * Proof that the native adapter wrote through lanes where it can, and for the documented reason did not where it cannot:
 * without it, a suite could pass on the compat path alone.
 */

const { stats } = require('../..')
const { until } = require('./events')

/** Watches the connections of one server with the native adapter. */
class LaneProof {
  #io
  #engine
  #expected
  /** Broadcasts that reached the engine. */
  broadcasts = 0
  /** Their recipients that JavaScript wrote to. */
  byJavaScript = 0

  /**
   * @param {any} io
   * @param {'lane' | import('../..').CompatReason} expected of each connection
   */
  constructor(io, expected) {
    this.#io = io
    this.#expected = expected
    // The first: an app may give itself another one.
    this.#engine = io.sockets.adapter.engine
    this.#countBroadcasts()
  }

  #countBroadcasts() {
    const { calls } = this.#engine
    const { broadcast } = calls
    calls.broadcast = (/** @type {any[]} */ ...args) => {
      const compat = broadcast(...args)
      this.broadcasts++
      this.byJavaScript += compat?.length ?? 0
      return compat
    }
  }

  /** After a client has connected: its lane is open, or will never be. */
  async connected() {
    await until('no lane is still to be opened', () => !stats(this.#io).compatReasons.opening)
    const reasons = Object.keys(stats(this.#io).compatReasons)
    expect(reasons).toEqual(this.#expected === 'lane' ? [] : [this.#expected])
    // The writers count their lanes when they get to it.
    if (this.#expected === 'lane') await until('a lane is open', () => stats(this.#io).lanes > 0)
    else expect(stats(this.#io).lanes).toBe(0)
  }

  /** After the test. @param {{ javaScript: boolean }} allowed that JavaScript wrote broadcasts though there are lanes */
  ended({ javaScript }) {
    const { frames } = JSON.parse(this.#engine.native.stats())
    expect(frames > 0).toBe(this.#expected === 'lane')
    if (this.#expected === 'lane' && !javaScript) expect(this.byJavaScript).toBe(0)
  }
}

module.exports = { LaneProof }
