// @ts-check
'use strict'

const { parseArgs } = require('node:util')

/** What the command was called with is wrong: the message says what was expected. */
class UsageError extends Error {
  code = 'USAGE'
}

const HELP = `Looks at the store of createQueues({ path }), and operates it.

  socket.io-native-adapter queues <path> [command] [queue] [options]

Commands
  list                the queues and what is in them (the default)
  stats [queue]       the store, and each queue (or one) with its options
  peek <queue>        the messages that come next; --state for others
  redrive <queue>     moves the dead letters of a queue back to where they died
  purge <queue>       removes all messages of a queue; asks, unless --yes
  verify              reads all files and says what is damaged

Options
  --limit <n>         at most so many messages (peek: 10, redrive: all)
  --state <state>     peek: ready, blocked, delayed or active
  --yes               purge without asking
  --json              the answer as JSON
  --help, --version

A store that a server has open is only looked at, as it is on the disk: list, stats, peek and verify take no lock and change nothing; what
a worker holds counts as ready there. redrive and purge need the store for themselves.

Exit status: 0 done, 1 failed or damaged, 2 wrong usage, 3 another process has the store open.
`

const COMMANDS = ['list', 'stats', 'peek', 'redrive', 'purge', 'verify']
const NEEDS_QUEUE = ['peek', 'redrive', 'purge']
const STATES = ['ready', 'blocked', 'delayed', 'active']

/** @typedef {import('../..').MessageState} MessageState */

/**
 * @typedef {object} Call
 * @property {'help' | 'version' | 'queues'} what
 * @property {string} path
 * @property {string} command
 * @property {string | undefined} queue
 * @property {number | undefined} limit
 * @property {MessageState | undefined} state
 * @property {boolean} yes
 * @property {boolean} json
 */

/**
 * @param {string[]} args
 * @returns {Call}
 */
function readArguments(args) {
  const { values, positionals } = parse(args)
  const { limit, state, yes = false, json = false } = values
  const [subject, path = '', command = 'list', queue, ...rest] = positionals
  /** @type {Call} */
  const call = { what: 'queues', path, command, queue, limit: undefined, state: /** @type {any} */ (state), yes, json }
  if (values.help || (subject === undefined && !values.version)) return { ...call, what: 'help' }
  if (values.version) return { ...call, what: 'version' }
  if (subject !== 'queues') throw new UsageError(`expected "queues", got ${JSON.stringify(subject)}`)
  if (path === '') throw new UsageError('expected the directory of a store: socket.io-native-adapter queues <path>')
  if (!COMMANDS.includes(command)) throw new UsageError(`expected one of ${COMMANDS.join(', ')}, got ${JSON.stringify(command)}`)
  if (NEEDS_QUEUE.includes(command) && queue === undefined) throw new UsageError(`${command}: expected the name of a queue`)
  if (rest.length > 0 || (queue !== undefined && (command === 'list' || command === 'verify'))) {
    throw new UsageError(`${command}: expected nothing more, got ${JSON.stringify(rest[0] ?? queue)}`)
  }
  if (state !== undefined && (command !== 'peek' || !STATES.includes(state))) {
    throw new UsageError(`--state: expected one of ${STATES.join(', ')}, with peek, got ${JSON.stringify(state)}`)
  }
  if (limit !== undefined && (!/^[1-9]\d{0,14}$/.test(limit) || (command !== 'peek' && command !== 'redrive'))) {
    throw new UsageError(`--limit: expected a number of messages, with peek or redrive, got ${JSON.stringify(limit)}`)
  }
  return { ...call, limit: limit === undefined ? undefined : Number(limit) }
}

/** @param {string[]} args */
function parse(args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        limit: { type: 'string' },
        state: { type: 'string' },
        yes: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new UsageError(/** @type {Error} */ (error).message)
  }
}

module.exports = { HELP, UsageError, readArguments }
