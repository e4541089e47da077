// @ts-check
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const readline = require('node:readline/promises')
const { verifyQueues } = require('../native')
const { QueueError, queueError } = require('../queues/errors')
const { createQueues, viewQueues } = require('../queues/queues')
const { Progress } = require('./progress')
const { UsageError } = require('./arguments')
const { listText, peekText, statsText, verifyText } = require('./text')

/** @typedef {import('./arguments').Call} Call */
/** @typedef {import('../queues/queues').Queues} Queues */

/**
 * What a command came to.
 * @typedef {object} Result
 * @property {any} answer for `--json`
 * @property {string} text
 * @property {number} [status]
 */

/** @type {{ [command: string]: (call: Call) => Promise<Result>}} */
const COMMANDS = {
  list: (call) => looking(call, list),
  stats: (call) => looking(call, stats),
  peek: (call) => looking(call, peek),
  redrive: (call) => changing(call, redrive),
  purge: (call) => changing(call, purge),
  verify,
}

/** @param {Call} call @returns {Promise<Result>} */
async function run(call) {
  const directory = path.resolve(call.path)
  const names = fs.existsSync(directory) && fs.statSync(directory).isDirectory() ? fs.readdirSync(directory) : []
  // createQueues() would make one.
  if (!names.some((name) => name === 'lock' || name.endsWith('.log'))) {
    throw new QueueError('QUEUE_NOT_FOUND', `expected the directory of a store, but there is none at ${directory}`)
  }
  return COMMANDS[call.command]({ ...call, path: directory })
}

/**
 * @param {Call} call
 * @param {(queues: Queues, call: Call) => Promise<Result>} command
 */
function looking(call, command) {
  return using(viewQueues(call.path), call, command)
}

/**
 * @param {Call} call
 * @param {(queues: Queues, call: Call) => Promise<Result>} command
 */
function changing(call, command) {
  return using(createQueues({ path: call.path }), call, command)
}

/**
 * @template T
 * @param {Queues} queues
 * @param {Call} call
 * @param {(queues: Queues, call: Call) => Promise<T>} command
 * @returns {Promise<T>}
 */
async function using(queues, call, command) {
  // Who waits is told.
  queues.on('error', () => {})
  await queues.ready()
  try {
    return await command(queues, call)
  } finally {
    await queues.close()
  }
}

/**
 * A queue that is there: to name another would make it.
 * @param {Queues} queues
 * @param {Call} call
 */
async function existing(queues, { queue = '' }) {
  const names = await queues.names()
  if (names.includes(queue)) return queues.queue(queue)
  throw queueError('QUEUE_NOT_FOUND', `expected one of the queues ${names.join(', ') || '(there are none)'}, got ${JSON.stringify(queue)}`)
}

/** @param {Queues} queues @returns {Promise<Result>} */
async function list(queues) {
  const names = (await queues.names()).sort()
  const all = await Promise.all(names.map(async (name) => ({ name, stats: await queues.queue(name).stats() })))
  return { answer: all.map(({ name, stats }) => ({ name, ...gauges(stats) })), text: listText(all) }
}

/** Counters are those of this process: nothing was done yet. @param {import('../..').QueueStats} stats */
function gauges({ ready, blocked, delayed, active, bytes, keys, paused, oldestReady }) {
  return { ready, blocked, delayed, active, bytes, keys, paused, oldestReady }
}

/**
 * @param {Queues} queues
 * @param {Call} call
 * @returns {Promise<Result>}
 */
async function stats(queues, call) {
  const names = call.queue === undefined ? (await queues.names()).sort() : [(await existing(queues, call)).name]
  const { bytes, liveBytes, segments } = await queues.stats()
  const store = { ...(await queues.ready()), bytes, liveBytes, segments }
  const all = await Promise.all(
    names.map(async (name) => {
      const queue = queues.queue(name)
      return { name, stats: await queue.stats(), options: await queue.options(), repeats: await queue.repeats() }
    }),
  )
  const answer = { store, queues: all.map((one) => ({ ...one, stats: gauges(one.stats) })) }
  return { answer, text: statsText({ store, queues: all }) }
}

