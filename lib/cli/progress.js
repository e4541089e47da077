// @ts-check
'use strict'

const WIDTH = 30
const EVERY = 100

/** A bar on a terminal. Elsewhere it is silent. */
class Progress {
  #stream
  #what
  #shown = false
  #next = 0

  /**
   * @param {NodeJS.WriteStream} stream
   * @param {string} what is done
   */
  constructor(stream, what) {
    this.#stream = stream
    this.#what = what
  }

  /**
   * @param {number} done
   * @param {number} total
   */
  show(done, total) {
    if (!this.#stream.isTTY || Date.now() < this.#next) return
    this.#next = Date.now() + EVERY
    this.#shown = true
    const part = total > 0 ? Math.min(1, done / total) : 1
    const filled = Math.round(part * WIDTH)
    const bar = '#'.repeat(filled) + '-'.repeat(WIDTH - filled)
    this.#stream.write(`\r\x1b[K${this.#what} [${bar}] ${Math.floor(part * 100)}%`)
  }

  end() {
    if (this.#shown) this.#stream.write('\r\x1b[K')
  }
}

module.exports = { Progress }
