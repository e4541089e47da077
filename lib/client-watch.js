// @ts-check
'use strict'

const { isClientPatched } = require('./lane-support')

/** Notices when a tool wants to see all packets of a namespace. */
class ClientWatch {
  #nsp
  #engine
  /** Of the clients of the namespace's sockets, once there was one. @type {any} */
  #prototype
  /** Its method, found to be Socket.IO's own. @type {unknown} */
  #writeToEngine

  /** @param {any} nsp @param {import('./engine').Engine} engine */
  constructor(nsp, engine) {
    this.#nsp = nsp
    this.#engine = engine
  }

  /** Whether every packet must be seen by JavaScript, because a tool asked for that in a way that concerns all connections. */
  areObserved() {
    return this.#engine.observed || this.#arePatched()
  }

  #arePatched() {
    const prototype = (this.#prototype ??= this.#find())
    if (prototype === undefined || prototype.writeToEngine === this.#writeToEngine) return false
    if (isClientPatched(prototype)) return true
    this.#writeToEngine = prototype.writeToEngine
    return false
  }

  #find() {
    for (const { client } of this.#nsp.sockets?.values() ?? []) return client && Object.getPrototypeOf(client)
  }
}

module.exports = { ClientWatch }
