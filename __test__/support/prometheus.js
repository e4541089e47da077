'use strict'

/**
 * A strict reader of the text format of Prometheus 0.0.4: whatever the format does not allow is an error. What it knows beyond the grammar:
 * one family after the other with HELP and TYPE first, no series twice, counters named `_total`, and histograms whose buckets add up.
 */

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y

/** @returns {Map<string, { type: string, help: string, samples: { name: string, labels: object, value: number }[] }>} */
function parsePrometheus(text) {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const families = new Map()
  const series = new Set()
  let family
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue
    if (line.startsWith('#')) family = comment(line, family, families)
    else sample(line, family, series)
  }
  for (const [name, each] of families) checkFamily(name, each)
  return families
}

function comment(line, family, families) {
  const [, keyword, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? fail(line)
  if (!NAME.test(name)) fail(line)
  if (keyword === 'HELP') {
    if (families.has(name)) throw new Error(`${name} comes twice`)
    if (!/^(?:[^\\]|\\[\\n])*$/.test(rest)) fail(line)
    const made = { name, help: rest, type: undefined, samples: [] }
    families.set(name, made)
    return made
  }
  if (family?.name !== name || family.type !== undefined || family.samples.length > 0) fail(line)
  if (!['counter', 'gauge', 'histogram', 'summary', 'untyped'].includes(rest)) fail(line)
  family.type = rest
  return family
}

function sample(line, family, series) {
  const [, name, labelText, valueText] = SAMPLE.exec(line) ?? fail(line)
  const allowed = family?.type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => family.name + end) : [family?.name]
  if (!allowed.includes(name)) throw new Error(`${name} is not of the family before it`)
  const labels = parseLabels(labelText ?? '', line)
  const value = Number(valueText.replace(/^([+-]?)Inf$/, '$1Infinity'))
  if (Number.isNaN(value) && valueText !== 'NaN') fail(line)
  const key = JSON.stringify([name, Object.entries(labels).sort()])
  if (series.has(key)) throw new Error(`a series comes twice: ${line}`)
  series.add(key)
  family.samples.push({ name, labels, value })
}

function parseLabels(text, line) {
  const labels = {}
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < text.length) {
    const [, name, value] = LABEL.exec(text) ?? fail(line)
    if (Object.hasOwn(labels, name)) fail(line)
    labels[name] = value.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped))
  }
  return labels
}

function checkFamily(name, { type, samples }) {
  if (type === undefined) throw new Error(`${name} has no type`)
  if ((type === 'counter') !== name.endsWith('_total')) throw new Error(`${name} is a ${type}`)
  if (type === 'counter' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} is below 0`)
  if (type === 'histogram') checkHistogram(name, samples)
}

function checkHistogram(name, samples) {
  for (const each of groups(samples).values()) {
    const buckets = each.filter((sample) => sample.name === `${name}_bucket`)
    const bounds = buckets.map(({ labels }) => Number(labels.le.replace('+Inf', 'Infinity')))
    const counts = buckets.map(({ value }) => value)
    const [count] = each.filter((sample) => sample.name === `${name}_count`)
    const [sum] = each.filter((sample) => sample.name === `${name}_sum`)
    const rising = (all, atLeast) => all.every((value, at) => at === 0 || (atLeast ? value >= all[at - 1] : value > all[at - 1]))
    if (!rising(bounds, false) || bounds.at(-1) !== Infinity) throw new Error(`${name}: buckets are not in order`)
    if (!rising(counts, true) || counts.at(-1) !== count.value || !(sum.value >= 0)) throw new Error(`${name} does not add up`)
  }
}

function groups(samples) {
  const found = new Map()
  for (const sample of samples) {
    const { le, ...labels } = sample.labels
    const key = JSON.stringify(labels)
    found.set(key, [...(found.get(key) ?? []), sample])
  }
  return found
}

function fail(line) {
  throw new Error(`not the text format of Prometheus: ${line}`)
}

module.exports = { parsePrometheus }
