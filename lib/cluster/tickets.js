// @ts-check
'use strict'

/** What the cluster's thread was asked: each question has a ticket, which its answer names. */

const { apart } = require('../write-callbacks')

/** @typedef {import('../../native').NativeClusterEvent} NativeClusterEvent */

class Tickets {
  /** What to call with the answer, or null when none comes. @type {Map<number, (answer: NativeClusterEvent | null) => void>} */
  #open = new Map()
  #next = 0
  /** To be called after what is on its way. @type {(() => void)[]} */
  #afterwards = []

  /** @param {(answer: NativeClusterEvent | null) => void} answered @returns {number} the ticket */
  take(answered) {
    const ticket = this.#next++
    this.#open.set(ticket, answered)
    return ticket
  }

  /** @param {number} ticket @param {NativeClusterEvent | null} answer */
  answer(ticket, answer) {
    const answered = this.#open.get(ticket)
    this.#open.delete(ticket)
    answered?.(answer)
  }

  /** @param {() => void} act to be called after everything is handled that is on its way when {@link echo} is called */
  afterwards(act) {
    this.#afterwards.push(act)
  }

  /** One question for all that is to be called afterwards. @param {(ticket: number) => void} ask */
  echo(ask) {
    if (this.#afterwards.length === 0) return
    const acts = this.#afterwards
    this.#afterwards = []
    ask(this.take(() => acts.forEach(apart)))
  }

  /** No answers come any more. */
  close() {
    this.echo(() => {})
    const open = [...this.#open.values()]
    this.#open.clear()
    for (const answered of open) answered(null)
  }
}

module.exports = { Tickets }
