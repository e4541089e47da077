// @ts-check
'use strict'

const { NativeAdapterError } = require('../../errors')
const { optional } = require('../../optional')
const { Queue } = require('../../queues/queue')
const { integer, wrong } = require('../../queues/rules')
const { version } = require('../../../package.json')
const { Actions } = require('./actions')
const { readable } = require('./readable')

// The path that bull-board documents has types only.
const BASE = '@bull-board/api/dist/queueAdapters/base.js'
const { BaseAdapter } =
  optional(BASE) ??
  missing(`expected the app to have @bull-board/api, of which this is an adapter, but ${BASE} was not found: npm install @bull-board/api`)

/** @param {string} message @returns {never} */
function missing(message) {
  throw new NativeAdapterError('ERR_MISSING_PACKAGE', message)
}

/** What bull-board looks for in the message. */
const HAS_ACTIVE = 'Cannot obliterate queue with active jobs'

/** bull-board's view of a queue. */
class QueueAdapter extends BaseAdapter {
  #queue
  #actions

  /**
   * @param {any} queue
   * @param {any} [options]
   */
  constructor(queue, options = {}) {
    if (!(queue instanceof Queue)) throw wrong('QueueAdapter', 'a queue of createQueues()', queue)
    const { recentCompleted = 0, ...others } = options
    const expected = integer(0, 10_000)(recentCompleted)
    if (expected) throw wrong('QueueAdapter', `recentCompleted to be ${expected}`, recentCompleted)
    // One of the two that it knows: the more capable one. What was processed is not kept, so it cannot be tried again.
    super('bullmq', { ...others, allowCompletedRetries: false })
    this.#queue = queue
    this.#actions = new Actions(queue, recentCompleted)
  }

  getName() {
    return `${this.prefix}${this.#queue.name}`
  }

  getQueueName() {
    return this.#queue.name
  }

  getQueueQualifiedName() {
    return this.#queue.name
  }

  /** No job is a parent of another. */
  async getFlowProducer() {
    return null
  }

