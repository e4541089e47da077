'use strict'

/**
 * Kills a process that produces and consumes at random moments, and opens its directory again. `CRASHES=40 npx jest crash` kills less
 * often; the seed is printed, `SEED=…` repeats its moments.
 */

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { directory, open, within } = require('../support/queues')
const { random } = require('../support/random')

const CRASHES = Number(process.env.CRASHES ?? 300)
const HANDLERS = 20
const SCRIPT = path.join(__dirname, 'fixtures', 'crashing.js')

/** Runs the process until it is killed after so many milliseconds of work. */
async function crash(where, journal, round, millis) {
  const child = spawn(process.execPath, [SCRIPT, where, journal, String(round)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  await within('the process to begin', once(child.stdout, 'data'))
  await new Promise((resolve) => setTimeout(resolve, millis))
  child.kill('SIGKILL')
  const [, signal] = await within('the process to end', ended)
  expect(signal).toBe('SIGKILL')
}

/** What the journal promises, and what it shows to be wrong. */
function promises(journal) {
  const made = { sent: new Map(), acknowledged: new Set(), delivered: new Set(), again: [], disorder: [] }
  /** By key, in one life of the process. */
  const last = new Map()
  // The last line may be cut.
  const lines = fs.readFileSync(journal, 'utf8').split('\n').slice(0, -1)
  for (const line of lines) {
    const [kind, key, text] = line.split(' ')
    const n = Number(text)
    if (kind === 's') made.sent.set(n, key)
    if (kind === 'a') made.acknowledged.add(n)
    // What a crash interrupts comes back, in order, from the first of it on.
    if (kind === 'r') last.clear()
    if (kind !== 'd') continue
    made.delivered.add(n)
    if (made.acknowledged.has(n)) made.again.push(n)
    if (n < last.get(key)) made.disorder.push([key, last.get(key), n])
    last.set(key, n)
  }
  return made
}

/** Everything that is still there, in the order of each key. */
async function remaining(where) {
  const queues = open({ path: where })
  const report = await queues.ready()
  const queue = queues.queue('q')
  const found = []
  let cursor
  do {
    const page = await queue.list({ cursor, limit: 1000 })
    found.push(...page.messages.map(({ payload }) => payload))
    cursor = page.next
  } while (cursor !== undefined)
  await queues.close()
  return { found, report }
}

test(
  `${CRASHES} crashes: nothing acknowledged is lost, or comes back, and keys stay in order`,
  async () => {
    const below = random()
    const [where, journal] = [directory(), path.join(directory(), 'journal')]
    let [kills, checked] = [0, 0]
    for (let round = 0; kills < CRASHES; round++) {
      await crash(where, journal, round, below(120))
      kills++
      if (kills % 10 && kills < CRASHES) continue
      const { found, report } = await remaining(where)
      const { sent, acknowledged, delivered, again, disorder } = promises(journal)
      const there = new Set(found.map(({ n }) => n))
      const lost = [...sent.keys()].filter((n) => !there.has(n) && !acknowledged.has(n))
      // An acknowledgement that was durable and not yet in the journal: at most one of each handler and crash.
      const unsure = lost.filter((n) => delivered.has(n))
      expect(lost.filter((n) => !unsure.includes(n))).toEqual([])
      expect(unsure.length).toBeLessThanOrEqual(HANDLERS * kills)
      expect(found.filter(({ n }) => acknowledged.has(n))).toEqual([])
      expect(again).toEqual([])
      expect(disorder).toEqual([])
      expect(report.quarantined).toBe(0)
      checked = sent.size
    }
    process.stderr.write(`${kills} crashes, ${checked} acknowledged sends\n`)
    expect(checked).toBeGreaterThan(CRASHES)
  },
  CRASHES * 2000 + 30_000,
)
