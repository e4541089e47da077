// @ts-check
'use strict'

/** Of Linux. */
const CLOCK_MONOTONIC = 1

/**
 * Bun's `process.hrtime` begins with the process, Node.js's with the machine (CLOCK_MONOTONIC, which the clients read too).
 * @returns {number} nanoseconds from the one to the other
 */
function offset() {
  if (process.versions.bun === undefined) return 0
  // Not for Node.js, nor for its types.
  const { dlopen, ptr } = require(String('bun:ffi'))
  const { symbols } = dlopen('libc.so.6', { clock_gettime: { args: ['i32', 'ptr'], returns: 'i32' } })
  const time = new BigInt64Array(2)
  symbols.clock_gettime(CLOCK_MONOTONIC, ptr(time))
  return Number(time[0] * 1_000_000_000n + time[1] - process.hrtime.bigint())
}

const OFFSET = offset()

/** The clock that the load generator reads, too; its nanoseconds are whole doubles for 104 days of uptime. */
const now = () => Number(process.hrtime.bigint()) + OFFSET

module.exports = { now }
