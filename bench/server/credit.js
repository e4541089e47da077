// @ts-check
'use strict'

/** How many deliveries of this row the clients have received: the parent says so every few milliseconds. */
class Credit {
  #received = 0
  /** @type {(() => void) | undefined} */
  #wake

  get received() {
    return this.#received
  }

  /** @param {number} received */
  set(received) {
    this.#received = received
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  /**
   * Sleeps, instead of asking in a loop: on two cores that would take the processor from the writers.
   * @param {() => void} wake called once, when the number was told anew
   */
  wait(wake) {
    this.#wake = wake
  }
}

module.exports = { credit: new Credit() }
