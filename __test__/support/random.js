// @ts-check
'use strict'

/**
 * Random numbers that can be had again: each use prints its seed; `SEED=123` repeats it.
 */

/** @returns {(below: number) => number} integers */
function random() {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  process.stderr.write(`${globalThis.expect?.getState().currentTestName}: SEED=${seed}\n`)
  let state = seed
  // mulberry32
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

module.exports = { random }
