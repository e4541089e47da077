// @ts-check
'use strict'

/** A message as the dashboard shows a job. */

const { readable } = require('./readable')

/** @typedef {import('../../..').MessageInfo} MessageInfo */

class Job {
  #adapter
  #info
  #state

  /**
   * @param {import('./actions').Actions} adapter carries out what is asked for
   * @param {MessageInfo} info
   * @param {string} state as the dashboard calls it
   */
  constructor(adapter, info, state) {
    this.#adapter = adapter
    this.#info = info
    this.#state = state
  }

  get id() {
    return this.#info.id
  }

  get name() {
    return this.#info.headers.name ?? this.#adapter.name
  }

  get repeatJobKey() {
    return this.#info.schedule
  }

  get queueName() {
    return this.#adapter.name
  }

  get queueQualifiedName() {
    return this.#adapter.name
  }

  get opts() {
    const { headers, key, priority, deliverAt, expiresAt, origin } = this.#info
    return { priority, key, headers, deliverAt: date(deliverAt), expiresAt: date(expiresAt), origin, delay: this.#delay() }
  }

  #delay() {
    const { deliverAt, sentAt } = this.#info
    return deliverAt === undefined ? undefined : Math.max(0, deliverAt - sentAt)
  }

  toJSON() {
    const { id, payload, attempts, history, sentAt, schedule, priority } = this.#info
    const last = history.at(-1)
    const result = /** @type {any} */ (this.#info).result
    return {
      id,
      name: this.name,
      data: readable(payload),
      opts: this.opts,
      progress: 0,
      delay: this.#delay(),
      timestamp: sentAt,
      attemptsMade: attempts,
      finishedOn: /** @type {any} */ (this.#info).finishedOn ?? (this.#state === 'failed' ? last?.failedAt : undefined),
      failedReason: last?.error,
      stacktrace: history.map((attempt) => `attempt ${attempt.attempt}, ${date(attempt.failedAt)}: ${attempt.error}`),
      returnvalue: result === undefined ? null : readable(result),
      repeatJobKey: schedule,
      priority: priority || undefined,
    }
  }

  /** As it is now: what the dashboard acts on may have moved on. @returns {Promise<string>} */
  async getState() {
    return (await this.#adapter.stateOf(this.id)) ?? 'unknown'
  }

  promote() {
    return this.#adapter.promote(this.id)
  }

  remove() {
    return this.#adapter.remove(this.id, this.#state)
  }

  retry() {
    return this.#adapter.retry(this.id, this.#state)
  }

  /** @param {number} delay ms */
  changeDelay(delay) {
    return this.#adapter.reschedule(this.id, delay)
  }

  async updateData() {
    throw new Error('a stored message is not changed: remove it, and send another one')
  }
}

/** @param {number | undefined} millis */
function date(millis) {
  return millis === undefined ? undefined : new Date(millis).toISOString()
}

module.exports = { Job }
