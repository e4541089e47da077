'use strict'

/** What mode "streams" has beyond the operations of all modes. */

const { fork } = require('node:child_process')
const path = require('node:path')
const { stats } = require('../..')
const { startCluster } = require('../support/cluster')
const { next, until } = require('../support/events')
const { describeWithRedis, startRedis } = require('../support/redis')

describeWithRedis('mode streams', () => {
  /** @type {import('../support/redis').Redis} */
  let redis
  /** @type {any} */
  let cluster
  beforeEach(async () => {
    redis = await startRedis()
  })
  afterEach(async () => {
    await cluster?.close()
    cluster = undefined
    await redis.stop()
  })

  /** @param {any[]} kinds @param {any} [options] @param {any} [server] */
  async function start(kinds, options, server) {
    cluster = await startCluster(kinds, redis, { cluster: { mode: 'streams', ...options }, server })
    return cluster.servers
  }

  test('with several streams, also a namespace whose stream JavaScript servers do not read', async () => {
    const [js, native] = await start(['js', 'native'], { streamCount: 4 })
    for (const nsp of ['/chat', '/dashboard']) {
      for (const { io } of [js, native]) io.of(nsp)
      const clients = [await js.client({}, nsp), await native.client({}, nsp)]
      await cluster.complete(nsp)
      native.io.of(nsp).emit('from native', 1)
      await until('both have it', () => clients.every(({ got }) => got.some(([event]) => event === 'from native')))
      js.io.of(nsp).emit('from js', Buffer.from('2'))
      await until('both have it', () => clients.every(({ got }) => got.some(([event]) => event === 'from js')))
      for (const { got } of clients) expect(got).toEqual([['from native', 1], ['from js', Buffer.from('2')]])
    }
  })

  test('with onlyPlaintext all is JSON', async () => {
    const [left, right] = await start(['native', 'native'], { onlyPlaintext: true })
    const client = await right.client()
    left.io.emit('bytes', Buffer.from('a'))
    await until('it is there', () => client.got.length === 1)
    expect(client.got[0][1]).toEqual({ type: 'Buffer', data: [97] })
  })

  test('with recovery, what a socket emits does not wake the event loops of the others', async () => {
    const [left, right] = await start(['native', 'native'], {}, { connectionStateRecovery: {} })
    const [client] = [await left.client(), await right.client()]
    const before = stats(right.io).cluster
    for (let i = 0; i < 200; i++) client.socket.emit('n', i)
    await until('all have come', () => client.got.length === 200 && stats(right.io).cluster?.skipped >= before?.skipped + 200)
    expect(stats(right.io).cluster?.woken).toBe(before?.woken)
    expect(client.got.map(([, n]) => n)).toEqual(Array.from({ length: 200 }, (_, i) => i))
  })

  test('entries that are trimmed before a server reads them are counted', async () => {
    const child = fork(path.join(__dirname, 'fixtures', 'recovering.js'), [redis.url])
    try {
      await next(child, 'message')
      child.kill('SIGSTOP')
      for (let i = 0; i < 300; i++) redis.command('XADD', 'socket.io', 'MAXLEN', '100', '*', 'uid', 'u', 'nsp', '/', 'type', '3', 'data', '{}')
      child.kill('SIGCONT')
      /** @type {any} */
      let read
      await until('it has seen the end', () => {
        child.once('message', (answer) => (read = answer))
        child.send('stats')
        return read?.trimmed > 0
      })
      // Some were in its socket's buffer.
      expect(read.trimmed + read.received).toBeGreaterThanOrEqual(300)
      expect(read.trimmed).toBeLessThanOrEqual(200)
    } finally {
      child.kill('SIGKILL')
    }
  })
})
