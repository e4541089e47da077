// @ts-check
'use strict'

/**
 * Changes of one namespace that the engine has not been told yet: a call into the addon costs more than what it does. They
 * are handed over before anything is read, at the end of the tick, and when there are many.
 */

/** The kinds of `src/rooms.rs`. Each is followed by two numbers. */
const CHANGE = {
  ENTER: 0,
  EXIT: 1,
  JOIN: 2,
  LEAVE: 3,
  REMOVE: 4,
  COMPAT: 5,
  REBIND: 6,
  /** The second number is the length of the name, as a string. */
  CREATE_TEXT: 7,
  CREATE_NUMBER: 8,
  CREATE_OPAQUE: 9,
}

/** Most namespaces change little in a tick. */
const FEW = 64
/** Handed over from here: other threads wait for a snapshot while they are made. */
const MANY = 4096
/** As many units of names at once. */
const MANY_UNITS = 65_536

class Changes {
  #words = new Uint32Array(FEW)
  #count = 0
  /** The names of the rooms that are made. @type {string[]} */
  #names = []
  #units = 0
  #armed = false
  #apply

  /** @param {(words: Uint32Array, count: number, names: string) => void} apply */
  constructor(apply) {
    this.#apply = apply
  }

  /**
   * @param {number} kind
   * @param {number} first
   * @param {number} second
   */
  push(kind, first, second) {
    const at = this.#count
    if (at === 0 && !this.#armed) this.#arm()
    const words = this.#words
    words[at] = kind
    words[at + 1] = first
    words[at + 2] = second
    this.#count = at + 3
    if (at + 6 > words.length) this.#makeRoom()
  }

  /** @param {number} room @param {unknown} name */
  create(room, name) {
    if (typeof name !== 'string' && typeof name !== 'number') return this.push(CHANGE.CREATE_OPAQUE, room, 0)
    const text = String(name)
    this.#names.push(text)
    this.#units += text.length
    this.push(typeof name === 'string' ? CHANGE.CREATE_TEXT : CHANGE.CREATE_NUMBER, room, text.length)
    if (this.#units > MANY_UNITS) this.flush()
  }

  #makeRoom() {
    if (this.#words.length >= MANY) return this.flush()
    const words = new Uint32Array(this.#words.length * 4)
    words.set(this.#words)
    this.#words = words
  }

  #arm() {
    this.#armed = true
    process.nextTick(this.#endTick)
  }

  #endTick = () => {
    this.#armed = false
    this.flush()
  }

  flush() {
    const count = this.#count
    if (count === 0) return
    const names = this.#names
    this.#count = 0
    if (names.length > 0) this.#names = []
    this.#units = 0
    this.#apply(this.#words, count, names.length === 1 ? names[0] : names.join(''))
  }
}

module.exports = { CHANGE, Changes }
