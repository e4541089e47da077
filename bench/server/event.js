// @ts-check
'use strict'

const { now } = require('./clock')

/**
 * @param {import('./measures').Options} options
 * @returns {(stamp: number) => object} makes an argument of this size that says when it was sent
 */
function stamped({ payload, content }) {
  if (content === 'records') {
    const records = recordsOf(payload)
    return (stamp) => ({ t: stamp, records })
  }
  const padding = padTo(payload, { t: now(), p: '' })
  return (stamp) => ({ t: stamp, p: padding })
}

/**
 * @param {number} payload
 * @returns {{ p: string }} an argument of this size
 */
function plain(payload) {
  return { p: padTo(payload, { p: '' }) }
}

/**
 * @param {number} payload
 * @param {object} value
 */
function padTo(payload, value) {
  return 'x'.repeat(Math.max(0, payload - JSON.stringify(value).length))
}

/**
 * What an app sends as JSON: the same keys over and over, with values that differ.
 * @param {number} payload about the bytes that they are together
 */
function recordsOf(payload) {
  /** @type {object[]} */
  const records = []
  let size = JSON.stringify({ t: now(), records }).length
  // The same numbers in each run (a linear congruential generator).
  let seed = 1
  const next = (/** @type {number} */ below) => (seed = (seed * 48_271) % 2_147_483_647) % below
  for (;;) {
    const id = next(1e9)
    const record = {
      id,
      user: `user-${next(1e5)}`,
      price: next(1e6) / 100,
      change: next(2000) / 100 - 10,
      volume: next(1e7),
      side: id % 2 ? 'buy' : 'sell',
    }
    size += JSON.stringify(record).length + 1
    if (size > payload) return records
    records.push(record)
  }
}

module.exports = { plain, stamped }
