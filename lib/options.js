// @ts-check
'use strict'

const os = require('node:os')
const { inspect } = require('node:util')
const { validateCluster } = require('./cluster/options')
const { InvalidOptionError } = require('./errors')

/** @typedef {Required<Omit<import('..').AdapterOptions, 'cluster'>> & { cluster: import('./cluster/options').ClusterSettings | undefined }} Settings */

const MIB = 1024 * 1024

/** @returns {Settings} */
function defaults() {
  return {
    writers: Math.min(4, Math.max(1, os.availableParallelism() - 1)),
    maxBufferedBytes: 16 * MIB,
    overflow: 'disconnect',
    flushTimeout: 1000,
    lanes: true,
    ioUring: true,
    cluster: undefined,
  }
}

/** @type {{ [K in keyof Settings]: (value: unknown) => string | undefined }} What was expected, unless `value` is that. */
const RULES = {
  writers: integer(1, 64),
  maxBufferedBytes: integer(1024, Number.MAX_SAFE_INTEGER),
  overflow: (value) => (value === 'disconnect' || value === 'drop' ? undefined : '"disconnect" or "drop"'),
  flushTimeout: integer(0, 60_000),
  lanes: isBoolean,
  ioUring: isBoolean,
  // It has rules of its own, and what is in it must not be shown.
  cluster: () => undefined,
}

/** @param {unknown} value */
function isBoolean(value) {
  return typeof value === 'boolean' ? undefined : 'true or false'
}

/**
 * @param {number} least
 * @param {number} most
 */
function integer(least, most) {
  return (/** @type {unknown} */ value) => {
    const number = typeof value === 'number' && Number.isInteger(value) ? value : NaN
    return number >= least && number <= most ? undefined : `an integer from ${least} to ${most}`
  }
}

/**
 * Checks the options of `createAdapter()` and fills in the defaults.
 * @param {unknown} options
 * @returns {Settings}
 */
function validateOptions(options) {
  const settings = defaults()
  if (options === undefined) return settings
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidOptionError(`createAdapter: expected an object of options, got ${show(options)}`)
  }
  if ('server' in options) {
    throw new InvalidOptionError(
      'createAdapter: expected options, got a namespace: write io.adapter(createAdapter()), with the call',
    )
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(RULES, name)) {
      const known = Object.keys(RULES).join(', ')
      throw new InvalidOptionError(`createAdapter: expected one of the options ${known}, got ${show(name)}`)
    }
    if (value === undefined) continue
    const expected = RULES[/** @type {keyof Settings} */ (name)](value)
    if (expected) throw new InvalidOptionError(`createAdapter: expected ${name} to be ${expected}, got ${show(value)}`)
    Object.assign(settings, { [name]: name === 'cluster' ? validateCluster(value) : value })
  }
  return settings
}

/** @param {unknown} value */
function show(value) {
  return inspect(value, { depth: 0, maxStringLength: 50, breakLength: Infinity })
}

module.exports = { validateOptions }
