// @ts-check
'use strict'

/** What the dashboard shows of a queue and does with it, in the dashboard's words for states. */

const { Completed } = require('./completed')
const { Job } = require('./job')
const { DeadLetters, each, slice } = require('./messages')

const ID = /^[0-9a-f]{16}$/

/** @type {{ [state: string]: string }} */
const STATES = { ready: 'waiting', blocked: 'waiting', delayed: 'delayed', active: 'active' }

class Actions {
  #queue
  #completed
  /** @type {DeadLetters | undefined} */
  #dead
  #deadName = ''

  /**
   * @param {any} queue
   * @param {number} recentCompleted
   */
  constructor(queue, recentCompleted) {
    this.#queue = queue
    this.#completed = new Completed(queue, recentCompleted)
  }

  get name() {
    return this.#queue.name
  }

  get keepsCompleted() {
    return this.#completed.kept
  }

  /** Where its messages go when they die may change. @returns {Promise<DeadLetters | undefined>} */
  async #deadLetters() {
    const { deadLetter = '' } = await this.#queue.options()
    if (deadLetter !== this.#deadName) {
      this.#deadName = deadLetter
      this.#dead = deadLetter === '' ? undefined : new DeadLetters(this.#queue.queues.queue(deadLetter), this.name)
    }
    return this.#dead
  }

  async counts() {
    const [{ ready, blocked, delayed, active }, dead] = await Promise.all([this.#queue.stats(), this.#deadLetters()])
    const failed = dead ? await dead.count() : 0
    return { latest: 0, active, waiting: ready + blocked, delayed, failed, completed: this.#completed.count }
  }

  /**
   * @param {string} state
   * @param {number} start
   * @param {number} end
   * @returns {Promise<Job[]>}
   */
  async jobs(state, start, end) {
    const jobs = await this.#messages(state, start, end)
    return jobs.map((/** @type {any} */ info) => new Job(this, info, state))
  }

  /**
   * @param {string} state
   * @param {number} start
   * @param {number} end
   * @returns {Promise<any[]>}
   */
  async #messages(state, start, end) {
    if (state === 'completed') return this.#completed.slice(start, end)
    if (state === 'failed') return (await this.#deadLetters())?.slice(start, end) ?? []
    if (state === 'active' || state === 'delayed') return slice(this.#queue, state, start, end)
    if (state !== 'waiting') return []
    const first = await slice(this.#queue, 'ready', start, end)
    if (first.length > end - start) return first
    // Those that wait for another one of their key come behind.
    const { ready } = await this.#queue.stats()
    return [...first, ...(await slice(this.#queue, 'blocked', Math.max(0, start - ready), Math.max(0, end - ready)))]
  }

  /** @param {string} id @returns {Promise<Job | undefined>} */
  async job(id) {
    const found = await this.#find(id)
    return found && new Job(this, found.info, found.state)
  }

  /** @param {string} id */
  async stateOf(id) {
    return (await this.#find(id))?.state
  }

  /** @param {string} id @returns {Promise<{ info: any, state: string } | undefined>} */
  async #find(id) {
    if (!ID.test(id)) return undefined
    const info = await this.#queue.get(id)
    if (info) return { info, state: STATES[info.state] }
    const dead = await (await this.#deadLetters())?.get(id)
    if (dead) return { info: dead, state: 'failed' }
    const done = this.#completed.get(id)
    return done && { info: done, state: 'completed' }
  }

  /**
   * @param {string} id
   * @param {string} state
   */
  async retry(id, state) {
    if (state !== 'failed') throw new Error('only a message that has failed can be tried again: others are not kept')
    await (await this.#deadLetters())?.redrive(id)
  }

  /**
   * @param {string} id
   * @param {string} state
   */
  async remove(id, state) {
    if (state === 'completed') return this.#completed.remove(id)
    if (state === 'failed') return (await this.#deadLetters())?.remove(id)
    return this.#queue.remove(id)
  }

  /** @param {string} id */
  promote(id) {
    return this.#queue.promote(id)
  }

  /**
   * @param {string} id
   * @param {number} delay
   */
  reschedule(id, delay) {
    return this.#queue.reschedule(id, delay)
  }

  promoteAll() {
    return each(this.#queue, 'delayed', () => true, (id) => this.#queue.promote(id))
  }

  /**
   * Removes what is older. What a worker holds cannot be.
   * @param {string} state
   * @param {number} before ms since 1970
   */
  async clean(state, before) {
    if (state === 'completed') return this.#completed.clean(before)
    if (state === 'failed') return (await this.#deadLetters())?.clean(before)
    const isOld = (/** @type {any} */ { sentAt }) => sentAt <= before
    const states = state === 'delayed' ? ['delayed'] : state === 'active' ? [] : ['ready', 'blocked']
    for (const own of states) await each(this.#queue, /** @type {any} */ (own), isOld, (id) => this.#queue.remove(id))
  }
}

module.exports = { Actions }