  getJobStatuses() {
    return ['active', 'waiting', 'failed', 'delayed', ...(this.#actions.keepsCompleted ? ['completed'] : [])]
  }

  getStatuses() {
    return ['latest', ...this.getJobStatuses()]
  }

  getJobCounts() {
    return this.#actions.counts()
  }

  /**
   * @param {string[]} states
   * @param {number} [start]
   * @param {number} [end]
   */
  async getJobs(states, start = 0, end = 9) {
    const all = await Promise.all(states.map((state) => this.#actions.jobs(state, start, end)))
    return all.flat()
  }

  /** @param {string} id */
  getJob(id) {
    return this.#actions.job(id)
  }

  /** @param {string} id @returns {Promise<string[]>} the errors of its attempts */
  async getJobLogs(id) {
    return (await this.#actions.job(id))?.toJSON().stacktrace ?? []
  }

  /** @param {'completed' | 'failed'} type */
  async getMetrics(type) {
    const count = (await this.#queue.stats())[type]
    return { meta: { count, prevTS: 0, prevCount: 0 }, data: [], count }
  }

  /**
   * @param {string} name
   * @param {any} data
   * @param {{ delay?: number, priority?: number }} [options]
   */
  async addJob(name, data, { delay, priority } = {}) {
    const { id } = await this.#queue.send(data, { delay, priority, headers: name ? { name } : undefined })
    return this.#actions.job(id)
  }

  async isPaused() {
    return (await this.#queue.stats()).paused
  }

  pause() {
    return this.#queue.pause()
  }

  resume() {
    return this.#queue.resume()
  }

  /** What waits goes, what is delayed stays. */
  async empty() {
    if ((await this.#queue.stats()).delayed === 0) await this.#queue.purge()
    else await this.#actions.clean('waiting', Infinity)
  }

  /**
   * All messages and repetitions go; the queue's name and options stay. What a worker holds is settled by it.
   * @param {{ force?: boolean }} [options]
   */
  async obliterate({ force = false } = {}) {
    if (!force && (await this.#queue.stats()).active > 0) throw new Error(HAS_ACTIVE)
    for (const { name } of await this.#queue.repeats()) await this.#queue.cancelRepeat(name)
    await this.#queue.purge()
    for (const state of ['failed', 'completed']) await this.#actions.clean(state, Infinity)
  }

  /**
   * @param {string} state
   * @param {number} grace ms
   */
  clean(state, grace) {
    return this.#actions.clean(state, Date.now() - grace)
  }

  promoteAll() {
    return this.#actions.promoteAll()
  }

  async getWorkers() {
    const { workers } = await this.#queue.stats()
    return Array.from({ length: workers }, (_, number) => ({
      id: `${process.pid}-${number + 1}`,
      name: null,
      addr: `process ${process.pid}`,
      age: Math.floor(process.uptime()),
    }))
  }

  async getRedisInfo() {
    return null
  }

  async getDatastoreStats() {
    const { workers, waitingSends } = await this.#queue.stats()
    const clients = { connected: workers, blocked: waitingSends }
    return { version: `socket.io-native-adapter ${version}`, port: 0, uptime: Math.floor(process.uptime()), clients }
  }

  // Repetitions.

  async getJobSchedulers() {
    return (await this.#queue.repeats()).map((/** @type {any} */ repeat) => ({
      id: repeat.name,
      name: repeat.name,
      pattern: repeat.cron,
      every: repeat.every,
      tz: repeat.tz,
      limit: repeat.limit,
      endDate: repeat.until,
      next: repeat.next,
      iterationCount: repeat.sent,
      template: { data: readable(repeat.payload), opts: sendOptions(repeat) },
    }))
  }

  async getJobSchedulersCount() {
    return (await this.#queue.repeats()).length
  }

  /** @param {string} id */
  removeJobScheduler(id) {
    return this.#queue.cancelRepeat(id)
  }

  get supportsJobSchedulerUpdate() {
    return true
  }

  /**
   * @param {string} id
   * @param {{ pattern?: string, every?: number, tz?: string, limit?: number, endDate?: number }} times
   */
  async updateJobScheduler(id, { pattern, every, tz, limit, endDate }) {
    const repeat = await this.#repeat(id)
    if (!repeat) return 'not-found'
    const times = /** @type {any} */ ({ cron: pattern, every, tz, limit, until: endDate })
    try {
      await this.#queue.repeat(id, times, repeat.payload, sendOptions(repeat))
    } catch (error) {
      if (/** @type {any} */ (error).code !== 'QUEUE_OPTION_INVALID') throw error
      return 'invalid-schedule'
    }
    return 'updated'
  }

  get supportsJobSchedulerRun() {
    return true
  }

  /** @param {string} id */
  async runJobSchedulerNow(id) {
    const repeat = await this.#repeat(id)
    if (!repeat) return 'not-found'
    return this.#actions.job((await this.#queue.send(repeat.payload, sendOptions(repeat))).id)
  }

  /** @param {string} id */
  async #repeat(id) {
    return (await this.#queue.repeats()).find((/** @type {any} */ { name }) => name === id)
  }

  // Options of the queue.

  /** @param {object} changes */
  async #change(changes) {
    const options = await this.#queue.options()
    this.#queue.declare({ ...options, backoff: this.#queue.backoff ?? options.backoff, ...changes })
    // A declaration is carried out in order, and not answered.
    await this.#queue.options()
  }

  async getGlobalConcurrency() {
    return (await this.#queue.options()).concurrency ?? null
  }

  /** @param {number} concurrency 0 or less: no limit */
  setGlobalConcurrency(concurrency) {
    return this.#change({ concurrency: concurrency > 0 ? concurrency : undefined })
  }

  get supportsGlobalRateLimit() {
    return true
  }

  async getConfiguredRateLimit() {
    const { rate } = await this.#queue.options()
    return rate ? { max: rate.max, duration: rate.per } : null
  }

  /** @param {{ max: number, duration: number }} limit */
  setConfiguredRateLimit({ max, duration }) {
    return this.#change({ rate: { max, per: duration } })
  }

  removeConfiguredRateLimit() {
    return this.#change({ rate: undefined })
  }

  async getQueueDefaultJobOptions() {
    const { maxAttempts } = await this.#queue.options()
    return { attempts: maxAttempts }
  }
}

/** @param {{ headers: Record<string, string>, key?: string, priority: number }} repeat */
function sendOptions({ headers, key, priority }) {
  return { headers, key, priority }
}

module.exports = { QueueAdapter }
