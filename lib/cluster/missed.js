// @ts-check
'use strict'

/** What somebody who comes back has left and missed, as it is kept. */

const { decode } = require('./msgpack')

/** @param {Buffer} payload @param {string} pid @param {string} nsp @returns {any} undefined when it is another's */
function readSession(payload, pid, nsp) {
  const session = /** @type {any} */ (decode(payload))
  const { sid, rooms, data = {} } = session
  const right = typeof sid === 'string' && session.pid === pid && Array.isArray(rooms) && (session.nsp ?? nsp) === nsp
  return right ? { sid, pid, rooms, data } : undefined
}

/** @param {import('../../native').NativeMissed} missed @returns {any[][]} */
function readMissed({ json, others }) {
  const packets = JSON.parse(json)
  for (const { at, data, offset } of others) packets[at] = [.../** @type {any[]} */ (decode(data)), offset]
  return packets
}

/** @param {string} id of an entry: milliseconds, a minus and a number @param {string} other */
function isAfter(id, other) {
  const [a, b] = [id, other].map((text) => text.split('-').map(Number))
  return a[0] > b[0] || (a[0] === b[0] && a[1] > b[1])
}

module.exports = { isAfter, readMissed, readSession }
