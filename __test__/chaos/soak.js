'use strict'

/**
 * The soak: light chaos, for long, on one server. Every ten seconds it notes what the server holds. It fails when a client got
 * something wrong, or when memory is not flat after the first quarter. See `npm run soak -- --help`.
 */

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { version } = require('../../package.json')
const { randomFrom } = require('../support/seeded')
const { slopeOf } = require('./flat')
const { RealClients } = require('./recovering')
const { ChaosClients, ChaosServer, round } = require('./swarm')

const HELP = `npm run soak -- [options]
  --minutes N   how long (20)
  --clients N   how many raw clients (200)
  --seed N      for the same choices
  --output F    where the readings go (bench/results/soak.json)
`
const MIB = 1024 * 1024

const SAMPLE_MS = 10_000
/** Light: the deliveries and bytes of a second, and the acts of mischief. */
const RATE = { deliveries: 1500, bytes: 1 * MIB }
const MISCHIEF = 10
/** The chaos of one round; then all is compared, and all clients leave. */
const ACTS = 1500
const NEWS_MS = 100
const LOSS_MS = 2000

/** From the first quarter to the end it may grow by less, by the robust slope. In bytes. */
const MOST_GROWTH = { rss: 16 * MIB, heap: 3 * MIB }

/** Connections of real clients that come and go. */
const SLACK = 6

const every = (/** @type {number} */ ms, /** @type {() => void} */ act) => setInterval(act, ms)
const { log } = console

/** @param {any[]} samples @returns {string[]} what is not flat */
function growths(samples) {
  const quarter = samples.at(-1).seconds / 4
  const later = samples.filter(({ seconds }) => seconds >= quarter)
  const span = later.at(-1).seconds - later[0].seconds
  return Object.entries(MOST_GROWTH).flatMap(([what, most]) => {
    const grown = slopeOf(later.map((sample) => ({ seconds: sample.seconds, value: sample[what] }))) * span
    log(`${what}: ${(grown / MIB).toFixed(2)} MiB in the last ${Math.round(span)} s (less than ${most / MIB} is flat)`)
    return grown < most ? [] : [`expected ${what} to grow by less than ${most} bytes, got ${Math.round(grown)}`]
  })
}

/** Rounds of chaos until the time is over. */
async function soak({ server, raw, real, clients, seconds, held }) {
  const begun = Date.now()
  const failures = []
  do {
    const { failures: wrong, held: now, counts } = await round(server, raw, { clients, acts: ACTS })
    held.push({ seconds: (Date.now() - begun) / 1000, ...now, stats: undefined })
    failures.push(...wrong, ...real.failures)
    log(`${Math.round(held.at(-1).seconds)} s: ${JSON.stringify({ ...counts, recoveries: real.recoveries, news: real.received })}`)
  } while (failures.length === 0 && Date.now() - begun < seconds * 1000)
  return failures
}

/**
 * After each round all are gone but the real clients, some of which are just coming back: the middle of the last readings is
 * compared with that of the first ones.
 */
function leaks(held) {
  // The first round starts what stays.
  const [, ...later] = held
  const half = Math.ceil(later.length / 2)
  if (later.length < 2) return []
  return ['descriptors', 'threads'].flatMap((what) => {
    const [before, after] = [later.slice(0, half), later.slice(half)].map((list) => median(list.map((each) => each[what])))
    return after <= before + SLACK ? [] : [`expected ${before} ${what} when the clients are gone, got ${after}`]
  })
}

/** @param {number[]} values */
function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0
}

async function main() {
  const options = /** @type {const} */ ({
    minutes: { type: 'string', default: '20' },
    clients: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    output: { type: 'string', default: path.join(__dirname, '..', '..', 'bench', 'results', 'soak.json') },
    help: { type: 'boolean', default: false },
  })
  const { values } = parseArgs({ options })
  if (values.help) return log(HELP)
  const [seed, clients, seconds] = [Number(values.seed), Number(values.clients), Number(values.minutes) * 60]
  log(`seed ${seed}`)
  const server = new ChaosServer({ native: true, seed, rate: RATE, recovery: true, sampleMs: SAMPLE_MS, newsMs: NEWS_MS })
  const port = await server.port
  const raw = new ChaosClients(port, { clients, seed, mischief: MISCHIEF, atOnce: 20 })
  const real = new RealClients(port, { recovering: 10, polling: 5 })
  const rnd = randomFrom(seed)
  const losses = every(LOSS_MS, () => real.lose(rnd))
  const held = []
  let failures
  try {
    failures = await soak({ server, raw, real, clients, seconds, held })
  } finally {
    clearInterval(losses)
    real.close()
    await raw.kill()
  }
  const samples = await server.ask('samples')
  await server.kill()
  if (failures.length === 0) failures.push(...growths(samples), ...leaks(held))
  if (real.recoveries <= real.anew) failures.push(`expected sessions to be recovered: ${real.recoveries} were, ${real.anew} not`)
  const machine = { cpu: os.cpus()[0].model, cpus: os.cpus().length, node: process.version, kernel: os.release() }
  const totals = { recoveries: real.recoveries, anew: real.anew, news: real.received, rounds: held.length }
  const result = { command: `npm run soak -- --minutes ${values.minutes} --clients ${clients} --seed ${seed}`, version, machine }
  fs.writeFileSync(values.output, `${JSON.stringify({ ...result, failures, totals, held, samples }, null, 1)}\n`)
  for (const failure of failures.slice(0, 20)) console.error(failure)
  log(failures.length === 0 ? 'flat, and nothing wrong' : `${failures.length} failures`)
  process.exitCode = failures.length === 0 ? 0 : 1
}

if (require.main === module) main()
