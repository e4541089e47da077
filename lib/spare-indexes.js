// @ts-check
'use strict'

/** Taken at once: a call into the addon for each costs more than what a socket's rooms cost. */
const BLOCK = 16

/** Indexes for a namespace's sockets that have none of a connection. They are kept for the next ones until it closes. */
class SpareIndexes {
  #engine
  /** @type {number[]} */
  #spare = []

  /** @param {import('./engine').Engine} engine */
  constructor(engine) {
    this.#engine = engine
  }

  /** @returns {number} */
  take() {
    if (this.#spare.length === 0) this.#spare = Array.from(this.#engine.native.takeIndexes(BLOCK))
    return /** @type {number} */ (this.#spare.pop())
  }

  /** @param {number} index */
  giveBack(index) {
    if (this.#engine.cluster) this.#engine.giveIndexBack(index)
    else this.#spare.push(index)
  }

  close() {
    for (const index of this.#spare) this.#engine.giveIndexBack(index)
    this.#spare = []
  }
}

module.exports = { SpareIndexes }
