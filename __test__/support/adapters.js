// @ts-check
'use strict'

/**
 * The adapters that every test of behaviour runs with. A test that the stock adapter fails is a wrong test.
 */

const { Adapter, SessionAwareAdapter } = require('socket.io-adapter')
const { createAdapter } = require('../..')

/**
 * @typedef {object} TestedAdapter
 * @property {string} name
 * @property {boolean} native
 * @property {boolean} lanes whether connections that can have a lane get one
 * @property {() => any} option for `new Server({ adapter })`; undefined for Socket.IO's own choice
 * @property {(nsp: any) => any} on makes the adapter of a namespace, or of a mock of one
 */

/** @type {TestedAdapter[]} */
const ADAPTERS = [
  {
    name: 'stock adapter',
    native: false,
    lanes: false,
    option: () => undefined,
    on: (nsp) => new (nsp.server.opts?.connectionStateRecovery ? SessionAwareAdapter : Adapter)(nsp),
  },
  native('native adapter', {}),
  native('native adapter without lanes', { lanes: false }),
]

/**
 * @param {string} name
 * @param {import('../..').AdapterOptions} options
 * @returns {TestedAdapter}
 */
function native(name, options) {
  return {
    name,
    native: true,
    lanes: options.lanes !== false,
    option: () => createAdapter(options),
    on: (nsp) => new (createAdapter(options))(nsp),
  }
}

/** Without a network, lanes make no difference. */
const ADAPTERS_ON_MOCKS = ADAPTERS.slice(0, 2)

module.exports = { ADAPTERS, ADAPTERS_ON_MOCKS }
