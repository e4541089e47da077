// @ts-check
'use strict'

/**
 * The rows of the benchmark: what is asked of the servers, and what is read from the answers.
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
 *
 * @typedef {object} Row
 * @property {string} id
 * @property {string} title
 * @property {'clients' | 'few'} clients which setting says how many
 * @property {string} measure a name of bench/server/measures.js
 * @property {object} [options] for it
 * @property {'all' | 'one' | 'none'} reach how many clients one call reaches
 * @property {boolean} [watched] whether the clients are asked for progress, and the server told of it
 * @property {boolean} [fresh] whether each round has a server of its own, because memory is measured
 * @property {Metric[]} metrics
 */

/** @type {Metric} */
const CALL_P50 = metric('callUs', 'event loop held by a call, p50', 'µs', 'less', ({ result }) => result.callP50)
/** @type {Metric} */
const CALL_P99 = metric('callP99Us', 'event loop held by a call, p99', 'µs', 'less', ({ result }) => result.callP99)
/** @type {Metric} */
const LOOP = metric('loopUsPerCall', 'event loop busy per call, in all', 'µs', 'less', (sample) => {
  return (sample.cost.loopMs * 1000) / sample.result.calls
})
/** @type {Metric} */
const CPU = metric('cpuUsPerDelivery', 'process CPU per delivery', 'µs', 'less', ({ cost, report }) => {
  return cost.cpuUs / report.messages
})
/** @type {Metric} */
const RATE = metric('deliveriesPerSecond', 'deliveries received', '/s', 'more', rate)

const LATENCY = [
  metric('latencyP50Ms', 'latency, p50', 'ms', 'less', ({ report }) => report.latency.p50 / 1000),
  metric('latencyP99Ms', 'latency, p99', 'ms', 'less', ({ report }) => report.latency.p99 / 1000),
]
const PACED = [
  CALL_P50,
  CALL_P99,
  LOOP,
  metric('loopDelayP99Ms', 'event-loop delay, p99', 'ms', 'less', ({ cost }) => cost.loopDelayMs.p99),
  CPU,
  ...LATENCY,
]
const IDLE = [
  LOOP,
  metric('cpuUsPerCall', 'process CPU per call', 'µs', 'less', ({ cost, result }) => cost.cpuUs / result.calls),
]
const FLOOD = [RATE, CPU, CALL_P50]
const EMITS = [CALL_P50, LOOP, CPU, ...LATENCY]
const JOINS = [
  metric('joinUs', 'join', 'µs', 'less', ({ result }) => result.joinUs),
  metric('leaveUs', 'leave', 'µs', 'less', ({ result }) => result.leaveUs),
  metric('rssBytes', 'memory per membership (rss)', 'B', 'less', ({ result }) => result.rssBytes),
  metric('heapBytes', 'of it, JavaScript heap', 'B', 'less', ({ result }) => result.heapBytes),
]

/** @type {(suffix: string, clients: 'clients' | 'few', to: string) => Row[]} */
const broadcasts = (suffix, clients, to) => [
  {
    id: `paced${suffix}`,
    title: `io.emit to ${to}, one each 25 ms`,
    clients,
    measure: 'paced',
    reach: 'all',
    metrics: PACED,
  },
  {
    id: `flood1${suffix}`,
    title: `io.emit to ${to}, one per tick`,
    clients,
    measure: 'flood',
    options: { perTick: 1 },
    reach: 'all',
    watched: true,
    metrics: FLOOD,
  },
  {
    id: `flood10${suffix}`,
    title: `io.emit to ${to}, ten per tick`,
    clients,
    measure: 'flood',
    options: { perTick: 10 },
    reach: 'all',
    watched: true,
    metrics: FLOOD,
  },
]

/** @type {Row[]} */
const ROWS = [
  {
    id: 'idle',
    title: 'nothing each 25 ms: the floor of the paced rows',
    clients: 'clients',
    measure: 'idle',
    reach: 'none',
    metrics: IDLE,
  },
  ...broadcasts('', 'clients', 'many'),
  {
    id: 'direct',
    title: 'socket.emit, 100 each 5 ms',
    clients: 'clients',
    measure: 'direct',
    reach: 'one',
    metrics: EMITS,
  },
  {
    id: 'own-room',
    title: 'io.to(socket.id).emit, 100 each 5 ms',
    clients: 'clients',
    measure: 'toOwnRoom',
    reach: 'one',
    metrics: EMITS,
  },
  {
    id: 'join-shared',
    title: 'join and leave, everybody in the same rooms',
    clients: 'clients',
    measure: 'joins',
    options: { rooms: 'shared' },
    reach: 'none',
    fresh: true,
    metrics: JOINS,
  },
  {
    id: 'join-pairs',
    title: 'join and leave, rooms of two',
    clients: 'clients',
    measure: 'joins',
    options: { rooms: 'pairs' },
    reach: 'none',
    fresh: true,
    metrics: JOINS,
  },
  ...broadcasts('-few', 'few', 'few'),
]

/** @returns {Metric} */
function metric(
  /** @type {string} */ key,
  /** @type {string} */ title,
  /** @type {string} */ unit,
  /** @type {'less' | 'more'} */ better,
  /** @type {(sample: Sample) => number} */ of,
) {
  return { key, title, unit, better, of }
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

module.exports = { ROWS }
