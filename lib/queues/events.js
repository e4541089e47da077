// @ts-check
'use strict'

/** What happens in a queue: names, the engine's numbers for them, and what belongs to each. */

const { decodeTagged } = require('./payload')

/** In the order of `EventKind` in `crates/queue/src/event.rs`. */
const NAMES = /** @type {const} */ ([
  'sent',
  'delivered',
  'completed',
  'retried',
  'dead',
  'expired',
  'dropped',
  'lease-ended',
  'progress',
  'removed',
  'quarantined',
  'paused',
  'resumed',
  'drained',
])

const REASONS = /** @type {const} */ (['expired', 'maxRunTime'])

/** @type {{ [name: string]: (reader: import('./effects').EffectReader) => object }} What an event has beside `id`. */
const DETAILS = {
  delivered: (reader) => ({ attempt: reader.word() }),
  completed: (reader) => ({ result: decodeTagged(reader.part()) }),
  progress: (reader) => ({ progress: decodeTagged(reader.part()) }),
  'lease-ended': (reader) => ({ reason: REASONS[reader.word()] }),
  retried: (reader) => ({ attempt: reader.word(), error: reader.text(), delay: reader.number() }),
  dead: (reader) => ({ attempt: reader.word(), error: reader.text(), deadLetter: reader.text() || undefined }),
}

/** Those of the queue as a whole have no message. */
const OF_QUEUE = new Set(['paused', 'resumed', 'drained'])

/** @param {import('./effects').EffectReader} reader stands at the number of the kind */
function readEvent(reader) {
  const name = NAMES[reader.word()]
  const id = reader.id()
  const details = DETAILS[name]?.(reader)
  return { name, event: OF_QUEUE.has(name) ? {} : { id, ...details } }
}

/**
 * @param {(name: string) => boolean} isWanted
 * @returns {number} the engine's set of kinds
 */
function eventMask(isWanted) {
  return NAMES.reduce((mask, name, number) => (isWanted(name) ? mask | (1 << number) : mask), 0)
}

/** @param {string | symbol} name */
function isQueueEvent(name) {
  return NAMES.includes(/** @type {any} */ (name))
}

module.exports = { REASONS, eventMask, isQueueEvent, readEvent }
