// @ts-check
'use strict'

/**
 * What can be compared.
 * @typedef {object} Adapter
 * @property {string[]} command what runs its server
 * @property {import('../..').AdapterOptions} [options] of the native adapter; without them it is another one
 * @property {(clients: number) => number | null} lanes how many there must be; null where there is no such thing
 */

// gc() before a row: what an earlier row left is not collected during a later one.
const NODE = [process.execPath, '--expose-gc']

/** @type {Record<string, Adapter>} */
const ADAPTERS = {
  stock: { command: NODE, lanes: () => null },
  native: { command: NODE, options: {}, lanes: (clients) => clients },
  'native-lanes-off': { command: NODE, options: { lanes: false }, lanes: () => 0 },
  'native-1-writer': { command: NODE, options: { writers: 1 }, lanes: (clients) => clients },
  'native-2-writers': { command: NODE, options: { writers: 2 }, lanes: (clients) => clients },
}

module.exports = { ADAPTERS }
