// @ts-check
'use strict'

/** What JavaScript writes when it is its turn, in the order in which it was issued. */

/**
 * @typedef {{ token: number | null, ids: string[], native: boolean, write: (offset?: string) => void }} Item
 *   `token`: by which the engine names it, null when it only waits behind another; `ids`: for whom it is, changed in place; `native`:
 *   the engine could write it, too
 */

class Later {
  /** @type {Item[]} */
  #list = []

  get isEmpty() {
    return this.#list.length === 0
  }

  /** @param {Item} item */
  push(item) {
    this.#list.push(item)
  }

  /** It is the turn of a packet, and of what waited behind it. @param {number} token @param {string | undefined} offset of it */
  release(token, offset) {
    const at = this.#list.findIndex((item) => item.token === token)
    if (at < 0) return
    let count = at + 1
    while (count < this.#list.length && this.#list[count].token === null) count++
    this.#list.splice(0, count).forEach((item, i) => item.write(i === at ? offset : undefined))
  }

  /** It waits for nothing any more. */
  releaseAll() {
    for (const item of this.#list.splice(0)) item.write()
  }

  /** What waits for a socket is written, and what was issued before. @param {string} id */
  flushFor(id) {
    const last = this.#list.findLastIndex(({ ids }) => ids.includes(id))
    for (const item of this.#list.splice(0, last + 1)) item.write()
  }

  /** Whether something for a socket only waits behind what was let go: no token names it. @param {string} id */
  isBehind(id) {
    return this.#list.some(({ token, ids }) => token === null && ids.includes(id))
  }

  /** These are for a further socket. @param {number[]} tokens @param {string} id */
  add(tokens, id) {
    for (const { token, ids } of this.#list) if (token !== null && tokens.includes(token)) ids.push(id)
  }

  /** The tokens of what waits for a socket and could be written by the engine. @param {string} id */
  adoptable(id) {
    const items = this.#list.filter(({ token, ids, native }) => token !== null && native && ids.includes(id))
    return items.map(({ token }) => /** @type {number} */ (token))
  }

  /** The engine writes these to a socket. @param {number[]} tokens @param {string} id */
  remove(tokens, id) {
    for (const { token, ids } of this.#list) {
      if (token !== null && tokens.includes(token)) ids.splice(ids.indexOf(id), 1)
    }
  }
}

module.exports = { Later }
