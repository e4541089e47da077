// @ts-check
'use strict'

/**
 * The stock adapter and the native one, side by side in one run; `npm run bench` makes everything ready and comes here.
 * docs/design/bench.md says what the rows measure.
 */

const fs = require('node:fs')
const path = require('node:path')
const { USAGE, UsageError, readArguments } = require('./lib/arguments')
const { commit, loadAverage, machine, packages } = require('./lib/machine')
const { PROCEDURES } = require('./lib/procedures')
const { ROWS } = require('./lib/rows')
const { Side } = require('./lib/side')
const { median } = require('./lib/statistics')
const { formatRow } = require('./lib/table')

/**
 * @typedef {import('./lib/arguments').Settings} Settings
 * @typedef {import('./lib/rows').Row} Row
 * @typedef {import('./lib/rows').Setup} Setup
 * @typedef {import('./lib/metrics').Sample} Sample
 */

/** What runs now, to be ended with us. @type {Set<Side>} */
const open = new Set()
/** @type {Set<string>} */
const warnings = new Set()

/**
 * @param {string} adapter
 * @param {Setup} setup
 * @param {Settings} settings
 */
function newSide(adapter, setup, settings) {
  const side = new Side(adapter, { ...setup, clients: clientsOf(setup, settings) })
  open.add(side)
  return side
}

/** @param {Side} side */
async function closeSide(side) {
  for (const warning of side.warnings) warnings.add(warning)
  await side.close()
  open.delete(side)
}

/**
 * @param {Setup} setup
 * @param {Settings} settings
 */
function clientsOf({ clients }, settings) {
  return typeof clients === 'number' ? clients : settings[clients]
}

/**
 * @param {Row} row
 * @param {Settings} settings
 * @param {Map<string, Side>} sides those that are open; a row that is `fresh` opens its own
 * @returns {Promise<Map<string, Sample[]>>}
 */
async function runRounds(row, settings, sides) {
  const { payload, memberships, adapters } = settings
  const options = { ms: settings.seconds * 1000, payload, memberships }
  /** @type {Map<string, Sample[]>} */
  const samples = new Map(adapters.map((adapter) => [adapter, []]))
  for (let round = 0; round < settings.rounds; round += 1) {
    // In turn, and each first as often as last: what changes on the machine meanwhile hits all of them.
    const order = round % 2 === 0 ? adapters : [...adapters].reverse()
    for (const adapter of order) {
      const side = sides.get(adapter) ?? newSide(adapter, row.setup, settings)
      samples.get(adapter)?.push(await PROCEDURES[row.procedure](side, row, options))
      if (row.fresh) await closeSide(side)
    }
  }
  return samples
}

/**
 * @param {Row} row
 * @param {Settings} settings
 * @param {Map<string, Sample[]>} samples
 */
function evaluate(row, settings, samples) {
  const [baseline, ...others] = settings.adapters
  /** @type {(sample: Sample) => Record<string, number>} */
  const read = (sample) => Object.fromEntries(row.metrics.map(({ key, of }) => [key, round(of(sample))]))
  const rounds = Object.fromEntries([...samples].map(([adapter, taken]) => [adapter, taken.map(read)]))
  /** @type {(adapter: string, key: string) => number} */
  const medianOf = (adapter, key) => median(rounds[adapter].map((values) => values[key]))
  /** @type {(adapters: string[], of: (adapter: string, key: string) => number) => Record<string, Record<string, number>>} */
  const table = (adapters, of) =>
    Object.fromEntries(
      adapters.map((adapter) => [adapter, Object.fromEntries(row.metrics.map(({ key }) => [key, of(adapter, key)]))]),
    )
  return {
    id: row.id,
    title: row.title,
    clients: clientsOf(row.setup, settings),
    medians: table(settings.adapters, (adapter, key) => round(medianOf(adapter, key))),
    ratios: table(others, (adapter, key) => round(medianOf(adapter, key) / medianOf(baseline, key))),
    rounds,
    details: Object.fromEntries([...samples].map(([adapter, taken]) => [adapter, taken.map(detail)])),
  }
}

/** What a sample says beside its metrics. @param {Sample} sample */
function detail({ result, cost, report }) {
  const { messages, bytes, cpuMs } = report
  return { ...result, ...cost, messages, bytes, loadGeneratorCpuMs: round(cpuMs) }
}

/** @param {number} value */
function round(value) {
  return Number(value.toPrecision(5))
}

/**
 * @param {Settings} settings
 * @returns {Promise<import('./lib/table').Outcome[]>}
 */
async function runRows(settings) {
  const outcomes = []
  const rows = ROWS.filter(({ id }) => settings.rows.includes(id))
  // Those that need fresh servers come last, when the shared ones are gone: two processors are few.
  for (const group of [...groupsOf(rows.filter(({ fresh }) => !fresh)), ...rows.filter(({ fresh }) => fresh).map((row) => [row])]) {
    /** @type {Map<string, Side>} */
    const sides = new Map()
    const [{ setup, fresh }] = group
    for (const adapter of fresh ? [] : settings.adapters) {
      const side = newSide(adapter, setup, settings)
      await side.open()
      sides.set(adapter, side)
    }
    for (const row of group) {
      const outcome = evaluate(row, settings, await runRounds(row, settings, sides))
      console.log(formatRow(outcome, row.metrics, settings.adapters))
      outcomes.push(outcome)
    }
    for (const side of sides.values()) await closeSide(side)
  }
  return outcomes
}

/**
 * @param {Row[]} rows
 * @returns {Row[][]} those with the same setup together
 */
function groupsOf(rows) {
  /** @type {Map<string, Row[]>} */
  const groups = new Map()
  for (const row of rows) {
    const key = JSON.stringify(row.setup)
    groups.set(key, [...(groups.get(key) ?? []), row])
  }
  return [...groups.values()]
}

/** @param {Settings} settings */
async function main(settings) {
  const begun = Date.now()
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ')
  const head = { date: new Date().toISOString(), command, commit: commit(), machine: machine(), packages: packages() }
  console.log(`${head.machine.cpu}, ${head.machine.cores} cores, ${head.machine.kernel}, Node.js ${head.machine.node}`)
  console.log(`${settings.payload}-byte payload, ${settings.rounds} rounds of ${settings.seconds} s, medians\n`)
  const rows = await runRows(settings)
  for (const warning of warnings) console.log(`warning: ${warning}`)
  const file = path.join(__dirname, 'results', `${settings.name}.json`)
  const seconds = (Date.now() - begun) / 1000
  const result = { ...head, seconds, loadAverageAfter: loadAverage(), settings, warnings: [...warnings], rows }
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)
  console.log(`${path.relative(process.cwd(), file)} (${Math.round(seconds)} s)`)
}

let failed = false

/**
 * Says why once, and leaves no process behind.
 * @param {unknown} why
 */
async function fail(why) {
  if (failed) return
  failed = true
  console.error(why instanceof UsageError ? why.message : why)
  await Promise.allSettled([...open].map((side) => side.close()))
  process.exit(1)
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'disconnect'])) {
  process.on(signal, () => fail(`ended by ${signal}`))
}

try {
  const settings = readArguments(process.argv.slice(2))
  if (settings) main(settings).then(() => process.exit(), fail)
  else process.stdout.write(USAGE, () => process.exit())
} catch (error) {
  fail(error)
}
