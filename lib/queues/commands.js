// @ts-check
'use strict'

/** The commands of a tick, on their way to the native engine in one call. */

const { setImmediate } = require('node:timers')
const { CommandBlock } = require('./block')

/** After so many words of commands that were applied in their own tick (a fraction of a millisecond), the event loop has its turn. */
const MOST_IN_PLACE = 1024

class Commands {
  block = new CommandBlock()
  #native
  #take
  #failed
  #armed = false
  /** Words of commands that were applied in their own tick since the event loop had its turn. */
  #inPlace = 0

  /**
   * @param {NativeQueues} native
   * @param {() => void} take called when effects are there at once
   * @param {(cause: unknown) => void} failed a block was not understood
   */
  constructor(native, take, failed) {
    this.#native = native
    this.#take = take
    this.#failed = failed
  }

  /** To be called after something was written: it leaves at the end of the tick, usually. */
  touch() {
    if (this.block.full) return this.flush()
    if (this.#armed) return
    this.#armed = true
    if (this.#inPlace < MOST_IN_PLACE) return process.nextTick(this.#endTick)
    this.#inPlace = 0
    setImmediate(this.#endTick)
  }

  /** What is written from now on leaves when this turn of the event loop ends: each socket that is read in a turn has a tick of its own. */
  gather() {
    if (this.#armed) return
    this.#armed = true
    setImmediate(this.#endTick)
  }

  #endTick = () => {
    this.#armed = false
    const { count, attachments } = this.block
    if (count === 0 || !this.#submit(attachments === null)) return
    this.#inPlace += count
    this.#take()
  }

  flush() {
    if (this.block.count > 0) this.#submit(false)
  }

  /** @param {boolean} inPlace @returns {boolean} */
  #submit(inPlace) {
    const { block } = this
    const { words, count, bytes, length, attachments } = block
    let done = false
    try {
      done = this.#native.submit(words, count, bytes, length, attachments, inPlace)
    } catch (cause) {
      this.#failed(cause)
    }
    block.clear()
    return done
  }
}

module.exports = { Commands }
