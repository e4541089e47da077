'use strict'

/** Connection state recovery across servers, in mode "streams", when what comes is not what it should be. */

const { io: connect } = require('socket.io-client')
const { stats } = require('../..')
const { ClusterServer, recovering, useCluster } = require('../support/cluster')
const { next, until } = require('../support/events')
const { Nomad, member } = require('../support/nomad')
const { describeWithRedis } = require('../support/redis')

describeWithRedis('connection state recovery of native servers', () => {
  const own = useCluster()
  const start = (/** @type {any} */ options) => own.start(['native', 'native'], recovering(options))

  test('an offset that is trimmed, of no entry, or no offset at all, and pids of nobody: they begin anew', async () => {
    const [left, right] = await start({ cluster: { maxLen: 100 } })
    const odd = ['', '0-0', '1-1', '-', '9'.repeat(1000), `${'9'.repeat(19)}-1`, '1-0\r\nFLUSHALL', '$', '+', '99999999999999-0']
    for (const offset of odd) {
      const { nomad } = await member(left)
      await nomad.lose(left)
      nomad.client._lastOffset = offset
      await nomad.come(right)
      expect([offset, nomad.client.recovered]).toEqual([offset, false])
    }
    for (const pid of ['', '*', 'x'.repeat(20), 'x'.repeat(100_000), '../../../../../../x', 'ä'.repeat(20)]) {
      const { nomad } = await member(left)
      await nomad.lose(left)
      nomad.client._pid = pid
      await nomad.come(right)
      expect(nomad.client.recovered).toBe(false)
    }
    const { nomad } = await member(left)
    await nomad.lose(left)
    // One that is not in the index of a server that starts now, and is trimmed.
    for (let i = 0; i < 1000; i++) left.io.emit('n', i)
    await until('it is trimmed', () => own.redis.command('XRANGE', 'socket.io', nomad.client._lastOffset, nomad.client._lastOffset) === '')
    const third = await new ClusterServer('native', own.redis, recovering({ cluster: { maxLen: 100 } })).start()
    own.servers.push(third)
    await own.cluster.complete()
    await nomad.come(third)
    expect(nomad.client.recovered).toBe(false)
    third.io.emit('last', 1)
    await until('it is served', () => nomad.values('last').length === 1)
  }, 60_000)

  test('sessions that are garbage, or of another namespace, are no sessions', async () => {
    const [left, right] = await start()
    const good = 'p'.repeat(20)
    const { nomad: other } = await member(left)
    for (const text of ['', 'x', '{}', 'gA==', Buffer.from('\x81\xa5rooms\x91\xa1r', 'latin1').toString('base64'), '3f////8=']) {
      own.redis.command('SET', `sio:session:${good}`, text)
      const nomad = new Nomad(right)
      nomad.client.disconnect()
      nomad.client._pid = good
      nomad.client._lastOffset = other.client._lastOffset
      await nomad.come(right)
      expect(nomad.client.recovered).toBe(false)
    }
    right.io.of('/other')
    left.io.of('/other')
    const { nomad } = await member(left)
    await nomad.lose(left)
    const elsewhere = connect(`${right.url}/other`, { transports: ['websocket'], forceNew: true, autoConnect: false })
    right.clients.push(elsewhere)
    elsewhere._pid = nomad.client._pid
    elsewhere._lastOffset = nomad.client._lastOffset
    elsewhere.connect()
    await next(elsewhere, 'connect')
    expect([elsewhere.recovered, right.io.of('/other').adapter.rooms.has('room')]).toEqual([false, false])
  })

  test('garbage in the stream is passed over', async () => {
    const [left, right] = await start()
    const { nomad } = await member(left)
    const data = ['', '{', '{}', '*', 'gA==', '{"packet":5}', '{"packet":{"type":2,"data":5},"opts":{}}', '{"packet":{"type":2,"data":[]},"opts":{}}']
    const more = ['{"packet":{"type":2,"data":["x"]},"opts":{"rooms":5,"except":"a","flags":7}}', `{"packet":{"type":2,"data":${'['.repeat(3000)}}`, '3f////8=']
    for (const text of [...data, ...more]) {
      for (const type of ['3', '4', '9', '8', '-1', 'x', '99999999999']) {
        own.redis.command('XADD', 'socket.io', '*', 'uid', 'u', 'nsp', '/', 'type', type, 'data', text)
      }
    }
    for (const fields of [['a', 'b'], ['nsp', '/'], ['uid', right.io.of('/').adapter.uid, 'nsp', '/', 'type', '3', 'data', data[7], 'n', '999999999']]) {
      own.redis.command('XADD', 'socket.io', '*', ...fields)
    }
    nomad.got = []
    right.io.emit('after', 1)
    await until('it is served', () => nomad.values('after').length === 1)
    expect(stats(left.io).cluster?.malformed).toBeGreaterThan(10)
  }, 30_000)
})
