'use strict'

/**
 * Whether a quantity stays where it is: the slope of a line through its readings that a few outliers do not move (Theil, 1950;
 * Sen, 1968: the median of the slopes between all pairs).
 * @param {{ seconds: number, value: number }[]} readings
 * @returns {number} per second
 */
function slopeOf(readings) {
  const slopes = []
  for (const [i, a] of readings.entries()) {
    for (const b of readings.slice(i + 1)) slopes.push((b.value - a.value) / (b.seconds - a.seconds))
  }
  slopes.sort((a, b) => a - b)
  return slopes[slopes.length >> 1] ?? 0
}

module.exports = { slopeOf }
