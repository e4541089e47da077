// @ts-check
'use strict'

/**
 * What the README shows of a result: one list for its table and its chart.
 *
 * @typedef {object} Figure
 * @property {string} text what is measured
 * @property {string} row
 * @property {string} metric
 * @property {boolean} [charted] whether the chart has a bar for it
 */

/** @type {Figure[]} */
const FIGURES = [
  { text: '`io.emit` each 25 ms to 1,000: the call', row: 'paced', metric: 'callUs', charted: true },
  { text: 'the same: event loop busy, in all', row: 'paced', metric: 'loopUsPerCall' },
  { text: 'the same: process CPU per delivery', row: 'paced', metric: 'cpuUsPerDelivery', charted: true },
  { text: 'the same: latency, p50', row: 'paced', metric: 'latencyP50Ms' },
  { text: 'the same: latency, p99', row: 'paced', metric: 'latencyP99Ms', charted: true },
  { text: '`io.emit` to 5,000: the call', row: 'paced-many', metric: 'callUs', charted: true },
  { text: '`io.emit` to 10: the call', row: 'paced-few', metric: 'callUs' },
  { text: '1,000 clients, one `io.emit` a tick: deliveries', row: 'flood1', metric: 'deliveriesPerSecond', charted: true },
  { text: 'ten a tick: deliveries', row: 'flood10', metric: 'deliveriesPerSecond', charted: true },
  { text: '64 KiB, one a tick: deliveries', row: 'flood1-64k', metric: 'deliveriesPerSecond' },
  { text: 'ten rooms, `except`: deliveries', row: 'flood1-rooms', metric: 'deliveriesPerSecond', charted: true },
  { text: '`socket.emit`: event loop', row: 'direct', metric: 'loopUsPerCall', charted: true },
  { text: '`io.to(socket.id).emit`: event loop', row: 'own-room', metric: 'loopUsPerCall', charted: true },
  { text: '10 KiB of JSON, compressed: CPU per delivery', row: 'paced-deflate', metric: 'cpuUsPerDelivery', charted: true },
  { text: 'a million memberships: memory of each', row: 'million', metric: 'rssBytes', charted: true },
  { text: 'a join of them', row: 'million', metric: 'joinUs' },
  { text: '5,000 idle connections: memory of each', row: 'memory-idle', metric: 'rssBytes', charted: true },
  { text: '5,000 clients connect at once', row: 'storm', metric: 'connectMs', charted: true },
  { text: '5,000 clients disconnect at once', row: 'storm', metric: 'disconnectMs', charted: true },
]

/**
 * @typedef {object} Result bench/results/NAME.json, as far as it is shown
 * @property {string} command
 * @property {string} date
 * @property {string | null} commit
 * @property {{ cpu: string, cores: number, node: string }} machine
 * @property {import('./evaluate').Outcome[]} rows
 *
 * @typedef {{ text: string, stock: string, native: string, factor: number, charted: boolean }} Shown `factor`: above 1 native is better
 */

/** Larger and smaller units of those that metrics have, by how many of the unit they are. @type {Record<string, [number, string][]>} */
const UNITS = {
  µs: [[1e6, 's'], [1e3, 'ms'], [1, 'µs']],
  ms: [[1e3, 's'], [1, 'ms'], [1e-3, 'µs']],
  B: [[1024, 'KiB'], [1, 'B']],
  '/s': [[1e6, 'M/s'], [1e3, 'k/s'], [1, '/s']],
}

/**
 * @param {Result} result
 * @returns {Shown[]} the figures that it has, for both adapters
 */
function shownOf(result) {
  const { ROWS } = require('./rows')
  return FIGURES.flatMap(({ text, row, metric, charted = false }) => {
    const medians = result.rows.find(({ id }) => id === row)?.medians
    const found = ROWS.find(({ id }) => id === row)?.metrics.find(({ key }) => key === metric)
    const [stock, native] = [medians?.stock?.[metric], medians?.native?.[metric]]
    if (!found || !stock || !native) return []
    const factor = found.better === 'less' ? stock / native : native / stock
    return [{ text, stock: quantity(stock, found.unit), native: quantity(native, found.unit), factor, charted }]
  })
}

/**
 * @param {number} value
 * @param {string} unit
 */
function quantity(value, unit) {
  const units = UNITS[unit] ?? [[1, unit]]
  const [size, name] = units.find(([least]) => Math.abs(value) >= least) ?? units[units.length - 1]
  return `${digits(value / size)} ${name}`
}

/** @param {number} value three digits */
function digits(value) {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(value < 10 ? 2 : 3)))
}

/** @param {number} factor */
function comparison(factor) {
  if (factor >= 0.95 && factor <= 1.05) return 'the same'
  return factor > 1 ? `${digits(factor)} times better` : `${digits(1 / factor)} times worse`
}

module.exports = { comparison, digits, shownOf }
