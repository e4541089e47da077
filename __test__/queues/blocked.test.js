'use strict'

/**
 * A blocked event loop loses no lease: `BLOCKED_SECONDS=60 npx jest blocked` holds it for a minute, otherwise it is four seconds, with a
 * visibility timeout of a tenth of a second.
 */

const { STORES, within } = require('../support/queues')
const { Worker } = require('node:worker_threads')

const SECONDS = Number(process.env.BLOCKED_SECONDS ?? 4)

/** In a thread of its own, so that only its event loop is blocked. */
const SCRIPT = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { createQueues } = require(workerData.package)
  const queues = createQueues(workerData.options)
  const queue = queues.queue('q')
  const seen = []
  const lost = []
  let blocked = false
  const block = () => {
    const end = Date.now() + workerData.seconds * 1000
    while (Date.now() < end);
  }
  async function main() {
    await queue.sendBatch(Array.from({ length: 20 }, (_, n) => ({ payload: n })))
    // Two workers: what one loses, the other would get.
    for (const concurrency of [5, 5]) {
      const worker = queue.consume(
        async ({ payload, attempt }) => {
          seen.push([payload, attempt])
          await new Promise(setImmediate)
          if (!blocked) {
            blocked = true
            block()
          }
        },
        { concurrency, prefetch: 2, visibilityTimeout: 100 },
      )
      worker.on('lease-ended', (message) => lost.push(message.payload))
    }
    await queue.drain()
    const { delivered, completed, leasesEnded } = await queue.stats()
    await queues.close()
    parentPort.postMessage({ seen, lost, delivered, completed, leasesEnded })
  }
  main()
`

test.each(STORES)(
  'an event loop that is blocked while messages are held: none is delivered twice (%s)',
  async (_name, store) => {
    const options = store()
    const worker = new Worker(SCRIPT, {
      eval: true,
      workerData: { package: require.resolve('../..'), options, seconds: SECONDS },
    })
    const result = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    await within('the thread to end', worker.terminate())
    expect(result.seen.map(([payload]) => payload).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    expect(new Set(result.seen.map(([, attempt]) => attempt))).toEqual(new Set([1]))
    expect(result).toMatchObject({ lost: [], delivered: 20, completed: 20, leasesEnded: 0 })
  },
  (SECONDS + 20) * 1000,
)
