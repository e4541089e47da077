// @ts-check
'use strict'

const { createHash } = require('node:crypto')
const { pack } = require('./content')
const { checkEvent, checkRoom, emitOptions, scheduleOptions } = require('./options')

/** What an emit is to be: nothing of it changes, so it may be kept and used again. */
class DurableOperator {
  #durable
  #room
  #options
  #schedule

  /**
   * @param {import('./durable').Durable} durable
   * @param {string | string[]} room one, or those of an audience
   * @param {{ [name: string]: any }} [options]
   * @param {{ [name: string]: any }} [schedule]
   */
  constructor(durable, room, options = {}, schedule = {}) {
    this.#durable = durable
    this.#room = room
    this.#options = options
    this.#schedule = schedule
  }

  /** @param {number} ttl ms */
  ttl(ttl) {
    return this.#with({ ttl })
  }

  /** @param {string} dedupId */
  dedupId(dedupId) {
    return this.#with({ dedupId })
  }

  /** @param {object} options */
  #with(options) {
    return new DurableOperator(this.#durable, this.#room, { ...this.#options, ...emitOptions(options) }, this.#schedule)
  }

  /** @param {any} options */
  schedule(options) {
    return new DurableOperator(this.#durable, this.#room, this.#options, scheduleOptions(options))
  }

  /**
   * @param {string} event
   * @param {any[]} args
   * @returns {Promise<any>}
   */
  async emit(event, ...args) {
    checkEvent(event, args)
    const { volatile, ...when } = this.#schedule
    const queue = this.#durable.queueFor(volatile === true)
    const payload = pack({ event, args })
    if (!Array.isArray(this.#room)) return queue.send(payload, this.#sending(this.#room, when))
    return queue.sendBatch(this.#room.map((room) => ({ payload, ...this.#sending(room, when) })))
  }

  /**
   * @param {string} room
   * @param {object} when
   */
  #sending(room, when) {
    const { dedupId, ...options } = this.#options
    // The queue has one set of them for all rooms.
    const own = dedupId && createHash('sha256').update(JSON.stringify([room, dedupId])).digest('base64')
    return { ...options, ...when, key: room, dedupId: own }
  }
}

/** @param {unknown} rooms */
function checkRooms(rooms) {
  return [...new Set(Array.from(/** @type {any} */ (rooms), checkRoom))]
}

module.exports = { DurableOperator, checkRooms }
