// @ts-check
'use strict'

/** The figures of both adapters beside each other, mode by mode, and beside what was wanted. */

/**
 * @typedef {object} Row
 * @property {string} key
 * @property {string} text
 * @property {'µs' | 'ms' | '/s' | '%' | ''} unit
 * @property {'more' | 'less'} better
 * @property {Wanted} [wanted]
 */
/** @typedef {{ times: number } | { most: number } | { least: number }} Wanted so many times better than JavaScript, or a figure */
/** @typedef {Record<string, Record<string, number>>} Medians by side, then by row */

/** @type {Row[]} */
const ROWS = [
  { key: 'recipientsLoop', text: 'to all clients: loop of the receiving server', unit: 'µs', better: 'less', wanted: { times: 100 } },
  { key: 'recipientsCpu', text: '… its CPU, all threads', unit: 'µs', better: 'less' },
  { key: 'latencyP50', text: '… latency to the client, p50', unit: 'ms', better: 'less', wanted: { times: 1 } },
  { key: 'latencyP99', text: '… p99', unit: 'ms', better: 'less', wanted: { times: 1 } },
  { key: 'oneRoomCpu', text: 'to a room that is elsewhere: CPU of the receiving server', unit: 'µs', better: 'less', wanted: { most: 2 } },
  { key: 'oneRoomLoop', text: '… its loop', unit: 'µs', better: 'less', wanted: { most: 0.05 } },
  { key: 'twoRoomsCpu', text: 'to two rooms that are elsewhere: CPU', unit: 'µs', better: 'less', wanted: { most: 2 } },
  { key: 'twoRoomsLoop', text: '… its loop', unit: 'µs', better: 'less', wanted: { most: 0.05 } },
  { key: 'publishLoop', text: 'publishing: loop of the sending server', unit: 'µs', better: 'less', wanted: { times: 2 } },
  { key: 'publishCpu', text: '… its CPU, all threads', unit: 'µs', better: 'less', wanted: { times: 2 } },
  { key: 'floodPerSecond', text: 'broadcasts to one client, at most', unit: '/s', better: 'more', wanted: { times: 4 } },
  { key: 'recoveryCpu', text: '100 come back after 9,500 other entries: CPU', unit: 'ms', better: 'less' },
  { key: 'recoveryTime', text: '… until all have what they missed', unit: 'ms', better: 'less' },
  { key: 'outageLocal', text: 'Redis away: local deliveries meanwhile', unit: '%', better: 'more', wanted: { least: 90 } },
  { key: 'outageLatency', text: '… the latest of them', unit: 'ms', better: 'less' },
  { key: 'outageLost', text: '… remote deliveries lost', unit: '', better: 'less' },
]

/** Times are measured in microseconds. @param {number} value @param {Row['unit']} unit */
function figure(value, unit) {
  if (!Number.isFinite(value)) return '-'
  const shown = unit === 'ms' ? value / 1000 : value
  const digits = shown >= 100 ? Math.round(shown).toLocaleString('en-US') : String(Number(shown.toPrecision(2)))
  return unit === '/s' || unit === '%' ? digits + unit : `${digits} ${unit}`.trim()
}

/** How many times better. @param {Row} row @param {number} js @param {number} native */
function times({ better }, js, native) {
  return better === 'more' ? native / js : js / native
}

/**
 * @param {Row} row
 * @param {number} js
 * @param {number} native
 * @returns {{ text: string, reached: boolean } | undefined} what was wanted
 */
function target(row, js, native) {
  const { wanted, unit } = row
  if (!wanted) return undefined
  if ('most' in wanted) return { text: `at most ${figure(wanted.most, unit)}`, reached: native <= wanted.most }
  if ('least' in wanted) return { text: `at least ${figure(wanted.least, unit)}`, reached: native >= wanted.least }
  const text = wanted.times === 1 ? 'no worse' : `${wanted.times} times better`
  return { text, reached: times(row, js, native) >= wanted.times }
}

/** @param {Medians} medians @param {string[]} modes @returns {string} */
function printed(medians, modes) {
  const lines = []
  for (const mode of modes) {
    const [js, native] = [medians[`${mode} js`], medians[`${mode} native`]]
    lines.push(`mode ${mode}`.padEnd(58) + ['JavaScript', 'native', 'times better'].map((head) => head.padStart(14)).join(''))
    for (const row of ROWS) {
      const [theirs, ours] = [js?.[row.key] ?? NaN, native?.[row.key] ?? NaN]
      if (Number.isNaN(theirs) && Number.isNaN(ours)) continue
      const ratio = times(row, theirs, ours)
      const cells = [figure(theirs, row.unit), figure(ours, row.unit), Number.isFinite(ratio) ? String(Number(ratio.toPrecision(3))) : '-']
      const wanted = Number.isNaN(ours) ? undefined : target(row, theirs, ours)
      const judged = wanted ? `   wanted: ${wanted.text}${wanted.reached ? '' : ': missed'}` : ''
      lines.push(`  ${row.text}`.padEnd(58) + cells.map((cell) => cell.padStart(14)).join('') + judged)
    }
    lines.push('')
  }
  return lines.join('\n')
}

module.exports = { ROWS, printed, target }
