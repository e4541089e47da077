// @ts-check
'use strict'

/**
 * The stock adapter and the native one, side by side in one run; `npm run bench` makes everything ready and comes here.
 * docs/design/bench.md says what the rows measure.
 */

const fs = require('node:fs')
const path = require('node:path')
const { reasonsAgainst } = require('./lib/adapters')
const { USAGE, UsageError, readArguments } = require('./lib/arguments')
const { evaluate } = require('./lib/evaluate')
const { commit, loadAverage, machine, packages } = require('./lib/machine')
const { installPeers } = require('./lib/peers')
const { canPin } = require('./lib/processors')
const { ROWS } = require('./lib/rows')
const { Sides, clientsOf } = require('./lib/sides')
const { formatRow } = require('./lib/table')
const { formatTargets } = require('./lib/targets')

/**
 * @typedef {import('./lib/arguments').Settings} Settings
 * @typedef {import('./lib/rows').Row} Row
 */

/** What runs now, to be ended with us. @type {Sides | undefined} */
let sides

/**
 * @param {Row[]} rows
 * @param {Settings} settings
 * @returns {Promise<import('./lib/evaluate').Outcome[]>}
 */
async function runRows(rows, settings) {
  sides = new Sides(settings)
  const outcomes = []
  for (const group of groupsOf(rows)) {
    for (const row of group) {
      const outcome = evaluate(row, clientsOf(row.setup, settings), await sides.measure(row))
      console.log(formatRow(outcome, row.metrics))
      outcomes.push(outcome)
    }
    await sides.close()
  }
  return outcomes
}

/**
 * @param {Row[]} rows
 * @returns {Row[][]} those that share their servers together; those that need fresh ones come last, alone
 */
function groupsOf(rows) {
  /** @type {Map<string, Row[]>} */
  const groups = new Map()
  for (const row of rows.filter(({ fresh }) => !fresh)) {
    const key = JSON.stringify(row.setup)
    groups.set(key, [...(groups.get(key) ?? []), row])
  }
  return [...groups.values(), ...rows.filter(({ fresh }) => fresh).map((row) => [row])]
}

/**
 * @param {Settings} settings
 * @returns {{ rows: Row[], adapters: string[], unavailable: Record<string, string> }} what can be measured here
 */
function availableOf(settings) {
  const unavailable = reasonsAgainst(settings.adapters)
  const adapters = settings.adapters.filter((name) => unavailable[name] === undefined)
  if (adapters.length === 0) throw new UsageError(`--adapters: none is available (${Object.values(unavailable).join('; ')})`)
  const asked = ROWS.filter(({ id }) => settings.rows.includes(id))
  const rows = canPin ? asked : asked.filter(({ setup }) => !setup.oneCore)
  if (rows.length < asked.length) unavailable['rows on one core'] = 'it takes taskset and two processors'
  return { rows, adapters, unavailable }
}

/** @param {Settings} settings */
async function main(settings) {
  const begun = Date.now()
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ')
  const head = { date: new Date().toISOString(), command, commit: commit(), machine: machine(), packages: packages() }
  const { rows, adapters, unavailable } = availableOf(settings)
  console.log(`${head.machine.cpu}, ${head.machine.cores} cores, ${head.machine.kernel}, Node.js ${head.machine.node}`)
  console.log(`${settings.payload}-byte payload, ${settings.rounds} rounds of ${settings.seconds} s, medians`)
  for (const [name, reason] of Object.entries(unavailable)) console.log(`not available: ${name} (${reason})`)
  console.log()
  const outcomes = await runRows(rows, { ...settings, adapters })
  const warnings = [...(sides?.warnings ?? [])]
  for (const warning of warnings) console.log(`warning: ${warning}`)
  console.log(formatTargets(outcomes))
  const seconds = (Date.now() - begun) / 1000
  const result = { ...head, seconds, loadAverageAfter: loadAverage(), settings, unavailable, warnings, rows: outcomes }
  const file = path.join(__dirname, 'results', `${settings.name}.json`)
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
  await sides?.close().catch(() => {})
  process.exit(1)
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'disconnect'])) {
  process.on(signal, () => fail(`ended by ${signal}`))
}

try {
  const asked = readArguments(process.argv.slice(2))
  if (asked === 'help') {
    process.stdout.write(USAGE, () => process.exit())
  } else if (asked === 'install-peers') {
    installPeers()
    for (const peer of ['uws', 'bun']) console.log(`${peer}: ${reasonsAgainst([peer])[peer] ?? 'available'}`)
    process.exit()
  } else {
    main(asked).then(() => process.exit(), fail)
  }
} catch (error) {
  fail(error)
}
