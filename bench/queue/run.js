// @ts-check
'use strict'

/**
 * `npm run bench:queue`: the queues of this package beside BullMQ, which like the store in Redis has a Redis of its own that makes each
 * write durable before it answers, as the disk store does. See USAGE.
 */

const { fork } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { commit, loadAverage, machine } = require('../lib/machine')
const { median } = require('../lib/statistics')
const { hasRedis } = require('../../scripts/redis')
const { installBullmq, missing, versions } = require('./peer')
const { printed } = require('./report')

const USAGE = `npm run bench:queue -- [options]

  --rounds N         rounds, the sides in turn; medians are printed (3)
  --seconds S        how long each kind of sending is measured (2)
  --sides A,B        of bullmq, redis, disk, memory (all)
  --folder DIR       where the stores write (the system's folder for temporary files)
  --name NAME        writes bench/results/NAME.json (local-queue)
  --install-peers    installs BullMQ into bench/.peers first
`

const TEXT = /** @type {const} */ ({ type: 'string' })
const SWITCH = /** @type {const} */ ({ type: 'boolean' })
const OPTIONS = { rounds: TEXT, seconds: TEXT, sides: TEXT, folder: TEXT, name: TEXT, 'install-peers': SWITCH, help: SWITCH }

/**
 * @param {string} side
 * @param {number} seconds
 * @param {string} parent
 * @returns {Promise<Record<string, number>>}
 */
async function measure(side, seconds, parent) {
  const folder = fs.mkdtempSync(path.join(parent, 'bench-queue-'))
  const child = fork(path.join(__dirname, 'side.js'), [JSON.stringify({ side, folder, seconds })], { execArgv: ['--expose-gc'] })
  try {
    return await new Promise((resolve, reject) => {
      /** @type {Record<string, number> | undefined} */
      let figures
      child.on('message', (/** @type {any} */ message) => ({ figures } = message))
      child.once('exit', (status) => (figures ? resolve(figures) : reject(new Error(`${side}: ended with status ${status}`))))
    })
  } finally {
    child.kill()
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** @param {Record<string, number>[]} rounds */
function medians(rounds) {
  return Object.fromEntries(Object.keys(rounds[0]).map((key) => [key, median(rounds.map((round) => round[key]))]))
}

async function main() {
  const { values } = parseArgs({ options: OPTIONS })
  if (values.help) return console.log(USAGE)
  if (values['install-peers']) installBullmq()
  const [rounds, seconds] = [Number(values.rounds ?? 3), Number(values.seconds ?? 2)]
  let sides = (values.sides ?? 'bullmq,redis,disk,memory').split(',')
  const reason = sides.includes('bullmq') ? missing() : undefined
  if (reason) {
    console.log(`Without BullMQ: ${reason}\n`)
    sides = sides.filter((side) => side !== 'bullmq')
  }
  if (sides.includes('redis') && !hasRedis()) {
    console.log('Without the store in Redis: there is no redis-server on the PATH\n')
    sides = sides.filter((side) => side !== 'redis')
  }
  /** @type {Record<string, Record<string, number>[]>} */
  const found = Object.fromEntries(sides.map((side) => [side, []]))
  for (let round = 1; round <= rounds; round++) {
    for (const side of sides) {
      process.stdout.write(`round ${round} of ${rounds}: ${side}\n`)
      found[side].push(await measure(side, seconds, values.folder ?? os.tmpdir()))
    }
  }
  const result = Object.fromEntries(sides.map((side) => [side, medians(found[side])]))
  console.log(`\n${printed(result)}`)
  const name = values.name ?? 'local-queue'
  const command = `npm run bench:queue -- --rounds ${rounds} --seconds ${seconds}`
  const facts = { command, commit: commit(), date: new Date().toISOString(), machine: machine(), loadAfter: loadAverage() }
  const file = path.join(__dirname, '..', 'results', `${name}.json`)
  fs.writeFileSync(file, `${JSON.stringify({ ...facts, versions: reason ? {} : versions(), medians: result, rounds: found }, null, 2)}\n`)
  console.log(`\n${path.relative(process.cwd(), file)}`)
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
