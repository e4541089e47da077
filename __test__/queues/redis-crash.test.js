'use strict'

/**
 * Three processes share a queue in Redis, and are killed at random moments and started again. `MESSAGES=20000 npx jest redis-crash` sends fewer;
 * the seed is printed, `SEED=…` repeats its moments.
 */

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { REDIS_STORES, redisStore } = require('../support/redis-queues')
const { directory, open, within } = require('../support/queues')
const { random } = require('../support/random')

const MESSAGES = Number(process.env.MESSAGES ?? 100_000)
const PROCESSES = 3
const VISIBILITY = 4000
const HANDLERS = 20
const SCRIPT = path.join(__dirname, 'fixtures', 'sharing.js')

const describeWithRedis = REDIS_STORES.length > 0 ? describe : describe.skip

/** What the journal shows: what was sent, acknowledged and delivered, and what should not have been. */
function read(journal) {
  const seen = { sent: new Map(), acknowledged: new Set(), delivered: new Set(), again: [], twice: [], disorder: [], refused: 0 }
  /** Who has a message now, by its number. */
  const holders = new Map()
  /** The last delivery of a key and a producer's life. */
  const last = new Map()
  for (const line of fs.readFileSync(journal, 'utf8').split('\n')) {
    const [kind, key, text, pid] = line.split(' ')
    const n = Number(text)
    if (kind === 's') seen.sent.set(n, key)
    if (kind === 'a') seen.acknowledged.add(n)
    if (kind === 'l') seen.refused++
    if (kind === 'e') holders.delete(n)
    if (kind === 'k') for (const [held, holder] of holders) if (holder === key) holders.delete(held)
    if (kind !== 'd') continue
    seen.delivered.add(n)
    if (seen.acknowledged.has(n)) seen.again.push(n)
    if (holders.has(n)) seen.twice.push([n, holders.get(n), pid])
    holders.set(n, pid)
    const producer = `${key} ${Math.floor(n / 10_000_000)}`
    if (n < last.get(producer)) seen.disorder.push([producer, last.get(producer), n])
    last.set(producer, n)
  }
  return seen
}

/** How many lines begin with `s` so far, without reading all of it again. */
function counter(journal) {
  let [position, count] = [0, 0]
  return () => {
    const file = fs.openSync(journal, 'r')
    const bytes = Buffer.alloc(fs.fstatSync(file).size - position)
    fs.readSync(file, bytes, 0, bytes.length, position)
    fs.closeSync(file)
    position += bytes.length
    for (const line of bytes.toString().split('\n')) if (line.startsWith('s ')) count++
    return count
  }
}

describeWithRedis('processes that share a queue in Redis', () => {
  test(
    `${MESSAGES} messages, each process killed again and again: none lost, none with two consumers at a time, keys in order`,
    async () => {
      const below = random()
      const journal = path.join(directory(), 'journal')
      fs.writeFileSync(journal, '')
      const { redis, key } = redisStore()
      let lives = 0
      const start = async () => {
        const args = [SCRIPT, redis, key, journal, String(lives++), String(VISIBILITY)]
        const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
        const ended = once(child, 'exit')
        child.stdin.on('error', () => {})
        await within('a process to begin', once(child.stdout, 'data'))
        return { child, ended }
      }
      const end = async ({ child, ended }) => {
        child.kill('SIGKILL')
        await within('a process to end', ended)
        fs.appendFileSync(journal, `k ${child.pid}\n`)
      }
      const processes = await Promise.all(Array.from({ length: PROCESSES }, start))
      const sent = counter(journal)
      let kills = 0
      try {
        while (sent() < MESSAGES || kills < PROCESSES) {
          await new Promise((resolve) => setTimeout(resolve, 100 + below(1500)))
          // Each in its turn, so that each is killed.
          const place = kills++ % PROCESSES
          await end(processes[place])
          processes[place] = await start()
        }
        for (const { child } of processes) child.stdin.write('stop\n')
        const queue = open({ redis, key }).queue('q')
        await queue.drain()
        expect(await queue.stats()).toMatchObject({ ready: 0, blocked: 0, delayed: 0, active: 0, dead: 0, quarantined: 0 })
      } finally {
        await Promise.all(processes.map(end))
      }
      const { acknowledged, delivered, again, twice, disorder, refused, sent: promised } = read(journal)
      process.stderr.write(`${kills} kills, ${promised.size} acknowledged sends, ${refused} refused acknowledgements\n`)
      expect(promised.size).toBeGreaterThanOrEqual(MESSAGES)
      expect(kills).toBeGreaterThanOrEqual(PROCESSES)
      expect([...promised.keys()].filter((n) => !delivered.has(n))).toEqual([])
      // Acknowledged, and not yet in the journal when the process was killed: no more than it held.
      const unsure = [...promised.keys()].filter((n) => !acknowledged.has(n))
      expect(unsure.length).toBeLessThanOrEqual(HANDLERS * (kills + PROCESSES))
      expect(again).toEqual([])
      expect(twice).toEqual([])
      expect(disorder).toEqual([])
    },
    MESSAGES * 5 + 120_000,
  )
})

