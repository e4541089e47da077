// @ts-check
'use strict'

/** A message as the dashboard shows a job. */

const { readable } = require('./readable')

/**
 * A message, and of one that was processed also when, and its result.
 * @typedef {import('../../..').MessageInfo & { result?: any, processedOn?: number, finishedOn?: number }} MessageInfo
 */

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
    const { id, payload, attempts, history, sentAt, schedule, priority, result, processedOn, finishedOn } = this.#info
    return {
      id,
      name: this.name,
      data: readable(payload),
      opts: this.opts,
      progress: 0,
      delay: this.#delay(),
      timestamp: sentAt,
      attemptsMade: attempts,
      // The dashboard tells how long it took, from these two. When an attempt began that has failed is not stored; when it failed is
      // told with its error.
      processedOn,
      finishedOn: processedOn && finishedOn,
      failedReason: history.at(-1)?.error,
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
