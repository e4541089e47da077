'use strict'

/** Clients that come back to a server which has written what is not in the stream yet: they are sent away, and miss nothing. */

const { spawnSync } = require('node:child_process')
const { useCluster } = require('../support/cluster')
const { next, until } = require('../support/events')
const { member } = require('../support/nomad')
const { describeWithRedis } = require('../support/redis')

const OPTIONS = {
  cluster: { mode: 'streams' },
  // Their middlewares are the moment between what they are told and their connection.
  server: { connectionStateRecovery: { maxDisconnectionDuration: 120_000, skipMiddlewares: false } },
}

describeWithRedis('who comes back too early', () => {
  const own = useCluster()

  test('does not miss what is written while Redis is lost, and it is about to be connected', async () => {
    const [left, right] = await own.start(['native', 'native'], OPTIONS)
    const { nomad } = await member(left)
    const { adapter } = right.io.of('/')
    let up
    right.io.use((/** @type {any} */ _socket, /** @type {() => void} */ connect) => {
      if (up) return connect()
      up = next(adapter, 'cluster:up')
      adapter.once('cluster:down', () => {
        right.io.to('room').emit('n', 1)
        connect()
      })
      own.redis.command('CLIENT', 'KILL', 'TYPE', 'normal')
    })
    await nomad.lose(left)
    const lost = next(nomad.client, 'disconnect')
    await nomad.come(right)
    await lost
    await up
    await until('it is in the stream', () => own.redis.command('XREVRANGE', 'socket.io', '+', '-', 'COUNT', '1').includes('"n"'))
    await nomad.come(right)
    await until('it has it', () => nomad.values('n').length > 0)
    expect([nomad.client.recovered, nomad.values('n')]).toEqual([true, [1]])
  })

  test('gets nothing that follows what it has missed, before it comes again', async () => {
    const [left, right] = await own.start(['native', 'native'], OPTIONS)
    const { nomad } = await member(left)
    const other = await right.client()
    other.socket.join('room')
    let times = 0
    right.io.use((/** @type {any} */ _socket, /** @type {() => void} */ connect) => {
      if (times++ > 0) return connect()
      // Its entry does not come, and is not waited for: the other one leaves.
      own.redis.command('CLIENT', 'PAUSE', '5000', 'WRITE')
      right.io.to('room').emit('n', 1)
      other.socket.disconnect()
      // It is on its way to Redis then.
      setTimeout(connect, 100)
    })
    right.io.once('connection', () => {
      // All in the turn in which it is connected: that entry comes, and another one.
      const data = JSON.stringify({ packet: { type: 2, data: ['n', 2], nsp: '/' }, opts: { rooms: ['room'], except: [], flags: {} } })
      const input = `CLIENT UNPAUSE\nXADD socket.io * uid somebody nsp / type 3 data '${data}'\n`
      spawnSync('redis-cli', ['-p', String(own.redis.port)], { input })
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
    })
    await nomad.lose(left)
    const lost = next(nomad.client, 'disconnect')
    await nomad.come(right)
    await lost
    await nomad.come(right)
    await until('it has both', () => nomad.values('n').includes(2))
    expect([nomad.client.recovered, nomad.values('n')]).toEqual([true, [1, 2]])
  })
})
