// @ts-check
'use strict'

/** While somebody wants it, the engine handles no entry of a namespace, and lets nothing go that waits. */

class Pauses {
  #calls
  #slot
  #wanted = 0

  /** @param {{ pause: (slot: number) => void, resume: (slot: number) => void }} calls @param {number} slot of the namespace */
  constructor(calls, slot) {
    this.#calls = calls
    this.#slot = slot
  }

  begin() {
    if (this.#wanted++ === 0) this.#calls.pause(this.#slot)
  }

  end() {
    if (--this.#wanted === 0) this.#calls.resume(this.#slot)
  }

  /** @param {() => void} act */
  during(act) {
    this.begin()
    try {
      act()
    } finally {
      this.end()
    }
  }
}

module.exports = { Pauses }
