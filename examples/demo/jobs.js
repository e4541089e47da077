// @ts-check
'use strict'

const { createQueues } = require('../../index.js')
const { JOBS, RateLimit, atMostEvery, isJob } = require('./limits.js')

const ROOM = 'working'
/** A tab that does not answer for so long has lost its job. The longest job takes 20 s. */
const ANSWER_MS = 30_000
const CHANGES_MS = 100
/** Some changes by the dashboard are no event of the queue: the pages are told so often anyway. */
const REFRESH_MS = 1000
/** Jobs of which it is remembered who has them and had them: more than there can be with workers. */
const REMEMBERED = 300

/** @typedef {import('socket.io').Socket} Socket */
/** @typedef {{ from: string, to: string, reason: string, millis: number }} Move */

/**
 * A queue of jobs: the pages in the namespace `/jobs` send them and watch them, those in `/workers` do them. What is where is not kept here, the
 * queue knows it; which tab has a job is.
 */
class Jobs {
  #queues = createQueues({ memory: true })
  #dead = this.#queues.queue('jobs.dead')
  /** @type {import('../../queues').Queue<any, any>} */
  queue = this.#queues.queue('jobs', { deadLetter: 'jobs.dead', maxAttempts: 3, backoff: 2000, maxLength: JOBS.queued })
  #viewers
  #workers
  /** Workers that there have been. */
  #number = 0
  /** @type {Map<string, { worker: string, at: number }>} */
  #holders = new Map()
  /** @type {Map<string, Move[]>} */
  #moves = new Map()
  /** The latest first. @type {{ id: string, state: string }[]} */
  #ended = []
  #changed = atMostEvery(CHANGES_MS, () => void this.#tell())
  #closing = false

  /**
   * @param {import('socket.io').Namespace} viewers
   * @param {import('socket.io').Namespace} workers
   */
  constructor(viewers, workers) {
    this.#viewers = viewers
    this.#workers = workers
    viewers.use((_, next) => next(viewers.sockets.size < JOBS.viewers ? undefined : new Error('Too many pages are open')))
    workers.use((_, next) => next(workers.sockets.size < JOBS.workers ? undefined : new Error('There are enough workers')))
    viewers.on('connection', () => this.#changed())
    workers.on('connection', (socket) => this.#employ(socket))
    this.#queues.accept(viewers, {
      queues: ['jobs'],
      authorize: (_, __, payload) => isJob(payload),
      rateLimit: { max: 2 * JOBS.atOnce, per: 1000 },
      maxInFlight: 2 * JOBS.atOnce,
      maxBytes: 200,
    })
    const dispatcher = this.queue.dispatch(workers.in(ROOM), { event: 'job', timeout: ANSWER_MS, maxResultBytes: 1000 })
    dispatcher.on('hand-over', ({ id, from, to, reason, millis }) => {
      const moves = this.#moves.get(id) ?? []
      remember(this.#moves, id, [...moves, { from: from.data.name, to: to.data.name, reason, millis }].slice(-5))
    })
    this.#listen()
  }

  async close() {
    this.#closing = true
    await this.#queues.close({ timeout: 100 })
  }

  #listen() {
    this.queue.on('completed', ({ id }) => this.#end(id, { state: 'done' }))
    this.queue.on('dead', ({ id, error, attempt }) => this.#end(id, { state: 'dead', error, attempts: attempt }))
    for (const event of /** @type {const} */ (['sent', 'retried', 'removed', 'paused', 'resumed'])) this.queue.on(event, () => this.#changed())
    setInterval(() => this.#changed(), REFRESH_MS).unref()
  }

  /** @param {Socket} socket a tab that wants to work */
  #employ(socket) {
    const requests = new RateLimit(5, 10)
    Object.assign(socket.data, { name: `Worker ${++this.#number}`, done: 0, failed: 0 })
    socket.onAnyOutgoing((event, _, meta) => {
      if (event === 'job') this.#give(socket, meta.id)
    })
    socket.on('taking', (taking) => {
      if (!requests.take()) return
      if (taking === true) socket.join(ROOM)
      else socket.leave(ROOM)
      this.#changed()
    })
    socket.on('disconnect', () => this.#changed())
    socket.emit('hello', { name: socket.data.name })
    if (socket.handshake.auth.taking !== false) socket.join(ROOM)
    this.#changed()
  }

  /**
   * @param {Socket} socket
   * @param {string} id
   */
  #give(socket, id) {
    remember(this.#holders, id, { worker: socket.data.name, at: Date.now() })
    this.#changed()
  }

  /**
   * @param {string} id
   * @param {{ state: 'done' | 'dead', error?: string, attempts?: number }} how
   */
  #end(id, how) {
    const holder = this.#holders.get(id)
    const took = holder && Date.now() - holder.at
    // One that was dead may have been tried again.
    const others = this.#ended.filter((ended) => ended.id !== id)
    this.#ended = [{ id, ...how, worker: holder?.worker, took, moves: this.#moves.get(id) }, ...others].slice(0, JOBS.shown)
    this.#holders.delete(id)
    this.#moves.delete(id)
    this.#changed()
  }

  /** Tells the pages how it stands, if there is one. */
  async #tell() {
    if (this.#closing || this.#viewers.sockets.size === 0) return
    try {
      this.#viewers.emit('jobs', await this.#state())
    } catch (error) {
      if (!this.#closing) throw error
    }
  }

  async #state() {
    const [stats, dead, active, next, delayed] = await Promise.all([
      this.queue.stats(),
      this.#dead.stats(),
      this.queue.list({ state: 'active', limit: JOBS.workers }),
      this.queue.peek(JOBS.shown),
      this.queue.list({ state: 'delayed', limit: JOBS.shown }),
    ])
    const live = new Set([...active.messages, ...next, ...delayed.messages].map(({ id }) => id))
    return {
      counts: { active: stats.active, waiting: stats.ready, later: stats.delayed, done: stats.completed, dead: dead.ready },
      paused: stats.paused,
      active: active.messages.map((message) => this.#view(message)),
      waiting: next.map((message) => this.#view(message)),
      later: delayed.messages.map((message) => this.#view(message)),
      ended: this.#ended.filter(({ id }) => !live.has(id)),
      workers: [...this.#workers.sockets.values()].map((socket) => ({ name: socket.data.name, taking: socket.rooms.has(ROOM) })),
    }
  }

  /** @param {import('../../queues').MessageInfo} message whoever has sent it: the dashboard can, too */
  #view({ id, state, payload, attempts, history }) {
    const holder = state === 'active' ? this.#holders.get(id) : undefined
    return {
      id,
      state,
      seconds: isJob(payload) ? payload.seconds : JOBS.seconds[0],
      attempts,
      error: history.at(-1)?.error.slice(0, 100),
      worker: holder?.worker,
      ran: holder && Date.now() - holder.at,
      moves: this.#moves.get(id),
    }
  }
}

/**
 * The oldest makes room.
 * @template T
 * @param {Map<string, T>} map
 * @param {string} key
 * @param {T} value
 */
function remember(map, key, value) {
  map.delete(key)
  map.set(key, value)
  if (map.size > REMEMBERED) map.delete(/** @type {string} */ (map.keys().next().value))
}

module.exports = { Jobs }
