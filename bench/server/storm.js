// @ts-check
'use strict'

const { performance } = require('node:perf_hooks')

/**
 * Waits until no connection is left.
 * @param {import('socket.io').Server} io
 * @returns {Promise<{ ms: number }>} from the first that went to the last
 */
function allGone(io) {
  const { adapter, sockets } = io.of('/')
  let left = sockets.size
  let first = 0
  return new Promise((resolve, reject) => {
    const onGone = () => {
      first ||= performance.now()
      left -= 1
      if (left > 0) return
      const ms = performance.now() - first
      // A socket leaves its rooms before it says that it is gone.
      if (adapter.sids.size > 0) reject(new Error(`${adapter.sids.size} sockets are left in the adapter`))
      else resolve({ ms })
    }
    if (left === 0) resolve({ ms: 0 })
    for (const socket of sockets.values()) socket.once('disconnect', onGone)
  })
}

module.exports = { allGone }
