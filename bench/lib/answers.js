// @ts-check
'use strict'

/**
 * Waits for answers in the order in which they were asked for, so that a child that dies or goes silent fails its asker
 * instead of hanging it.
 */
class Answers {
  #who
  /** @type {{ resolve: (value: any) => void, reject: (error: Error) => void, timer: NodeJS.Timeout }[]} */
  #waiting = []
  /** @type {Error | undefined} */
  #failure

  /** @param {string} who for error messages */
  constructor(who) {
    this.#who = who
  }

  /**
   * @param {string} what for error messages
   * @param {number} timeout in milliseconds
   * @returns {Promise<any>} the next answer that nobody waits for yet
   */
  next(what, timeout) {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure)
      const expire = () => this.fail(new Error(`${this.#who} did not answer ${what} within ${timeout} ms`))
      this.#waiting.push({ resolve, reject, timer: setTimeout(expire, timeout) })
    })
  }

  /** @param {unknown} answer */
  settle(answer) {
    const first = this.#waiting.shift()
    clearTimeout(first?.timer)
    first?.resolve(answer)
  }

  /**
   * Fails all that wait and all that will ask.
   * @param {Error} error
   */
  fail(error) {
    this.#failure ??= error
    for (const { reject, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer)
      reject(error)
    }
  }
}

module.exports = { Answers }
