// @ts-check
'use strict'

/** Messages to send: checked and encoded, before anything of them is written. */

const { encode } = require('./payload')
const { MOST, integer, isKey, isMillis, isTime, timeOf, wrong } = require('./rules')

/** @typedef {import('./block').PreparedOptions} PreparedOptions */

/** @type {{ [name: string]: (to: PreparedOptions, value: any) => void }} */
const TAKE = {
  key: (to, value) => (to.key = value),
  dedupId: (to, value) => (to.dedupId = value),
  priority: (to, value) => (to.priority = value),
  ttl: (to, value) => (to.ttl = value),
  delay: (to, value) => (to.after = Math.ceil(value)),
  deliverAt: (to, value) => (to.at = timeOf(value)),
  headers: (to, value) => (to.headers = JSON.stringify(value)),
}

/** @type {{ [name: string]: import('./rules').Rule }} */
const RULES = {
  key: isKey,
  dedupId: isKey,
  priority: integer(0, 255),
  ttl: integer(1, MOST),
  delay: isMillis,
  deliverAt: isTime,
  headers: areHeaders,
}

/** @type {import('./rules').Rule} */
function areHeaders(headers) {
  const expected = 'an object of texts'
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return expected
  return Object.values(headers).every((value) => typeof value === 'string') ? undefined : expected
}

/**
 * @param {string} where
 * @param {any} payload
 * @param {any} [options]
 * @returns {import('./block').Prepared}
 */
function prepare(where, payload, options) {
  const { content, body } = encode(payload)
  return { content, body, options: options === undefined ? undefined : prepareOptions(where, options) }
}

/**
 * @param {string} where
 * @param {any} options
 * @param {string} [beside] what is no option
 * @returns {PreparedOptions | undefined}
 */
function prepareOptions(where, options, beside) {
  if (typeof options !== 'object' || options === null) throw wrong(where, 'an object of options', options)
  /** @type {PreparedOptions | undefined} */
  let prepared
  for (const name in options) {
    const value = options[name]
    if (value === undefined || name === beside) continue
    if (!Object.hasOwn(RULES, name)) throw wrong(where, `one of the options ${Object.keys(RULES).join(', ')}`, name)
    const expected = RULES[name](value)
    if (expected) throw wrong(where, `${name} to be ${expected}`, value)
    TAKE[name]((prepared ??= {}), value)
  }
  if (prepared?.after !== undefined && prepared.at !== undefined) {
    throw wrong(where, 'either delay or deliverAt', options)
  }
  return prepared
}

/**
 * One of a batch: `{ payload, ...options }`.
 * @param {string} where
 * @param {any} message
 * @returns {import('./block').Prepared}
 */
function prepareOne(where, message) {
  if (typeof message !== 'object' || message === null || !('payload' in message)) {
    throw wrong(where, 'messages like { payload, …options }', message)
  }
  const { content, body } = encode(message.payload)
  return { content, body, options: prepareOptions(where, message, 'payload') }
}

module.exports = { prepare, prepareOne }
