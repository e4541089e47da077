// @ts-check
'use strict'

/**
 * What is read from a round of a row.
 *
 * @typedef {import('./load-generator').Report} Report
 *
 * @typedef {object} Sample one adapter in one round
 * @property {Record<string, number>} result what the server says of its calls
 * @property {import('../server/meter').Cost} cost
 * @property {Report} report what the clients received in all
 * @property {Report[]} progress the same while the calls were made; only of rows that are `watched`
 * @property {number} ms how long calls were to be made
 *
 * @typedef {object} Metric
 * @property {string} key
 * @property {string} title
 * @property {string} unit
 * @property {'less' | 'more'} better
 * @property {(sample: Sample) => number} of
 */

/**
 * @param {string} key
 * @param {string} title
 * @param {string} unit
 * @param {'less' | 'more'} better
 * @param {(sample: Sample) => number} of
 * @returns {Metric}
 */
function metric(key, title, unit, better, of) {
  return { key, title, unit, better, of }
}

/**
 * @param {string} key that the server answers with
 * @param {string} title
 * @param {string} unit
 * @param {'less' | 'more'} [better]
 */
function answered(key, title, unit, better = 'less') {
  return metric(key, title, unit, better, ({ result }) => result[key])
}

const CALL_P50 = metric('callUs', 'event loop held by a call, p50', 'µs', 'less', ({ result }) => result.callP50)
const CALL_P99 = metric('callP99Us', 'event loop held by a call, p99', 'µs', 'less', ({ result }) => result.callP99)
const LOOP = metric('loopUsPerCall', 'event loop busy per call, in all', 'µs', 'less', (sample) => {
  return ((sample.cost.loopMs ?? NaN) * 1000) / sample.result.calls
})
const CPU = metric('cpuUsPerDelivery', 'process CPU per delivery', 'µs', 'less', ({ cost, report }) => {
  return cost.cpuUs / report.messages
})
const CPU_PER_CALL = metric('cpuUsPerCall', 'process CPU per call', 'µs', 'less', ({ cost, result }) => {
  return cost.cpuUs / result.calls
})
const RATE = metric('deliveriesPerSecond', 'deliveries received', '/s', 'more', rate)
const DELAY = metric('loopDelayP99Ms', 'event-loop delay, p99', 'ms', 'less', ({ cost }) => cost.loopDelayMs.p99 ?? NaN)
const LATENCY = [
  metric('latencyP50Ms', 'latency, p50', 'ms', 'less', ({ report }) => report.latency.p50 / 1000),
  metric('latencyP99Ms', 'latency, p99', 'ms', 'less', ({ report }) => report.latency.p99 / 1000),
]
const JOIN_AND_LEAVE = [answered('joinUs', 'join', 'µs'), answered('leaveUs', 'leave', 'µs')]

/** By the kind of row. */
const METRICS = {
  idle: [CALL_P50, LOOP, CPU_PER_CALL],
  paced: [CALL_P50, CALL_P99, LOOP, DELAY, CPU, ...LATENCY],
  volatile: [
    CALL_P50,
    CALL_P99,
    LOOP,
    DELAY,
    CPU,
    ...LATENCY,
    metric('deliveredPercent', 'delivered', '%', 'more', ({ result, report }) => {
      return (100 * report.messages) / result.deliveries
    }),
  ],
  slow: [
    CALL_P50,
    LOOP,
    CPU,
    ...LATENCY,
    metric('rssMiB', 'growth of the process (rss)', 'MiB', 'less', ({ result }) => result.rssGrowth / 2 ** 20),
  ],
  flood: [RATE, CPU, CALL_P50],
  emits: [CALL_P50, LOOP, CPU, ...LATENCY],
  joins: [
    ...JOIN_AND_LEAVE,
    answered('rssBytes', 'memory per membership (rss)', 'B'),
    answered('heapBytes', 'of it, JavaScript heap', 'B'),
  ],
  manyRooms: [...JOIN_AND_LEAVE, answered('exitUs', 'leave, all at once, per room', 'µs')],
  idleMemory: [
    answered('rssBytes', 'memory per connection (rss)', 'B'),
    answered('heapBytes', 'of it, JavaScript heap', 'B'),
  ],
  storm: [
    answered('connectMs', 'until all are connected', 'ms'),
    answered('connectCpuMs', 'server CPU of it', 'ms'),
    answered('disconnectMs', 'until all are gone', 'ms'),
    answered('disconnectCpuMs', 'server CPU of it', 'ms'),
  ],
}

/**
 * What the clients received each second while the flood was on: from when its first fifth has passed, which fills the
 * buffers, until it ends. What still arrives afterwards does not count.
 * @param {Sample} sample
 * @returns {number}
 */
function rate({ progress, ms }) {
  const during = progress.filter((report) => report.ms >= ms / 5 && report.ms <= ms)
  const [first, last] = [during[0], during[during.length - 1]]
  if (first === undefined || first === last) return NaN
  return ((last.messages - first.messages) / (last.ms - first.ms)) * 1000
}

module.exports = { METRICS }
