// @ts-check
'use strict'

const path = require('node:path')
const { PACKAGES } = require('../../lib/peers')
const { startRedis } = require('../peer')
const { bytesWrittenBy } = require('../process')

/** @param {{ folder: string }} where */
async function openBullmq({ folder }) {
  const { Queue, Worker } = require(path.join(PACKAGES, 'bullmq'))
  const { Redis } = require(path.join(PACKAGES, 'ioredis'))
  const redis = await startRedis(folder)
  const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null }
  const queue = new Queue('bench', { connection, defaultJobOptions: { removeOnComplete: true } })
  await queue.waitUntilReady()
  const client = new Redis(connection)
  return {
    scale: 1,
    send: (/** @type {unknown} */ payload) => queue.add('job', payload),
    sendBatch: (/** @type {unknown[]} */ payloads) => queue.addBulk(payloads.map((data) => ({ name: 'job', data }))),
    consume(/** @type {(payload: any) => Promise<void>} */ handler, /** @type {number} */ concurrency) {
      const worker = new Worker('bench', (/** @type {any} */ job) => handler(job.data), { connection, concurrency })
      worker.on('error', () => {})
      return () => worker.close()
    },
    // Not `obliterate()`: it goes through the jobs in small steps, each of which this Redis makes durable.
    clear: () => client.flushall(),
    memoryUsed: async () => Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]),
    bytesWritten: () => bytesWrittenBy(redis.pid),
    async close() {
      await queue.close()
      client.disconnect()
      await redis.stop()
    },
  }
}

module.exports = { openBullmq }
