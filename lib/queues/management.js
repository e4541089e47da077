// @ts-check
'use strict'

const { EventEmitter } = require('node:events')
const { OP } = require('./block')
const { prepare } = require('./prepare')
const { MOST, check, checkName, integer, isText, isTime, oneOf, show, timeOf, wrong } = require('./rules')

/** @typedef {import('./rules').Rule} Rule */

const PAGE = 1000

/** @type {Rule} */
const isId = (id) =>
  typeof id === 'string' && /^[0-9a-f]{16}$/.test(id) ? undefined : 'the id of a message: 16 hexadecimal digits'

/** @type {Rule} */
const isCursor = (cursor) =>
  typeof cursor === 'string' && /^\d{1,20}$/.test(cursor) ? undefined : 'the `next` of the page before'

/** @type {{ [name: string]: Rule }} */
const LIST = { state: oneOf('ready', 'blocked', 'delayed', 'active'), cursor: isCursor, limit: integer(1, PAGE) }

/** @type {{ [name: string]: Rule }} */
const LIMIT = { limit: integer(1, MOST) }

/** @type {{ [name: string]: Rule }} */
const TIMES = { every: integer(1, MOST), cron: isText, tz: isText, limit: integer(1, MOST), until: isTime }

/** What is done with a queue and its messages, beside sending and consuming. */
class Management extends EventEmitter {
  name
  number
  #queues
  #engine

  /**
   * @param {import('./queues').Queues} queues
   * @param {import('./engine').QueueEngine} engine
   * @param {string} name
   */
  constructor(queues, engine, name) {
    super()
    this.#queues = queues
    this.#engine = engine
    this.name = name
    this.number = engine.addQueue(/** @type {any} */ (this))
  }

  /** Those of the same store. */
  get queues() {
    return this.#queues
  }

  /**
   * @param {string} action
   * @param {object} [details]
   * @returns {Promise<any>}
   */
  #do(action, details) {
    return this.#engine.control({ do: action, queue: this.number, ...details })
  }

  /**
   * @param {string} action
   * @param {unknown} id
   * @param {object} [details]
   * @returns {Promise<any>}
   */
  async #doWith(action, id, details) {
    const expected = isId(id)
    if (expected) throw wrong(this.#where(action), expected, id)
    return this.#do(action, { id, ...details })
  }

  /** @param {string} action */
  #where(action) {
    return `queue ${show(this.name)}, ${action}`
  }

  pause() {
    return this.#do('pause')
  }

  resume() {
    return this.#do('resume')
  }

  drain() {
    return this.#do('drain')
  }

  purge() {
    return this.#do('purge')
  }

  stats() {
    return this.#do('stats')
  }

  /** How it behaves, as it is stored: what `declare()` takes. */
  async options() {
    const options = await this.#do('options')
    return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null))
  }

  async peek(limit = 10) {
    const expected = integer(1, PAGE)(limit)
    if (expected) throw wrong(this.#where('peek'), expected, limit)
    return (await this.#do('peek', { limit })).items
  }

  /** @param {import('../..').ListOptions} [options] */
  async list(options) {
    const { state, cursor = '0', limit = 100 } = check(this.#where('list'), LIST, options)
    const { items, next } = await this.#do('list', { state, cursor, limit })
    return { messages: items, next }
  }

  /** @param {string} id */
  async get(id) {
    try {
      return (await this.#doWith('get', id)).items[0]
    } catch (error) {
      if (/** @type {any} */ (error).code === 'QUEUE_MESSAGE_NOT_FOUND') return undefined
      throw error
    }
  }

  /** @param {string} id */
  remove(id) {
    return this.#doWith('remove', id)
  }

  /** @param {string} id */
  promote(id) {
    return this.#doWith('promote', id)
  }

  /**
   * @param {string} id
   * @param {number | Date} when ms from now, or a time
   */
  async reschedule(id, when) {
    const time = timeOf(when)
    if (Number.isNaN(time)) throw wrong(this.#where('reschedule'), 'milliseconds from now, or a Date', when)
    return this.#doWith('reschedule', id, typeof when === 'number' ? { after: time } : { at: time })
  }

  /**
   * @param {string} id
   * @param {string | Management} to
   */
  async move(id, to) {
    return this.#doWith('move', id, { to: this.#other('move', to) })
  }

  /**
   * @param {string | Management} to
   * @param {import('../..').LimitOptions} [options]
   */
  async moveAll(to, options) {
    const { limit } = check(this.#where('moveAll'), LIMIT, options)
    return this.#do('moveAll', { to: this.#other('moveAll', to), limit })
  }

  /**
   * @param {string} action
   * @param {string | Management} to
   * @returns {number}
   */
  #other(action, to) {
    const { number } = to instanceof Management ? to : this.#queues.queue(to)
    if (number === this.number) throw wrong(this.#where(action), 'another queue', this.name)
    return number
  }

  /** @param {string} id */
  redrive(id) {
    return this.#doWith('redrive', id)
  }

  /** @param {import('../..').LimitOptions} [options] */
  async redriveAll(options) {
    const { limit } = check(this.#where('redriveAll'), LIMIT, options)
    return this.#do('redriveAll', { limit })
  }

  /**
   * @param {string} name
   * @param {import('../..').RepeatTimes} times
   * @param {any} payload
   * @param {any} [options]
   */
  async repeat(name, times, payload, options) {
    const where = this.#where('repeat')
    checkName(where, name)
    const { until, ...given } = check(where, TIMES, times)
    if ((given.every === undefined) === (given.cron === undefined)) throw wrong(where, 'either every or cron', times)
    if (given.tz !== undefined && given.cron === undefined) throw wrong(where, 'tz with cron only', times)
    for (const option of ['delay', 'deliverAt', 'dedupId']) {
      if (options?.[option] !== undefined) throw wrong(where, `no ${option}`, options)
    }
    const message = prepare(where, payload, options)
    const settings = JSON.stringify({ name, ...given, until: until === undefined ? undefined : timeOf(until) })
    return this.#engine.ask((block, ticket) => {
      block.begin(OP.SCHEDULE, ticket)
      block.word(this.number)
      block.part(settings)
      block.message(message)
    })
  }

  /** @param {string} name @returns {Promise<boolean>} whether there was one */
  async cancelRepeat(name) {
    checkName(this.#where('cancelRepeat'), name)
    return (await this.#do('unschedule', { name })) > 0
  }

  async repeats() {
    return (await this.#do('schedules')).items
  }
}

module.exports = { Management }
