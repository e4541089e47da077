// @ts-check
'use strict'

const { ROWS } = require('./rows')

/**
 * What the native adapter is meant to reach beside the stock one, on a machine with two cores. The benchmark says what it
 * got; it is not passed or failed by it.
 *
 * @typedef {import('./evaluate').Outcome} Outcome
 * @typedef {(key: string) => number} Read of `row.metric`: the ratio of native to stock; NaN when it was not measured
 *
 * @typedef {object} Target
 * @property {string} title
 * @property {string} wanted for a reader
 * @property {(ratio: Read, native: Read) => number} got `native` reads its figure instead of the ratio
 * @property {number} limit
 * @property {'most' | 'least'} is the limit
 * @property {(value: number) => string} show
 */

/** @type {(ratio: number) => string} */
const fraction = (ratio) => `1/${digits(1 / ratio)}`
/** @type {(ratio: number) => string} */
const times = (ratio) => `${digits(ratio)}x`

/** @type {(title: string, key: string, limit: number, show?: (value: number) => string) => Target} */
const atMost = (title, key, limit, show = times) => {
  return { title, wanted: `at most ${show(limit)}`, got: (ratio) => ratio(key), limit, is: 'most', show }
}
/** @type {(title: string, key: string, limit: number) => Target} */
const atLeast = (title, key, limit) => {
  return { title, wanted: `at least ${times(limit)}`, got: (ratio) => ratio(key), limit, is: 'least', show: times }
}
/** @type {(title: string, key: string) => Target} noise of measuring is not a loss */
const notMore = (title, key) => ({ ...atMost(title, key, 1.05), wanted: 'not more than 1x' })

/** @type {{ line: number, targets: Target[] }[]} */
const TARGETS = [
  {
    line: 1,
    targets: [
      atMost('call, paced, 1,000 clients', 'paced.callUs', 1 / 200, fraction),
      atMost('call, paced, 5,000 clients', 'paced-many.callUs', 1 / 1000, fraction),
      atMost('call, flood, 1,000 clients', 'flood1.callUs', 1 / 200, fraction),
      atMost('call, flood, 5,000 clients', 'flood1-many.callUs', 1 / 1000, fraction),
      {
        ...atMost('paced call, 5,000 clients beside 10', '', 1.25),
        wanted: 'the same',
        got: (_, native) => native('paced-many.callUs') / native('paced-few.callUs'),
      },
    ],
  },
  {
    line: 2,
    targets: [
      atLeast('deliveries, one a tick', 'flood1.deliveriesPerSecond', 40),
      atLeast('deliveries, ten a tick', 'flood10.deliveriesPerSecond', 40),
    ],
  },
  {
    line: 3,
    targets: [
      atMost('paced: CPU per delivery', 'paced.cpuUsPerDelivery', 0.45),
      atMost('paced: latency p50', 'paced.latencyP50Ms', 0.75),
      atMost('paced: latency p99', 'paced.latencyP99Ms', 0.75),
    ],
  },
  {
    line: 4,
    targets: [
      atMost('socket.emit: event loop', 'direct.loopUsPerCall', 0.4),
      atMost('io.to(socket.id).emit: event loop', 'own-room.loopUsPerCall', 0.35),
    ],
  },
  {
    line: 5,
    targets: [
      notMore('memory per idle connection', 'memory-idle.rssBytes'),
      atMost('memory of a million memberships', 'million.rssBytes', 0.5),
      notMore('a join of them', 'million.joinUs'),
      notMore('a leave of them', 'million.leaveUs'),
      notMore('join, everybody in the same rooms', 'join-shared.joinUs'),
      notMore('leave, everybody in the same rooms', 'join-shared.leaveUs'),
      notMore('join, rooms of two', 'join-pairs.joinUs'),
      notMore('leave, rooms of two', 'join-pairs.leaveUs'),
      notMore('5,000 clients connect', 'storm.connectMs'),
      notMore('5,000 clients disconnect', 'storm.disconnectMs'),
    ],
  },
  { line: 6, targets: [atMost('compressed: CPU per delivery', 'paced-deflate.cpuUsPerDelivery', 1 / 20, fraction)] },
]

/** Rows in which no figure is to be worse than stock's (line 4), and what counts as worse. */
const FEW = /-few$|^rooms-10000$/
const NOISE = 1.1

/**
 * @typedef {object} Judgement
 * @property {number} line of "Done when" in the issue that set the targets
 * @property {string} title
 * @property {string} wanted
 * @property {string} got
 * @property {boolean} reached
 */

/**
 * @param {Outcome[]} outcomes
 * @returns {Judgement[]} of what was measured
 */
function judge(outcomes) {
  const ratio = reader(outcomes, ({ ratios }) => ratios.native)
  const native = reader(outcomes, ({ medians }) => medians.native)
  const judged = TARGETS.flatMap(({ line, targets }) =>
    targets.map(({ title, wanted, got, limit, is, show }) => {
      const value = got(ratio, native)
      return { line, title, wanted, got: show(value), reached: is === 'most' ? value <= limit : value >= limit, value }
    }),
  )
  const few = outcomes.filter(({ id, ratios }) => FEW.test(id) && ratios.native).map(judgeFew)
  return [...judged.filter(({ value }) => !Number.isNaN(value)), ...few].sort((a, b) => a.line - b.line)
}

/**
 * @param {Outcome} outcome
 * @returns {Judgement} by the metric that compares worst
 */
function judgeFew({ id, ratios }) {
  const metrics = ROWS.find((row) => row.id === id)?.metrics ?? []
  const losses = metrics.map(({ key, title, better }) => {
    const ratio = ratios.native[key]
    return { title, loss: better === 'less' ? ratio : 1 / ratio }
  })
  const worst = losses.reduce((most, one) => (one.loss > most.loss ? one : most))
  const wanted = 'nothing worse'
  return { line: 4, title: `${id}: ${worst.title}`, wanted, got: times(worst.loss), reached: worst.loss <= NOISE }
}

/**
 * @param {Outcome[]} outcomes
 * @returns {string} a line for each target
 */
function formatTargets(outcomes) {
  const lines = judge(outcomes).map(({ line, title, wanted, got, reached }) => {
    return `  ${line}. ${title.padEnd(54)}${wanted.padEnd(18)}${got.padStart(10)}${reached ? '' : ' !'}`
  })
  return lines.length === 0 ? '' : ['Targets, native / stock:', ...lines, ''].join('\n')
}

/**
 * @param {Outcome[]} outcomes
 * @param {(outcome: Outcome) => Record<string, number> | undefined} of
 * @returns {Read}
 */
function reader(outcomes, of) {
  return (key) => {
    const [id, metric] = key.split('.')
    const outcome = outcomes.find((one) => one.id === id)
    return (outcome && of(outcome)?.[metric]) ?? NaN
  }
}

/** @param {number} value */
function digits(value) {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(2)))
}

module.exports = { formatTargets, judge }
