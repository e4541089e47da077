// @ts-check
'use strict'

/** From readings to samples, and from samples to the text format of Prometheus. */

/**
 * In the shape that `prom-client` takes, too.
 * @typedef {object} Sample
 * @property {string} [metricName] where it is not that of its family
 * @property {{ [label: string]: string | number }} labels
 * @property {number} value
 */

/** Buckets of the engine are powers of two: those up to an hour in milliseconds, or 16 s in microseconds. */
const MOST_BUCKETS = 23

/**
 * @param {import('./families').Family} family
 * @param {string} name with its prefix
 * @param {any} reading
 * @param {{ [label: string]: string }} labels
 * @returns {Sample[]}
 */
function samplesOf(family, name, reading, labels) {
  const value = family.value(reading)
  if (family.type === 'histogram') return histogramSamples(name, value, family.unit ?? 1, labels)
  const { label } = family
  if (label === undefined) return [{ labels, value: Number(value) }]
  return Object.entries(/** @type {{ [name: string]: number }} */ (value)).map(([each, count]) => ({
    labels: { ...labels, [label]: each },
    value: count,
  }))
}

/**
 * Whole units were counted, rounded down: bucket n has what is below 2^n of them.
 * @param {string} name
 * @param {any} histogram
 * @param {number} unit
 * @param {{ [label: string]: string }} labels
 * @returns {Sample[]}
 */
function histogramSamples(name, histogram, unit, labels) {
  const samples = []
  let below = 0
  for (let bucket = 0; bucket < MOST_BUCKETS; bucket++) {
    below += histogram.buckets[bucket]
    // Not 2 ** bucket * 0.001, which is 0.004096000000000001.
    const le = Number((2 ** bucket * unit).toPrecision(12))
    samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: below })
  }
  samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: histogram.count })
  samples.push({ metricName: `${name}_sum`, labels, value: Number((histogram.sum * unit).toPrecision(15)) })
  samples.push({ metricName: `${name}_count`, labels, value: histogram.count })
  return samples
}

/**
 * @param {{ name: string, help: string, type: string, values: Sample[] }[]} metrics
 * @returns {string}
 */
function exposition(metrics) {
  const lines = []
  for (const { name, help, type, values } of metrics) {
    lines.push(`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`)
    for (const { metricName = name, labels, value } of values) lines.push(`${metricName}${labelText(labels)} ${value}`)
  }
  return `${lines.join('\n')}\n`
}

/** @param {{ [label: string]: string | number }} labels */
function labelText(labels) {
  const texts = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(String(value))}"`)
  return texts.length > 0 ? `{${texts.join(',')}}` : ''
}

/** @param {string} text */
const escapeHelp = (text) => text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')

/** @param {string} text */
const escapeLabel = (text) => escapeHelp(text).replace(/"/g, '\\"')

module.exports = { exposition, samplesOf }
