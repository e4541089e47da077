// @ts-check
'use strict'

/** The clock that the load generator reads too (CLOCK_MONOTONIC); its nanoseconds are whole doubles for 104 days of uptime. */
const now = () => Number(process.hrtime.bigint())

/**
 * @param {number} payload
 * @returns {(stamp: number) => { t: number, p: string }} makes an argument of this size that says when it was sent
 */
function stamped(payload) {
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

module.exports = { now, plain, stamped }
