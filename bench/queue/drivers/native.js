// @ts-check
'use strict'

const path = require('node:path')
const { createQueues } = require('../../..')
const { startRedis } = require('../peer')
const { bytesWrittenBy, residentAfterCollection } = require('../process')

/** @param {{ folder: string, store: 'disk' | 'memory' | 'redis' }} where */
async function openNative({ folder, store }) {
  const redis = store === 'redis' ? await startRedis(folder) : undefined
  const stores = {
    disk: () => ({ path: path.join(folder, 'queues') }),
    memory: () => ({ memory: true }),
    redis: () => ({ redis: `redis://127.0.0.1:${redis?.port}` }),
  }
  // As in an app without OpenTelemetry.
  const queues = createQueues(/** @type {any} */ ({ ...stores[store](), tracing: false }))
  await queues.ready()
  const queue = queues.queue('bench', { dedupMax: 0 })
  return {
    /** How many messages the larger rows take. */
    scale: redis ? 1 : 10,
    send: (/** @type {unknown} */ payload) => queue.send(payload),
    sendBatch: (/** @type {unknown[]} */ payloads) => queue.sendBatch(payloads.map((payload) => ({ payload }))),
    consume(/** @type {(payload: any) => Promise<void>} */ handler, /** @type {number} */ concurrency) {
      const worker = queue.consume((message) => handler(message.payload), { concurrency })
      return () => worker.close()
    },
    clear: () => queue.purge(),
    // Of the process that has the messages.
    memoryUsed: async () => (redis ? (await queues.stats()).bytes : residentAfterCollection()),
    bytesWritten: () => (store === 'memory' ? NaN : bytesWrittenBy(redis?.pid ?? 'self')),
    async close() {
      await queues.close()
      await redis?.stop()
    },
  }
}

module.exports = { openNative }
