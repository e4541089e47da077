// @ts-check
'use strict'

/** @typedef {import('./evaluate').Outcome} Outcome */

const TITLE = 40
const COLUMN = 16

/**
 * @param {Outcome} outcome
 * @param {import('./metrics').Metric[]} metrics
 * @returns {string}
 */
function formatRow(outcome, metrics) {
  const [baseline, ...others] = Object.keys(outcome.medians)
  const heads = [baseline, ...others.flatMap((adapter) => [adapter, `/ ${baseline}`])]
  const lines = metrics.map(({ key, title, unit, better }) => {
    const cells = [`${number(outcome.medians[baseline][key])} ${unit}`]
    for (const adapter of others) {
      cells.push(`${number(outcome.medians[adapter][key])} ${unit}`, comparison(outcome.ratios[adapter][key], better))
    }
    return line(`  ${title}`, cells)
  })
  const title = `${outcome.id}: ${outcome.title} (${number(outcome.clients)} clients)`
  const failures = Object.entries(outcome.failures).map(([adapter, why]) => `  ${adapter} failed: ${why}`)
  return [title, line('', heads), ...lines, ...failures, ''].join('\n')
}

/**
 * @param {string} title
 * @param {string[]} cells
 */
function line(title, cells) {
  return title.padEnd(TITLE) + cells.map((cell) => cell.padStart(COLUMN)).join('')
}

/**
 * @param {number} ratio
 * @param {'less' | 'more'} better
 * @returns {string} the ratio, marked where the first adapter is better
 */
function comparison(ratio, better) {
  if (!Number.isFinite(ratio)) return '-'
  const worse = better === 'less' ? ratio > 1 : ratio < 1
  return `${number(ratio)}x${worse ? ' !' : '  '}`
}

/**
 * @param {number} value
 * @returns {string} three digits, or all of a larger whole number
 */
function number(value) {
  if (!Number.isFinite(value)) return '-'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}

module.exports = { formatRow }
