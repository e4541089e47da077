// @ts-check
'use strict'

const { NativeAdapter } = require('./adapter')
const { NativeAdapterError } = require('./errors')

/**
 * @param {any} io
 * @returns {import('..').AdapterStats}
 */
function stats(io) {
  const adapter = io?.sockets?.adapter
  if (!(adapter instanceof NativeAdapter)) {
    throw new NativeAdapterError(
      'ERR_NOT_NATIVE_ADAPTER',
      'stats: expected a Socket.IO server that uses this adapter: new Server(port, { adapter: createAdapter() })',
    )
  }
  const { engine } = adapter
  /** @type {Partial<Record<import('..').CompatReason, number>>} */
  const compatReasons = {}
  let lanes = 0
  let compat = 0
  let observed = 0
  for (const connection of engine.connections()) {
    if (connection.observed) observed++
    if (connection.compat === null) {
      lanes++
      continue
    }
    compat++
    compatReasons[connection.compat] = (compatReasons[connection.compat] ?? 0) + 1
  }
  let rooms = 0
  let sockets = 0
  for (const { rooms: names, sids } of engine.adapters) {
    rooms += names.size
    sockets += sids.size
  }
  const { writers, ...native } = JSON.parse(engine.native.stats())
  const { descriptorFailures } = engine
  // A lane counts from when it is opened: the writers see it a moment later.
  const cluster = engine.cluster?.stats()
  return { writers, rooms, sockets, ...native, lanes, compat, compatReasons, observed, descriptorFailures, ...(cluster && { cluster }) }
}

module.exports = { stats }
