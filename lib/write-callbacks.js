// @ts-check
'use strict'

/** What is called when the kernel has the bytes of a packet. */

/** The list of a lane that waits for nothing: nearly all, nearly always. @type {any[]} */
const NONE = []

/** Those of one lane, in the order of issue. */
class WriteCallbacks {
  #list = NONE

  get isEmpty() {
    return this.#list.length === 0
  }

  /** @param {any} callback */
  push(callback) {
    if (this.#list === NONE) this.#list = [callback]
    else this.#list.push(callback)
  }

  /** Takes the last one back. */
  pop() {
    this.#list.pop()
  }

  /** Takes the first ones out. @param {number} count */
  take(count) {
    return count < this.#list.length ? this.#list.splice(0, count) : this.takeAll()
  }

  takeAll() {
    const list = this.#list
    this.#list = NONE
    return list
  }
}

/** Calls something of the app; should it throw, what comes after it goes on. @param {() => void} call */
function apart(call) {
  try {
    call()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}

module.exports = { WriteCallbacks, apart }
