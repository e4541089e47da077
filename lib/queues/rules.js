// @ts-check
'use strict'

/** How options are checked: what was expected, what came. */

const { inspect, types } = require('node:util')
const { QueueError } = require('./errors')

/**
 * What was expected, unless the value is that.
 * @typedef {(value: any) => string | undefined} Rule
 */

const MOST = Number.MAX_SAFE_INTEGER
const MOST_NAME_BYTES = 200
const MOST_KEY_BYTES = 1024

/** @param {unknown} value */
function show(value) {
  return inspect(value, { depth: 0, maxStringLength: 50, breakLength: Infinity })
}

/**
 * @param {string} where
 * @param {string} expected
 * @param {unknown} got
 */
function wrong(where, expected, got) {
  return new QueueError('QUEUE_OPTION_INVALID', `${where}: expected ${expected}, got ${show(got)}`)
}

/** @type {(least: number, most: number) => Rule} */
function integer(least, most) {
  const expected = most === MOST ? `an integer of at least ${least}` : `an integer from ${least} to ${most}`
  return (value) => (Number.isInteger(value) && value >= least && value <= most ? undefined : expected)
}

/** @type {Rule} */
const isMillis = (value) =>
  typeof value === 'number' && value >= 0 && value <= MOST ? undefined : 'milliseconds, 0 or more'

/** @type {Rule} */
const isBoolean = (value) => (typeof value === 'boolean' ? undefined : 'true or false')

/** @type {Rule} */
const isFunction = (value) => (typeof value === 'function' ? undefined : 'a function')

/** @type {Rule} */
const isText = (value) => (typeof value === 'string' && value !== '' ? undefined : 'a text')

/** @type {Rule} */
const isTime = (value) => (Number.isNaN(timeOf(value)) ? 'a valid Date, or milliseconds since 1970' : undefined)

/** @param {unknown} value a Date or a number @returns {number} ms since 1970, or NaN */
function timeOf(value) {
  const millis = types.isDate(value) ? value.getTime() : value
  return typeof millis === 'number' && millis >= 0 && millis <= MOST ? Math.ceil(millis) : NaN
}

/** @type {(...values: string[]) => Rule} */
function oneOf(...values) {
  const expected = values.map((value) => JSON.stringify(value)).join(' or ')
  return (value) => (values.includes(value) ? undefined : expected)
}

/** @type {Rule} */
function isKey(value) {
  const bytes = typeof value === 'string' ? Buffer.byteLength(value) : 0
  return bytes >= 1 && bytes <= MOST_KEY_BYTES ? undefined : `a text of 1 to ${MOST_KEY_BYTES} bytes`
}

/** The rule of `check_name` in `crates/queue/src/name.rs`. @type {Rule} */
function isName(value) {
  const expected = `a name: 1 to ${MOST_NAME_BYTES} bytes of letters, digits and . _ - : / that does not begin with a dot`
  if (typeof value !== 'string' || !/^[\p{Alphabetic}\p{N}._\-:/]+$/u.test(value) || value.startsWith('.')) return expected
  return Buffer.byteLength(value) <= MOST_NAME_BYTES ? undefined : expected
}

/**
 * @param {string} where
 * @param {unknown} name
 */
function checkName(where, name) {
  const expected = isName(name)
  if (expected) throw new QueueError('QUEUE_NAME_INVALID', `${where}: expected ${expected}, got ${show(name)}`)
}

/**
 * Checks an object of options.
 * @param {string} where whose they are
 * @param {{ [name: string]: Rule }} rules
 * @param {unknown} options
 * @returns {{ [name: string]: any }} those given, without `undefined`
 */
function check(where, rules, options) {
  /** @type {{ [name: string]: any }} */
  const given = {}
  if (options === undefined) return given
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw wrong(where, 'an object of options', options)
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(rules, name)) throw wrong(where, `one of the options ${Object.keys(rules).join(', ')}`, name)
    if (value === undefined) continue
    const expected = rules[name](value)
    if (expected) throw wrong(where, `${name} to be ${expected}`, value)
    given[name] = value
  }
  return given
}

module.exports = {
  MOST,
  check,
  checkName,
  integer,
  isBoolean,
  isFunction,
  isKey,
  isMillis,
  isName,
  isText,
  isTime,
  oneOf,
  show,
  timeOf,
  wrong,
}
