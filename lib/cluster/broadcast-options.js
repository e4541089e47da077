// @ts-check
'use strict'

/** For whom a broadcast is, as Socket.IO has it and as other servers get it. */

/** @typedef {import('../adapter').BroadcastOptions} BroadcastOptions */

/** @param {BroadcastOptions} opts */
function plainOptions({ rooms, except, flags }) {
  return { rooms: [...rooms], except: [...(except ?? [])], flags: flags ?? {} }
}

/** As it came, each part may be missing or anything. @param {any} opts @returns {BroadcastOptions} */
function setOptions(opts) {
  const set = (/** @type {unknown} */ list) => new Set(Array.isArray(list) ? list : [])
  const flags = typeof opts?.flags === 'object' && opts.flags !== null ? opts.flags : {}
  return { rooms: set(opts?.rooms), except: set(opts?.except), flags }
}

/** @param {any} flags */
function isEmpty(flags) {
  for (const flag in flags) if (flags[flag] !== undefined) return false
  return true
}

module.exports = { isEmpty, plainOptions, setOptions }
