// @ts-check
'use strict'

/** The messages that a worker holds, and what becomes of them. */

const { closedError } = require('./errors')
const { Message } = require('./message')
const { isMillis, wrong } = require('./rules')
const { writeExtend, writeProgress, writeRelease, writeSettle } = require('./settle')

/** @typedef {import('./settle').Outcome} Outcome */

class Holding {
  #engine
  #queue
  #report
  /** By token. @type {Map<number, Message>} */
  #held = new Map()

  /**
   * @param {import('./engine').QueueEngine} engine
   * @param {import('./queue').Queue} queue
   * @param {(error: unknown) => void} report takes what a backoff function did wrong
   */
  constructor(engine, queue, report) {
    this.#engine = engine
    this.#queue = queue
    this.#report = report
  }

  /** @param {Message} message */
  add(message) {
    this.#held.set(message.token, message)
  }

  /** @param {number} token @returns {Message | undefined} */
  get(token) {
    return this.#held.get(token)
  }

  /** @returns {Message[]} */
  all() {
    return [...this.#held.values()]
  }

  /**
   * By the app: with an answer.
   * @param {Message} message
   * @param {Outcome} outcome
   * @returns {Promise<void>}
   */
  settle(message, outcome) {
    return attempt(message, () => this.#engine.ask(this.#settling(message, outcome)))
  }

  /**
   * After the handler: without an answer. If it is lost, the lease's end is told.
   * @param {Message} message
   * @param {Outcome} outcome
   * @returns {boolean} whether it is acknowledged
   */
  finish(message, outcome) {
    let write
    let acknowledged = outcome.ack === true
    try {
      write = this.#settling(message, outcome)
    } catch (error) {
      // The result cannot be encoded, or is too large.
      write = this.#settling(message, { ack: false, error })
      acknowledged = false
    }
    this.#tell(write)
    return acknowledged
  }

  /**
   * @param {Message} message
   * @param {Outcome} outcome
   */
  #settling(message, outcome) {
    const write = writeSettle(message, this.#withBackoff(message, outcome))
    Message.settled(message)
    this.#held.delete(message.token)
    return write
  }

  /**
   * @param {Message} message
   * @param {Outcome} outcome
   * @returns {Outcome}
   */
  #withBackoff(message, outcome) {
    const where = `queue "${this.#queue.name}"`
    if (outcome.delay !== undefined) {
      const expected = isMillis(outcome.delay)
      if (expected) throw wrong(`${where}, nack`, `delay to be ${expected}`, outcome.delay)
      return { ...outcome, delay: Math.ceil(outcome.delay) }
    }
    const { backoff } = this.#queue
    if (outcome.ack || outcome.release || !backoff) return outcome
    try {
      const delay = backoff(message.attempt, outcome.error, message)
      const expected = isMillis(delay)
      if (expected) throw wrong(`${where}, backoff`, `${expected} to be returned`, delay)
      return { ...outcome, delay: Math.ceil(delay) }
    } catch (error) {
      // The engine's own backoff takes its place.
      this.#report(error)
      return outcome
    }
  }

  /** Gives a message back that no handler has seen. @param {Message} message */
  release(message) {
    this.lost(message, closedError('the worker is closed'))
    this.#tell(writeRelease(message))
  }

  /**
   * @param {Message} message
   * @param {import('./errors').QueueError} error
   */
  lost(message, error) {
    this.#held.delete(message.token)
    Message.ended(message, error)
  }

  /**
   * @param {Message} message
   * @param {unknown} data
   */
  progress(message, data) {
    if (!Message.isOpen(message)) throw Message.notHeld(message)
    this.#tell(writeProgress(message, data))
  }

  /**
   * @param {Message} message
   * @param {number} millis
   * @returns {Promise<void>}
   */
  extend(message, millis) {
    return attempt(message, () => {
      const expected = isMillis(millis)
      if (expected) throw wrong('extend', expected, millis)
      return this.#engine.ask(writeExtend(message, Math.ceil(millis)))
    })
  }

  /** @param {import('./settle').Write} write */
  #tell(write) {
    write(this.#engine.commands.block, 0)
    this.#engine.commands.touch()
  }
}

/**
 * Who does not look at the promise need not handle its failure.
 * @param {Message} message
 * @param {() => Promise<void>} act
 * @returns {Promise<void>}
 */
function attempt(message, act) {
  let promise
  try {
    promise = Message.isOpen(message) ? act() : Promise.reject(Message.notHeld(message))
  } catch (error) {
    promise = Promise.reject(error)
  }
  promise.catch(NOTHING)
  return promise
}

function NOTHING() {}

module.exports = { Holding }
