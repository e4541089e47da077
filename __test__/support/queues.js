'use strict'

/** Queues of all stores, which end with their test. */

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { createQueues } = require('../..')
const { next, until, within } = require('./events')
const { REDIS_STORES, useRedis } = require('./redis-queues')

/** What `describe.each` takes: the name of a store, and the options of new queues of it. */
const STORES = [
  ['memory', () => ({ memory: true })],
  ['disk', () => ({ path: directory() })],
  // Which processes share.
  ...REDIS_STORES,
]

// Only the server: what a test opens there has keys of its own.
if (REDIS_STORES.length > 0) useRedis()

const opened = []
const directories = []

/** A new directory, gone after the test. */
function directory() {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'queues-test-'))
  directories.push(made)
  return made
}

/** Queues that are closed after the test. */
function open(options) {
  const queues = createQueues(options)
  opened.push(queues)
  return queues
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((queues) => within('the queues to close', queues.close({ timeout: 100 }))))
  for (const made of directories.splice(0)) fs.rmSync(made, { recursive: true, force: true })
})

/** A promise, and what settles it. */
function deferred() {
  const made = {}
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }))
  return made
}

/** Consumes; resolves with the messages when `count` have come. */
function collect(queue, count, { handler, ...options } = {}) {
  const messages = []
  const all = deferred()
  const worker = queue.consume(async (message, context) => {
    messages.push(message)
    if (messages.length === count) all.resolve(messages)
    return handler?.(message, context)
  }, options)
  worker.collected = within(`${count} messages`, all.promise)
  return worker
}

/** The payloads of the next `count` messages. */
async function payloads(queue, count, options) {
  const worker = collect(queue, count, options)
  const messages = await worker.collected
  await worker.close()
  return messages.map(({ payload }) => payload)
}

/** The next event of that name: what it tells. */
async function event(emitter, name) {
  return (await next(emitter, name))[0]
}

/** Sends payloads in one batch. */
function sendAll(queue, all, options) {
  return queue.sendBatch(all.map((payload) => ({ payload, ...options })))
}

/** Sends numbers, four at a time, until told to stop; tells which were promised. `options`: of the message with a number. */
function sending(queue, options = () => undefined) {
  const promised = []
  let stop = false
  const loop = async (from) => {
    for (let n = from; !stop; n += 4) {
      await queue.send(n, options(n))
      promised.push(n)
    }
  }
  const loops = [0, 1, 2, 3].map(loop)
  return { promised, stop: () => ((stop = true), Promise.all(loops)) }
}

/**
 * A server dies while some messages are held and others are sent: what was acknowledged is there, what is held goes on, nothing is doubled.
 * @param {() => Promise<unknown>} kill when all is replicated
 */
async function outlive(queues, kill) {
  const queue = queues.queue('q')
  for (let n = 0; n < 50; n++) await queue.send(n)
  const handled = []
  const released = deferred()
  const worker = queue.consume(async ({ payload }) => {
    handled.push(payload)
    await released.promise
  }, { concurrency: 10 })
  await until('ten are held', () => handled.length === 10)
  const [down, up] = [event(queues, 'down'), event(queues, 'up')]
  await kill()
  expect((await within('the loss', down)).code).toBe('QUEUE_REDIS_UNREACHABLE')
  // These wait for the next server, with the acknowledgements of what is held.
  const sends = Array.from({ length: 50 }, (_, n) => queue.send(50 + n))
  released.resolve()
  await within('another connection', up)
  await within('the sends', Promise.all(sends))
  await within('the end', queue.drain())
  await worker.close()
  expect(handled.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n))
  expect(await queue.stats()).toMatchObject({ sent: 100, completed: 100, leasesEnded: 0 })
}

module.exports = { STORES, collect, deferred, directory, event, open, outlive, payloads, sendAll, sending, within }
