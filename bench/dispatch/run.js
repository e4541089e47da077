// @ts-check
'use strict'

/**
 * `npm run bench:dispatch`: a queue dispatched to sockets, and durable emits, beside a plain loop of `emitWithAck()` on stock Socket.IO
 * that keeps nothing. See USAGE.
 */

const { fork } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { commit, loadAverage, machine } = require('../lib/machine')
const { median } = require('../lib/statistics')

const USAGE = `npm run bench:dispatch -- [options]

  --rounds N      rounds, the sides in turn; medians are printed (3)
  --jobs N        jobs of a round (30000)
  --sockets N     connected clients (100)
  --prefetch N    unanswered jobs of a socket; the loop has as many in all (2)
  --sides A,B     of loop, dispatch, dispatch-native, dispatch-memory, dispatch-native-memory, durable, durable-native (all); without -memory,
                  the queue is on the disk
  --folder DIR    where the store writes (the system's folder for temporary files)
  --name NAME     writes bench/results/NAME.json (local-dispatch)
  --cpu-prof DIR  profiles of the sides
`

const SIDES = 'loop,dispatch,dispatch-native,dispatch-memory,dispatch-native-memory,durable,durable-native'

const TEXT = /** @type {const} */ ({ type: 'string' })
const NAMES = ['rounds', 'jobs', 'sockets', 'prefetch', 'sides', 'folder', 'name', 'cpu-prof']
const OPTIONS = { ...Object.fromEntries(NAMES.map((name) => [name, TEXT])), help: /** @type {const} */ ({ type: 'boolean' }) }

/**
 * @param {object} settings
 * @param {string} parent
 * @param {string | undefined} profiles
 * @returns {Promise<Record<string, number>>}
 */
async function measure(settings, parent, profiles) {
  const folder = fs.mkdtempSync(path.join(parent, 'bench-dispatch-'))
  const execArgv = profiles ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : []
  const child = fork(path.join(__dirname, 'side.js'), [JSON.stringify({ ...settings, folder })], { execArgv })
  try {
    return await new Promise((resolve, reject) => {
      /** @type {Record<string, number> | undefined} */
      let figures
      child.on('message', (/** @type {any} */ message) => {
        figures = message.figures
        if (!profiles) child.disconnect()
      })
      child.once('exit', (status) => (figures ? resolve(figures) : reject(new Error(`ended with status ${status}`))))
    })
  } finally {
    child.kill()
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** @param {Record<string, number>[]} rounds */
function medians(rounds) {
  return Object.fromEntries(Object.keys(rounds[0]).map((key) => [key, Math.round(median(rounds.map((round) => round[key])) * 10) / 10]))
}

async function main() {
  /** @type {Record<string, any>} */
  const values = parseArgs({ options: OPTIONS }).values
  if (values.help) return console.log(USAGE)
  const number = (/** @type {string} */ name, /** @type {number} */ otherwise) => Number(values[name] ?? otherwise)
  const settings = { jobs: number('jobs', 30_000), sockets: number('sockets', 100), prefetch: number('prefetch', 2) }
  const rounds = number('rounds', 3)
  /** @type {string[]} */
  const sides = (values.sides ?? SIDES).split(',')
  /** @type {Record<string, Record<string, number>[]>} */
  const found = Object.fromEntries(sides.map((side) => [side, []]))
  for (let round = 1; round <= rounds; round++) {
    for (const side of sides) {
      found[side].push(await measure({ side, ...settings }, values.folder ?? os.tmpdir(), values['cpu-prof']))
    }
  }
  const result = Object.fromEntries(sides.map((side) => [side, medians(found[side])]))
  console.table(result)
  const command = `npm run bench:dispatch -- ${NAMES.slice(0, 4).map((name) => `--${name} ${name === 'rounds' ? rounds : /** @type {any} */ (settings)[name]}`).join(' ')}`
  const facts = { command, commit: commit(), date: new Date().toISOString(), machine: machine(), loadAfter: loadAverage() }
  const file = path.join(__dirname, '..', 'results', `${values.name ?? 'local-dispatch'}.json`)
  fs.writeFileSync(file, `${JSON.stringify({ ...facts, medians: result, rounds: found }, null, 2)}\n`)
  console.log(path.relative(process.cwd(), file))
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
