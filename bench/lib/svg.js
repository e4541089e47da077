// @ts-check
'use strict'

const { digits } = require('./figures')

/** @typedef {import('./figures').Shown} Shown */

const WIDTH = 860
const ROW = 30
const TOP = 74
const BOTTOM = 52
/** Where the bars begin and end; beside them there is room for their figures. */
const LEFT = 330
const RIGHT = 660
const FONT = 'system-ui, -apple-system, &quot;Segoe UI&quot;, Helvetica, Arial, sans-serif'

/** It has a background of its own, so it can be read on any page; the reader's choice of light or dark is followed. */
const STYLE = `
  text { font-family: ${FONT.replaceAll('&quot;', "'")}; font-size: 13px; fill: #1f2328 }
  .card { fill: #ffffff; stroke: #d0d7de }
  .title { font-size: 16px; font-weight: 600 }
  .quiet { fill: #59636e; font-size: 12px }
  .line { stroke: #d8dee4 }
  .one { stroke: #59636e }
  .better { fill: #1a7f5a }
  .worse { fill: #c2410c }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .card { fill: #161b22; stroke: #30363d }
    .quiet { fill: #9198a1 }
    .line { stroke: #30363d }
    .one { stroke: #9198a1 }
    .better { fill: #3fb984 }
    .worse { fill: #f0883e }
  }`

/**
 * A bar for each figure, on a logarithmic scale: how many times better the native adapter is; to the left of 1, worse.
 * @param {Shown[]} shown
 * @param {string} note below it
 * @returns {string} the same bytes for the same figures
 */
function chart(shown, note) {
  const factors = shown.map(({ factor }) => factor)
  const least = Math.min(0, Math.floor(Math.log10(Math.min(...factors)) * 2) / 2)
  const most = Math.max(1, Math.ceil(Math.log10(Math.max(...factors))))
  /** @param {number} factor */
  const x = (factor) => round(LEFT + ((RIGHT - LEFT) * (Math.log10(factor) - least)) / (most - least))
  const height = TOP + shown.length * ROW + BOTTOM
  const ticks = Array.from({ length: most + 1 }, (_, power) => tick(x(10 ** power), power, height - BOTTOM))
  const bars = shown.map((figure, index) => bar(figure, TOP + index * ROW, x))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>How many times better than Socket.IO's adapter</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    `<text class="title" x="20" y="30">How many times better than Socket.IO's adapter</text>`,
    ...ticks,
    ...bars,
    `<text class="quiet" x="20" y="${height - 18}">${escape(note)}</text>`,
    '</svg>',
    '',
  ].join('\n')
}

/**
 * @param {number} at
 * @param {number} power
 * @param {number} bottom
 */
function tick(at, power, bottom) {
  const label = `<text class="quiet" x="${at}" y="58" text-anchor="middle">${digits(10 ** power)}×</text>`
  return `<line class="${power === 0 ? 'one' : 'line'}" x1="${at}" x2="${at}" y1="64" y2="${bottom}"/>${label}`
}

/**
 * @param {Shown} figure
 * @param {number} y
 * @param {(factor: number) => number} x
 */
function bar({ text, stock, native, factor }, y, x) {
  const [from, to] = [Math.min(x(1), x(factor)), Math.max(x(1), x(factor))]
  const shape = `<rect class="${factor >= 1 ? 'better' : 'worse'}" x="${from}" y="${y + 6}" width="${round(Math.max(2, to - from))}" height="18" rx="2"/>`
  const values = `<tspan font-weight="600">${digits(factor)}×</tspan><tspan class="quiet" dx="8">${escape(`${stock} → ${native}`)}</tspan>`
  return [
    `<text x="${LEFT - 14}" y="${y + 20}" text-anchor="end">${escape(text.replaceAll('`', ''))}</text>`,
    shape,
    `<text x="${to + 8}" y="${y + 20}">${values}</text>`,
  ].join('')
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10
}

/** @param {string} text */
function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

module.exports = { chart }
