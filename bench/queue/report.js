// @ts-check
'use strict'

/** The figures beside each other, and beside what was wanted of them. */

/**
 * @typedef {object} Row
 * @property {string} key
 * @property {string} text
 * @property {string} unit
 * @property {'more' | 'less'} better
 * @property {{ disk?: Wanted, memory?: Wanted }} [wanted]
 */
/** @typedef {{ value: number } | { times: number }} Wanted a figure, or so many times BullMQ's */
/** @typedef {Record<string, Record<string, number>>} Medians by side, then by row */

/** @type {Row[]} */
const ROWS = [
  { key: 'awaited', text: 'sends, each awaited', unit: '/s', better: 'more', wanted: { disk: { times: 3 } } },
  { key: 'concurrent', text: 'sends, 100 at a time', unit: '/s', better: 'more', wanted: { disk: { value: 150_000 }, memory: { value: 500_000 } } },
  { key: 'batches', text: 'sends, in batches of 1,000', unit: '/s', better: 'more', wanted: { disk: { value: 400_000 }, memory: { value: 500_000 } } },
  { key: 'one', text: 'processed at concurrency 1', unit: '/s', better: 'more' },
  { key: 'fifty', text: 'processed at concurrency 50', unit: '/s', better: 'more', wanted: { disk: { value: 100_000 } } },
  { key: 'idleP50', text: 'idle: send to handler, p50', unit: 'ms', better: 'less', wanted: { disk: { value: 0.35 }, memory: { value: 0.05 } } },
  { key: 'idleP99', text: 'idle: send to handler, p99', unit: 'ms', better: 'less', wanted: { disk: { value: 1.5 } } },
  { key: 'memory', text: 'memory of a waiting message', unit: 'B', better: 'less' },
  { key: 'bytesAwaited', text: 'written for a send, awaited', unit: 'B', better: 'less' },
  { key: 'bytesInBatches', text: 'written for a send, in batches', unit: 'B', better: 'less' },
]

const SIDES = { bullmq: 'BullMQ', redis: 'in Redis', disk: 'disk store', memory: 'memory store' }

/** @param {number | undefined} value @param {string} unit */
function figure(value, unit) {
  if (value === undefined || !Number.isFinite(value)) return '-'
  const digits = value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(2)))
  return unit === '/s' ? digits : `${digits} ${unit}`
}

/**
 * @param {Row} row
 * @param {Medians} medians
 * @param {'disk' | 'memory'} side
 * @returns {{ text: string, reached: boolean } | undefined} what was wanted of it
 */
function target({ key, unit, better, wanted }, medians, side) {
  const want = wanted?.[side]
  const got = medians[side]?.[key]
  if (!want || got === undefined) return undefined
  if ('times' in want && !medians.bullmq) return undefined
  const value = 'times' in want ? want.times * medians.bullmq[key] : want.value
  const text = 'times' in want ? `${want.times} times BullMQ: ${figure(value, unit)}` : figure(value, unit)
  return { text, reached: better === 'more' ? got >= value : got <= value }
}

/** @param {Medians} medians @returns {string} for a terminal */
function printed(medians) {
  const sides = Object.keys(SIDES).filter((side) => medians[side])
  const head = ['', ...sides.map((side) => SIDES[/** @type {keyof SIDES} */ (side)])]
  const lines = [head, ...ROWS.map((row) => [row.text, ...sides.map((side) => figure(medians[side][row.key], row.unit))])]
  const table = lines.map(([first, ...cells]) => first.padEnd(34) + cells.map((cell) => cell.padStart(16)).join(''))
  return [...table, '', ...wantedLines(medians)].join('\n')
}

/** @param {Medians} medians */
function wantedLines(medians) {
  return ROWS.flatMap((row) =>
    /** @type {const} */ (['disk', 'memory']).flatMap((side) => {
      const goal = target(row, medians, side)
      if (!goal) return []
      const got = figure(medians[side][row.key], row.unit)
      return [`${goal.reached ? 'reached' : 'MISSED '}  ${SIDES[side]}, ${row.text}: wanted ${goal.text}, got ${got}`]
    }),
  )
}

/** @param {Medians} medians @returns {string} for the README */
function markdown(medians) {
  const rows = ROWS.map(({ key, text, unit }) => {
    const cells = ['bullmq', 'redis', 'disk', 'memory'].map((side) => figure(medians[side]?.[key], unit))
    return `| ${text} | ${cells.join(' | ')} |`
  })
  return ['| | BullMQ | in the same Redis | disk store | memory store |', '|---|---|---|---|---|', ...rows].join('\n')
}

module.exports = { markdown, printed }
