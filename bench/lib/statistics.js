// @ts-check
'use strict'

/**
 * @param {ArrayLike<number>} values
 * @param {number} percent 0 to 100
 * @returns {number} the smallest of the values that this share of them does not exceed; NaN when there are none
 */
function percentile(values, percent) {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? NaN
}

/**
 * @param {number[]} values
 * @returns {number} the middle one, or the mean of the middle two; NaN when there are none
 */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2
}

module.exports = { median, percentile }
