'use strict'

/** The example of a rolling migration does what it says. */

const { execFile } = require('node:child_process')
const path = require('node:path')
const { promisify } = require('node:util')
const { describeWithRedis, startRedis } = require('../support/redis')

describeWithRedis('the example', () => {
  test('with pubsub a client misses what comes while it moves, the others nothing; with streams nobody misses anything', async () => {
    const redis = await startRedis()
    const example = path.join(__dirname, '..', '..', 'examples', 'cluster-migration.js')
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [example, redis.url], { timeout: 50_000 })
      const lines = stdout.trim().split('\n')
      expect(lines[0]).toMatch(/^pubsub: 3 servers replaced, 12 clients moved to the new ones/)
      expect(lines[1]).toMatch(/^pubsub: missed by a client while its server was replaced: [1-9]\d*; by the others: 0; came twice: 0$/)
      expect(lines[2]).toMatch(/^streams: 3 servers replaced, 12 clients moved to the new ones/)
      expect(lines[3]).toBe('streams: missed by a client while its server was replaced: 0; by the others: 0; came twice: 0')
      expect(lines).toHaveLength(4)
    } finally {
      await redis.stop()
    }
  }, 60_000)
})
