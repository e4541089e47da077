// @ts-check
'use strict'

const { median } = require('./statistics')

/**
 * From samples to what is printed and kept.
 *
 * @typedef {import('./metrics').Sample} Sample
 * @typedef {import('./rows').Row} Row
 *
 * @typedef {object} Outcome a row with the medians of its rounds
 * @property {string} id
 * @property {string} title
 * @property {number} clients
 * @property {Record<string, Record<string, number>>} medians by adapter and metric; the others are compared with the first
 * @property {Record<string, Record<string, number>>} ratios of the medians to those of the first adapter
 * @property {Record<string, Record<string, number>[]>} rounds by adapter
 * @property {Record<string, object[]>} details by adapter: what a sample says beside its metrics
 * @property {Record<string, string>} failures by adapter: why it is not compared in this row
 */

/**
 * @param {Row} row
 * @param {number} clients
 * @param {{ samples: Map<string, Sample[]>, failures: Record<string, string> }} taken
 * @returns {Outcome}
 */
function evaluate(row, clients, { samples, failures }) {
  const adapters = [...samples.keys()]
  const [baseline, ...others] = adapters
  /** @type {(sample: Sample) => Record<string, number>} */
  const read = (sample) => Object.fromEntries(row.metrics.map(({ key, of }) => [key, round(of(sample))]))
  const rounds = Object.fromEntries([...samples].map(([adapter, taken]) => [adapter, taken.map(read)]))
  /** @type {(adapter: string, key: string) => number} */
  const medianOf = (adapter, key) => median(rounds[adapter].map((values) => values[key]))
  /** @type {(names: string[], of: (adapter: string, key: string) => number) => Outcome['medians']} */
  const table = (names, of) =>
    Object.fromEntries(
      names.map((adapter) => [adapter, Object.fromEntries(row.metrics.map(({ key }) => [key, of(adapter, key)]))]),
    )
  return {
    id: row.id,
    title: row.title,
    clients,
    medians: table(adapters, (adapter, key) => round(medianOf(adapter, key))),
    ratios: table(others, (adapter, key) => round(medianOf(adapter, key) / medianOf(baseline, key))),
    failures,
    rounds,
    details: Object.fromEntries([...samples].map(([adapter, taken]) => [adapter, taken.map(detail)])),
  }
}

/** @param {Sample} sample */
function detail({ result, cost, report }) {
  const { messages, bytes, cpuMs } = report
  return { ...result, ...cost, messages, bytes, loadGeneratorCpuMs: round(cpuMs) }
}

/** @param {number} value */
function round(value) {
  return Number(value.toPrecision(5))
}

module.exports = { evaluate }
