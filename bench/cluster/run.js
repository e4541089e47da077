// @ts-check
'use strict'

/**
 * `npm run bench:cluster`: two servers in a cluster with this adapter, beside two with the JavaScript adapter of the same mode, on the
 * same Redis, which is private. See USAGE.
 */

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { spawnSync } = require('node:child_process')
const { parseArgs } = require('node:util')
const { commit, loadAverage, machine, packages } = require('../lib/machine')
const { median } = require('../lib/statistics')
const { MEASURES } = require('./measures')
const { BenchRedis } = require('./redis')
const { printed } = require('./report')
const { ClusterSide } = require('./side')

const MODES = ['pubsub', 'sharded', 'streams']
const SIDES = /** @type {const} */ (['js', 'native'])
const USAGE = `npm run bench:cluster -- [options]

  --modes A,B      of ${MODES.join(', ')} (all)
  --sides A,B      of ${SIDES.join(', ')} (both)
  --rows A,B       of ${Object.keys(MEASURES).join(', ')} (all)
  --rounds N       rounds, the sides in turn; medians are printed (1)
  --seconds S      how long each row takes (2)
  --clients N      of the receiving server (1000)
  --outage MS      how long Redis is away (3000)
  --name NAME      writes bench/results/NAME.json (local-cluster)
  --cpu-prof DIR   profiles of the servers' event loops
`

const TEXT = /** @type {const} */ ({ type: 'string' })
const NAMES = ['modes', 'sides', 'rows', 'rounds', 'seconds', 'clients', 'outage', 'name', 'cpu-prof']
const OPTIONS = { ...Object.fromEntries(NAMES.map((name) => [name, TEXT])), help: /** @type {const} */ ({ type: 'boolean' }) }

/** @param {string} name @param {string | undefined} given @param {readonly string[]} known */
function listed(name, given, known) {
  const list = given?.split(',') ?? [...known]
  const unknown = list.find((one) => !known.includes(one))
  if (unknown !== undefined) throw new Error(`--${name}: expected one of ${known.join(', ')}, got ${unknown}`)
  return list
}

/**
 * @param {ClusterSide} side
 * @param {string[]} rows
 * @param {import('./measures').Settings} settings
 */
async function measure(side, rows, settings) {
  /** @type {Record<string, number>} */
  const figures = {}
  await side.open(settings.clients)
  try {
    for (const row of rows) {
      process.stdout.write(`${side.name}: ${row}\n`)
      Object.assign(figures, await MEASURES[row](side, settings))
    }
  } finally {
    await side.close()
  }
  return figures
}

/** @param {Record<string, number>[]} rounds */
function medians(rounds) {
  const rounded = (/** @type {number} */ value) => Number(value.toPrecision(5))
  return Object.fromEntries(Object.keys(rounds[0]).map((key) => [key, rounded(median(rounds.map((round) => round[key])))]))
}

async function main() {
  /** @type {Record<string, any>} */
  const values = parseArgs({ options: OPTIONS }).values
  if (values.help) return console.log(USAGE)
  if (spawnSync('redis-server', ['--version']).status !== 0) throw new Error('expected redis-server on the PATH: apt-get install redis-server')
  const modes = listed('modes', values.modes, MODES)
  const sides = listed('sides', values.sides, SIDES)
  const rows = listed('rows', values.rows, Object.keys(MEASURES))
  const settings = { seconds: Number(values.seconds ?? 2), clients: Number(values.clients ?? 1000), outageMs: Number(values.outage ?? 3000) }
  const rounds = Number(values.rounds ?? 1)
  /** @type {Record<string, Record<string, number>[]>} */
  const found = {}
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-cluster-'))
  const redis = new BenchRedis(folder)
  try {
    await redis.start()
    for (let round = 1; round <= rounds; round++) {
      for (const mode of modes) {
        for (const side of sides) {
          const servers = new ClusterSide(/** @type {any} */ (side), mode, redis, values['cpu-prof'])
          const list = (found[servers.name] ??= [])
          list.push(await measure(servers, rows, settings))
        }
      }
    }
  } finally {
    await redis.stop()
    fs.rmSync(folder, { recursive: true, force: true })
  }
  const result = Object.fromEntries(Object.entries(found).map(([side, list]) => [side, medians(list)]))
  console.log(`\n${printed(result, modes)}`)
  const given = NAMES.filter((name) => values[name] !== undefined && name !== 'name' && name !== 'cpu-prof')
  const command = ['npm run bench:cluster --', ...given.map((name) => `--${name} ${values[name]}`)].join(' ')
  const versions = { ...packages(), ...Object.fromEntries(['redis-adapter', 'redis-streams-adapter'].map(versionOf)) }
  const facts = { command, commit: commit(), date: new Date().toISOString(), machine: machine(), versions, loadAfter: loadAverage() }
  const file = path.join(__dirname, '..', 'results', `${values.name ?? 'local-cluster'}.json`)
  fs.writeFileSync(file, `${JSON.stringify({ ...facts, medians: result, rounds: found }, null, 2)}\n`)
  console.log(path.relative(process.cwd(), file))
}

/** @param {string} name */
function versionOf(name) {
  const manifest = path.join(__dirname, '..', '..', 'node_modules', '@socket.io', name, 'package.json')
  return [`@socket.io/${name}`, JSON.parse(fs.readFileSync(manifest, 'utf8')).version]
}

main().catch((error) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
