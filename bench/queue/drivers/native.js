// @ts-check
'use strict'

const path = require('node:path')
const { createQueues } = require('../../..')
const { bytesWrittenBy, residentAfterCollection } = require('../process')

/** @param {{ folder: string, memory: boolean }} where */
async function openNative({ folder, memory }) {
  // As in an app without OpenTelemetry.
  const queues = createQueues({ ...(memory ? { memory: true } : { path: path.join(folder, 'queues') }), tracing: false })
  await queues.ready()
  const queue = queues.queue('bench', { dedupMax: 0 })
  return {
    /** How many messages the larger rows take. */
    scale: 10,
    send: (/** @type {unknown} */ payload) => queue.send(payload),
    sendBatch: (/** @type {unknown[]} */ payloads) => queue.sendBatch(payloads.map((payload) => ({ payload }))),
    consume(/** @type {(payload: any) => Promise<void>} */ handler, /** @type {number} */ concurrency) {
      const worker = queue.consume((message) => handler(message.payload), { concurrency })
      return () => worker.close()
    },
    clear: () => queue.purge(),
    memoryUsed: residentAfterCollection,
    bytesWritten: () => (memory ? NaN : bytesWrittenBy('self')),
    close: () => queues.close(),
  }
}

module.exports = { openNative }
