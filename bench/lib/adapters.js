// @ts-check
'use strict'

const { FILES, unavailable } = require('./peers')

/**
 * What can be compared.
 * @typedef {object} Adapter
 * @property {string[]} command what runs its server
 * @property {'uws' | 'bun'} [host] whose server it is; Node.js's by default
 * @property {import('../..').AdapterOptions} [options] of the native adapter; without them it is another one
 * @property {number} [windowOfClient] bytes that may be under way to a client in a flood, where more are dropped
 * @property {(clients: number) => number | null} lanes how many there must be; null where there is no such thing
 */

// gc() before a row: what an earlier row left is not collected during a later one.
const NODE = [process.execPath, '--expose-gc']

/** uWebSockets.js drops what a client has not taken past 64 KiB. */
const UWS_WINDOW = 48 * 1024

/** @type {Record<string, Adapter>} */
const ADAPTERS = {
  stock: { command: NODE, lanes: () => null },
  native: { command: NODE, options: {}, lanes: (clients) => clients },
  'native-lanes-off': { command: NODE, options: { lanes: false }, lanes: () => 0 },
  uws: { command: NODE, host: 'uws', windowOfClient: UWS_WINDOW, lanes: () => null },
  bun: { command: [FILES.bun, '--expose-gc'], host: 'bun', lanes: () => null },
  'native-1-writer': { command: NODE, options: { writers: 1 }, lanes: (clients) => clients },
  'native-2-writers': { command: NODE, options: { writers: 2 }, lanes: (clients) => clients },
}

/**
 * @param {string[]} names
 * @returns {Record<string, string>} why some cannot be measured here
 */
function reasonsAgainst(names) {
  const reasons = names.map((name) => [name, ADAPTERS[name].host && unavailable(ADAPTERS[name].host)])
  return Object.fromEntries(reasons.filter(([, reason]) => reason !== undefined))
}

/**
 * @param {import('./rows').Row} row
 * @param {string[]} names
 * @returns {string[]} those that can do this row
 */
function adaptersFor(row, names) {
  return names.filter((name) => row.peers !== false || ADAPTERS[name].host === undefined)
}

module.exports = { ADAPTERS, adaptersFor, reasonsAgainst }
