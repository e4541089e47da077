// @ts-check
'use strict'

/** Keeps the process alive while somebody holds it: those who wait for answers, and open workers. */
class KeepAlive {
  #native
  #held = 0
  #strong = false

  /** @param {{ hold(strong: boolean): void }} native */
  constructor(native) {
    this.#native = native
  }

  hold() {
    this.#held++
    if (this.#strong) return
    this.#strong = true
    this.#native.hold(true)
  }

  letGo() {
    this.#held--
  }

  /** Lets the process end if nobody holds it. After answers, not with each: who got one may ask again. */
  relax() {
    if (this.#held > 0 || !this.#strong) return
    this.#strong = false
    this.#native.hold(false)
  }

  /** {@link letGo}, outside of an answer. */
  letGoNow() {
    this.letGo()
    this.relax()
  }
}

module.exports = { KeepAlive }
