// @ts-check
'use strict'

const { parseArgs } = require('node:util')
const { ADAPTERS } = require('./adapters')
const { ROWS } = require('./rows')

const USAGE = `npm run bench -- [options]

  --quick               fewer and shorter rounds, and fewer memberships
  --rows A,B            only these rows (below); * stands for anything
  --clients N           clients of the rows with many (1000)
  --few N               clients of the rows with few (10)
  --many N              clients of the rows with very many (5000)
  --payload N           size of an event's argument in bytes of JSON, 32 or more (64)
  --rounds N            rounds of each row, the adapters in turn; medians are printed (3; quick: 2)
  --seconds S           how long one adapter is measured in one round (2; quick: 0.6)
  --memberships N       memberships of the join rows (1000000; quick: 200000)
  --install-peers       installs what --adapters uws,bun needs, into bench/.peers, and nothing else
  --adapters A,B        the first is what the others are compared with (stock,native)
                        of: ${Object.keys(ADAPTERS).join(', ')}
  --free-clients        any processor may run the clients; otherwise they have the last one
  --name NAME           writes bench/results/NAME.json (local; quick: local-quick)

Rows:
${ROWS.map(({ id, title }) => `  ${id.padEnd(22)}${title}`).join('\n')}
`

/**
 * @typedef {object} Settings
 * @property {boolean} quick
 * @property {string[]} rows
 * @property {string[]} adapters
 * @property {number} clients
 * @property {number} few
 * @property {number} many
 * @property {number} payload bytes
 * @property {number} rounds
 * @property {number} seconds
 * @property {number} memberships
 * @property {boolean} freeClients whether any processor may run the clients
 * @property {string} name of the result
 */

/** A command line that cannot be obeyed. */
class UsageError extends Error {}

/** @type {{ [name: string]: { type: 'string' | 'boolean' } }} */
const OPTIONS = {
  quick: { type: 'boolean' },
  help: { type: 'boolean' },
  'install-peers': { type: 'boolean' },
  'free-clients': { type: 'boolean' },
  ...Object.fromEntries(
    ['rows', 'clients', 'few', 'many', 'payload', 'rounds', 'seconds', 'memberships', 'adapters', 'name'].map((name) => [
      name,
      { type: /** @type {const} */ ('string') },
    ]),
  ),
}

/**
 * @param {string[]} args
 * @returns {Settings | 'help' | 'install-peers'}
 * @throws {UsageError}
 */
function readArguments(args) {
  const given = parse(args)
  if (given.help) return 'help'
  if (given['install-peers']) return 'install-peers'
  const quick = given.quick === true
  /** @type {(name: string, otherwise: number, least?: number) => number} */
  const number = (name, otherwise, least = 1) => {
    const value = given[name] === undefined ? otherwise : Number(given[name])
    if (value >= least && (name === 'seconds' || Number.isInteger(value))) return value
    throw new UsageError(`--${name} expects a number of at least ${least}, got ${given[name]}`)
  }
  const name = String(given.name ?? (quick ? 'local-quick' : 'local'))
  if (!/^[\w.-]+$/.test(name)) throw new UsageError(`--name expects a file name, got ${name}`)
  return {
    quick,
    rows: list('rows', given.rows, ROWS.map(({ id }) => id)),
    adapters: list('adapters', given.adapters ?? 'stock,native', Object.keys(ADAPTERS)),
    clients: number('clients', 1000),
    few: number('few', 10),
    many: number('many', 5000),
    payload: number('payload', 64, 32),
    rounds: number('rounds', quick ? 2 : 3),
    seconds: number('seconds', quick ? 0.6 : 2, 0.1),
    memberships: number('memberships', quick ? 200_000 : 1_000_000),
    freeClients: given['free-clients'] === true,
    name,
  }
}

/**
 * @param {string[]} args
 * @returns {Record<string, string | boolean | undefined>}
 */
function parse(args) {
  try {
    return parseArgs({ args, options: OPTIONS }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/**
 * @param {string} name
 * @param {string | boolean | undefined} given
 * @param {string[]} known
 * @returns {string[]} those named, or all
 */
function list(name, given, known) {
  if (given === undefined) return known
  const names = String(given)
    .split(',')
    .flatMap((one) => (one.includes('*') ? known.filter((id) => matches(id, one)) : [one]))
  const unknown = names.find((one) => !known.includes(one))
  if (names.length === 0 || unknown !== undefined) {
    throw new UsageError(`--${name}: ${unknown ?? given} is none of ${known.join(', ')}`)
  }
  return names
}

/**
 * @param {string} name
 * @param {string} pattern in which * stands for anything
 */
function matches(name, pattern) {
  const [first, ...rest] = pattern.split('*')
  const last = rest.pop() ?? ''
  return name.length >= pattern.length - 1 && name.startsWith(first) && name.endsWith(last) && rest.length === 0
}

module.exports = { USAGE, UsageError, readArguments }