/**
 * @param {Queues} queues
 * @param {Call} call
 * @returns {Promise<Result>}
 */
async function peek(queues, call) {
  const queue = await existing(queues, call)
  const limit = call.limit ?? 10
  const found = call.state === undefined ? await queue.peek(Math.min(limit, 1000)) : await listed(queue, call.state, limit)
  const answer = found.map((/** @type {any} */ message) =>
    Buffer.isBuffer(message.payload) ? { ...message, payload: { base64: message.payload.toString('base64') } } : message,
  )
  return { answer, text: peekText(found) }
}

/**
 * @param {import('../queues/queue').Queue} queue
 * @param {import('../..').MessageState} state
 * @param {number} limit
 */
async function listed(queue, state, limit) {
  const found = []
  /** @type {string | undefined} */
  let cursor
  do {
    /** @type {{ messages: import('../..').MessageInfo[], next?: string }} */
    const page = await queue.list({ state, cursor, limit: Math.min(1000, limit - found.length) })
    found.push(...page.messages)
    cursor = page.next
  } while (cursor !== undefined && found.length < limit)
  return found
}

/**
 * @param {Queues} queues
 * @param {Call} call
 * @returns {Promise<Result>}
 */
async function redrive(queues, call) {
  const queue = await existing(queues, call)
  const count = await watched(queue, 'redrive', call, () => queue.redriveAll({ limit: call.limit }))
  return { answer: { redriven: count }, text: `moved ${count} dead letters back\n` }
}

/**
 * @param {Queues} queues
 * @param {Call} call
 * @returns {Promise<Result>}
 */
async function purge(queues, call) {
  const queue = await existing(queues, call)
  await confirm(call, waiting(await queue.stats()))
  const count = await watched(queue, 'purge', call, () => queue.purge())
  return { answer: { purged: count }, text: `removed ${count} messages\n` }
}

/** @param {import('../..').QueueStats} stats */
function waiting({ ready, blocked, delayed }) {
  return ready + blocked + delayed
}

/**
 * @param {Call} call
 * @param {number} count
 */
async function confirm({ yes, queue }, count) {
  if (yes) return
  if (!process.stdin.isTTY) throw new UsageError(`purge: expected --yes, since nobody can be asked whether to remove ${count} messages`)
  const prompt = readline.createInterface({ input: process.stdin, output: process.stderr })
  const answer = await prompt.question(`Remove ${count} messages of ${queue}? (yes/no) `)
  prompt.close()
  if (answer !== 'yes') throw new UsageError('purge: nothing was removed')
}

/**
 * @param {import('../queues/queue').Queue} queue
 * @param {string} what
 * @param {Call} call
 * @param {() => Promise<number>} work
 */
async function watched(queue, what, call, work) {
  const progress = new Progress(process.stderr, what)
  const before = waiting(await queue.stats())
  const total = Math.min(before, call.limit ?? before)
  const timer = setInterval(async () => {
    const left = await queue.stats().catch(() => undefined)
    if (left) progress.show(before - waiting(left), total)
  }, 100)
  try {
    return await work()
  } finally {
    clearInterval(timer)
    progress.end()
  }
}

/** @param {Call} call @returns {Promise<Result>} */
async function verify(call) {
  const progress = new Progress(process.stderr, 'verify')
  const verified = JSON.parse(verifyQueues(call.path, (done, total) => progress.show(done, total)))
  progress.end()
  if (verified.error) throw queueError(verified.error.code, verified.error.message)
  // Whole records that mean nothing are found by reading them as the engine does.
  const { messages, queues, quarantined } = await using(viewQueues(call.path), call, (view) => view.ready())
  const places = verified.files.flatMap((/** @type {any} */ file) => file.damaged)
  const tornBytes = verified.files.reduce((/** @type {number} */ sum, /** @type {any} */ file) => sum + file.tornBytes, 0)
  const answer = { ...verified, damaged: Math.max(places.length, quarantined), tornBytes, messages, queues }
  return { answer, text: verifyText(answer), status: answer.damaged > 0 ? 1 : 0 }
}

module.exports = { run }
