// @ts-check
'use strict'

const { NativeAdapter } = require('./adapter')
const { ClusterAdapter } = require('./cluster/adapter')
const { StreamsAdapter } = require('./cluster/streams')
const { Engine } = require('./engine')
const { NativeAdapterError } = require('./errors')
const { validateOptions } = require('./options')

/**
 * @param {import('..').AdapterOptions} [options]
 * @returns {import('..').AdapterConstructor}
 */
function createAdapter(options) {
  const settings = validateOptions(options)
  /** One engine a server: a connection has one index in all its namespaces. @type {WeakMap<object, Engine>} */
  const engines = new WeakMap()

  /** @param {any} nsp */
  function engineOf(nsp) {
    if (!nsp?.server?.encoder) {
      throw new NativeAdapterError(
        'ERR_INVALID_NAMESPACE',
        `expected a Socket.IO namespace, got ${nsp === null ? 'null' : typeof nsp}: pass createAdapter() to new Server() ` +
          'or io.adapter(), which make the adapter of each namespace',
      )
    }
    let engine = engines.get(nsp.server)
    if (!engine) engines.set(nsp.server, (engine = new Engine(settings)))
    return engine
  }

  const Clustered = settings.cluster?.mode === 'streams' ? StreamsAdapter : ClusterAdapter
  const Base = settings.cluster ? Clustered : NativeAdapter

  class ServerAdapter extends Base {
    /** @param {any} nsp */
    constructor(nsp) {
      super(nsp, engineOf(nsp))
    }
  }
  Object.defineProperty(ServerAdapter, 'name', { value: 'NativeAdapter' })
  return /** @type {any} */ (ServerAdapter)
}

module.exports = { createAdapter }
