'use strict'

/**
 * Workers that come and go at random while jobs are done: each job at least once, none with two connected sockets at a time. And the
 * same with the server killed. `JOBS=2000 npx jest queues-sockets/random` is shorter; the seed is printed.
 */

const { fork } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const { io: connect } = require('socket.io-client')
const { ADAPTERS } = require('../support/adapters')
const { until } = require('../support/events')
const { STORES, directory, open } = require('../support/queues')
const { random } = require('../support/random')
const { servers } = require('../support/server')

const JOBS = Number(process.env.JOBS ?? 20_000)
const WORKERS = 50
const KILLS = 6
const openServer = servers()

/** Workers that note who has which job, and now and then lose their connection. */
class Crowd {
  done = new Map()
  /** By id: the clients that have it and are connected. */
  having = new Map()
  twice = []
  stale = 0
  cuts = 0
  #below
  #clients = []
  #over = false

  constructor(url, below) {
    this.#below = below
    for (let n = 0; n < WORKERS; n++) this.#clients.push(this.#worker(url))
  }

  #worker(url) {
    const options = { transports: ['websocket'], forceNew: true, reconnectionDelay: 5, reconnectionDelayMax: 30 }
    const client = connect(url, options)
    let mine = new Set()
    let ready = false
    client.on('connect', () => (ready = true))
    client.on('disconnect', () => {
      ready = false
      for (const id of mine) this.having.get(id)?.delete(client)
      mine = new Set()
    })
    client.on('job', (n, { id }, ack) => {
      // socket.io-client read it just before the connection ended, kept it, and hands it out on the next one, before "connect": the socket
      // that it was for is gone.
      if (!ready) return void this.stale++
      const others = this.having.get(id) ?? new Set()
      for (const other of others) if (other !== client && other.connected) this.twice.push(n)
      this.having.set(id, others.add(client))
      mine.add(id)
      const held = mine
      // Some are quick, some take their time.
      const finish = () => {
        if (held !== mine) return
        held.delete(id)
        others.delete(client)
        this.done.set(n, (this.done.get(n) ?? 0) + 1)
        ack({ ok: true })
        if (this.#below(300) === 0) this.#cut(client)
      }
      if (this.#below(4) === 0) setTimeout(finish, this.#below(15))
      else finish()
      if (this.#below(400) === 0) this.#cut(client)
    })
    return client
  }

  /** Now and then it says goodbye; otherwise its connection ends. */
  #cut(client) {
    if (!client.connected) return
    this.cuts++
    if (this.#below(2) === 0) {
      client.disconnect()
      setTimeout(() => this.#over || client.connect(), this.#below(40))
    } else {
      client.io.engine.close()
    }
  }

  end() {
    this.#over = true
    for (const client of this.#clients) client.disconnect()
  }
}

const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]

test.each(STORES)(
  `${WORKERS} workers that come and go do ${JOBS} jobs (%s store)`,
  async (name, options) => {
    const below = random()
    const queue = open(options()).queue('q', { maxAttempts: 100 })
    const server = await openServer(ADAPTERS[1], { javaScript: true })
    const dispatcher = queue.dispatch(server.io, { event: 'job', prefetch: 2, maxDisconnects: 1000 })
    const handOvers = []
    dispatcher.on('hand-over', ({ millis }) => handOvers.push(millis))
    const crowd = new Crowd(server.url, below)
    for (let n = 0; n < JOBS; n += 1000) {
      await queue.sendBatch(Array.from({ length: Math.min(1000, JOBS - n) }, (_, i) => ({ payload: n + i })))
    }
    await queue.drain()
    await until('the last answers are counted', () => dispatcher.stats().inFlight === 0)
    crowd.end()
    handOvers.sort((a, b) => a - b)
    console.log(
      `${name}: ${crowd.cuts} cuts, ${crowd.stale} stale, ${handOvers.length} hand-overs, ms: median ${percentile(handOvers, 0.5)?.toFixed(1)}, ` +
        `p99 ${percentile(handOvers, 0.99)?.toFixed(1)}, most ${handOvers.at(-1)?.toFixed(1)}`,
    )
    expect(crowd.done.size).toBe(JOBS)
    expect(crowd.twice).toEqual([])
    expect(crowd.cuts).toBeGreaterThan(JOBS / 500)
    expect(handOvers.length).toBeGreaterThan(0)
    // Not a measurement: one that is only found by chance would wait for its time-out of 30 s.
    expect(handOvers.at(-1)).toBeLessThan(25_000)
    expect(dispatcher.stats()).toMatchObject({ completed: expect.any(Number), timedOut: 0, failed: 0, waiting: 0 })
    expect(await queue.stats()).toMatchObject({ ready: 0, active: 0, dead: 0 })
  },
  180_000,
)

test(
  `the server is killed ${KILLS} times meanwhile: each job is done at least once`,
  async () => {
    const below = random()
    const where = directory()
    let port = 0
    const start = async (jobs) => {
      const child = fork(path.join(__dirname, 'fixtures', 'dispatching.js'), [where, String(port), String(jobs)])
      const [message] = await once(child, 'message')
      port = message.port
      return child
    }
    // All are sent, durably, before it says that it is ready.
    let child = await start(JOBS)
    const crowd = new Crowd(`http://127.0.0.1:${port}`, below)
    try {
      for (let kill = 1; kill <= KILLS; kill++) {
        const enough = Math.floor((JOBS * kill) / (KILLS + 2))
        await progress(() => crowd.done.size >= enough)
        const ended = once(child, 'exit')
        child.kill('SIGKILL')
        expect((await ended)[1]).toBe('SIGKILL')
        child = await start(0)
      }
      await progress(() => crowd.done.size === JOBS)
      expect(crowd.twice).toEqual([])
      const again = [...crowd.done.values()].filter((times) => times > 1).length
      console.log(`${crowd.cuts} cuts, ${KILLS} kills: ${again} of ${JOBS} jobs were done more than once`)
      // What was answered shortly before a kill, and not more.
      expect(again).toBeLessThan(JOBS / 4)
    } finally {
      crowd.end()
      child.kill('SIGKILL')
    }
  },
  180_000,
)

/** As `until`, for what may take longer. */
async function progress(holds) {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}
