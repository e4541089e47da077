// @ts-check
'use strict'

const { Message } = require('./message')

/** One call of a handler, and what it gets beside its messages. What it does not ask for is not made. */
class Run {
  #holding
  #messages
  /** @type {AbortController | undefined} */
  #abort
  /** Why the messages are not held any more. @type {Error | undefined} */
  #reason
  /** Its outcome does not matter any more. */
  over = false

  /**
   * @param {import('./holding').Holding} holding
   * @param {Message | Message[]} messages
   */
  constructor(holding, messages) {
    this.#holding = holding
    this.#messages = messages
  }

  /** @param {Run} run @returns {Message[]} those not settled */
  static open(run) {
    const messages = run.#messages
    return (Array.isArray(messages) ? messages : [messages]).filter(Message.isOpen)
  }

  /**
   * @param {Run} run
   * @param {Error} reason
   */
  static stop(run, reason) {
    run.#reason ??= reason
    run.#abort?.abort(run.#reason)
  }

  get signal() {
    if (!this.#abort) {
      this.#abort = new AbortController()
      if (this.#reason) this.#abort.abort(this.#reason)
    }
    return this.#abort.signal
  }

  get progress() {
    return (/** @type {unknown} */ data) => {
      for (const message of this.#all()) this.#holding.progress(message, data)
    }
  }

  get extend() {
    return async (/** @type {number} */ millis) => {
      await Promise.all(this.#all().map((message) => this.#holding.extend(message, millis)))
    }
  }

  /** Those that are open; if there are none, the last to complain about. @returns {Message[]} */
  #all() {
    const open = Run.open(this)
    if (open.length > 0) return open
    return Array.isArray(this.#messages) ? this.#messages.slice(-1) : [this.#messages]
  }
}

module.exports = { Run }
