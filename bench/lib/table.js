// @ts-check
'use strict'

/**
 * @typedef {object} Outcome a row with the medians of its rounds
 * @property {string} id
 * @property {string} title
 * @property {number} clients
 * @property {Record<string, Record<string, number>>} medians by adapter and metric
 * @property {Record<string, Record<string, number>>} ratios of the medians to those of the first adapter
 * @property {Record<string, Record<string, number>[]>} rounds by adapter
 */

const TITLE = 38
const COLUMN = 18

/**
 * @param {Outcome} outcome
 * @param {import('./metrics').Metric[]} metrics
 * @param {string[]} adapters the first is what the others are compared with
 * @returns {string}
 */
function formatRow(outcome, metrics, adapters) {
  const [baseline, ...others] = adapters
  const heads = [baseline, ...others.flatMap((adapter) => [adapter, `/ ${baseline}`])]
  const lines = metrics.map(({ key, title, unit, better }) => {
    const cells = [`${number(outcome.medians[baseline][key])} ${unit}`]
    for (const adapter of others) {
      cells.push(`${number(outcome.medians[adapter][key])} ${unit}`, comparison(outcome.ratios[adapter][key], better))
    }
    return line(`  ${title}`, cells)
  })
  const title = `${outcome.id}: ${outcome.title} (${number(outcome.clients)} clients)`
  return [title, line('', heads), ...lines, ''].join('\n')
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
