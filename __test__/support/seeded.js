// @ts-check
'use strict'

/**
 * Random numbers that are the same for the same seed (mulberry32).
 * @param {number} seed
 * @returns {(most: number) => number} an integer from 0 to below `most`
 */
function randomFrom(seed) {
  let state = seed >>> 0
  return (most) => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) % most
  }
}

module.exports = { randomFrom }
