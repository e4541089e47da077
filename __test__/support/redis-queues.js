'use strict'

/** The third store of the queues' tests: a private Redis for each test file, started when it is first needed, with keys of its own for each test. */

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { hasRedis } = require('../../scripts/redis')
const { Redis } = require('./redis')

let redis
let directory
let stores = 0

/** Options of new queues in the private Redis. */
function redisStore() {
  return { redis: redis.url, key: `test-${++stores}` }
}

/** The server of this test file. */
function server() {
  return redis
}

/** To be called by a test file that needs it. */
function useRedis(...options) {
  beforeAll(async () => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'redis-test-'))
    redis = new Redis(['--dir', directory, '--appendonly', 'yes', '--appendfsync', 'always', ...options])
    await redis.start()
  })
  afterAll(async () => {
    await redis.stop()
    fs.rmSync(directory, { recursive: true, force: true })
  })
}

module.exports = { REDIS_STORES: hasRedis() ? [['redis', redisStore]] : [], redisStore, server, useRedis }
