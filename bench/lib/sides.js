// @ts-check
'use strict'

const { ADAPTERS, adaptersFor } = require('./adapters')
const { PROCEDURES } = require('./procedures')
const { Side } = require('./side')

/**
 * @typedef {import('./arguments').Settings} Settings
 * @typedef {import('./metrics').Sample} Sample
 * @typedef {import('./rows').Row} Row
 * @typedef {import('./rows').Setup} Setup
 */

/** The servers and clients that run now, of all adapters. */
class Sides {
  #settings
  /** @type {Map<string, Side>} */
  #shared = new Map()
  /** @type {Set<Side>} */
  #open = new Set()
  /** @type {Set<string>} */
  warnings = new Set()

  /** @param {Settings} settings */
  constructor(settings) {
    this.#settings = settings
  }

  /**
   * All rounds of a row.
   * @param {Row} row
   * @returns {Promise<{ samples: Map<string, Sample[]>, failures: Record<string, string> }>} by adapter
   */
  async measure(row) {
    const adapters = adaptersFor(row, this.#settings.adapters)
    /** @type {Map<string, Sample[]>} */
    const samples = new Map(adapters.map((adapter) => [adapter, []]))
    /** @type {Record<string, string>} */
    const failures = {}
    for (let round = 0; round < this.#settings.rounds; round += 1) {
      // In turn, and each first as often as last: what changes on the machine meanwhile hits all of them.
      const order = round % 2 === 0 ? adapters : [...adapters].reverse()
      for (const adapter of order.filter((name) => samples.has(name))) {
        try {
          samples.get(adapter)?.push(await this.#round(row, adapter))
        } catch (error) {
          // Ours, and what it is compared with, must not fail. A peer may: that is told.
          if (ADAPTERS[adapter].host === undefined) throw error
          failures[adapter] = error instanceof Error ? error.message.split('\n')[0] : String(error)
          samples.delete(adapter)
          await this.#close(this.#shared.get(adapter))
        }
      }
    }
    return { samples, failures }
  }

  /** Ends all. */
  async close() {
    await Promise.all([...this.#open].map((side) => this.#close(side)))
  }

  /**
   * @param {Row} row
   * @param {string} adapter
   */
  async #round(row, adapter) {
    const { seconds, payload, memberships } = this.#settings
    const side = row.fresh ? this.#new(row.setup, adapter) : await this.#ready(row.setup, adapter)
    const sample = await PROCEDURES[row.procedure](side, row, { ms: seconds * 1000, payload, memberships })
    if (row.fresh) await this.#close(side)
    return sample
  }

  /**
   * @param {Setup} setup
   * @param {string} adapter
   * @returns {Promise<Side>} the one that rows with this setup share
   */
  async #ready(setup, adapter) {
    const shared = this.#shared.get(adapter)
    if (shared) return shared
    const side = this.#new(setup, adapter)
    await side.open()
    this.#shared.set(adapter, side)
    return side
  }

  /**
   * @param {Setup} setup
   * @param {string} adapter
   */
  #new(setup, adapter) {
    const { freeClients: free } = this.#settings
    const side = new Side(adapter, { ...setup, free, clients: clientsOf(setup, this.#settings) })
    this.#open.add(side)
    return side
  }

  /** @param {Side | undefined} side */
  async #close(side) {
    if (!side) return
    for (const warning of side.warnings) this.warnings.add(warning)
    if (this.#shared.get(side.adapter) === side) this.#shared.delete(side.adapter)
    await side.close()
    this.#open.delete(side)
  }
}

/**
 * @param {Setup} setup
 * @param {Settings} settings
 */
function clientsOf({ clients }, settings) {
  return typeof clients === 'number' ? clients : settings[clients]
}

module.exports = { Sides, clientsOf }
