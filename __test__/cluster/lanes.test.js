'use strict'

/**
 * What other servers send while who writes to a client changes: its lane opens after an upgrade, an outgoing listener comes and goes, its
 * connection ends and another one begins. And while its rooms do.
 */

const { WebSocket } = require('ws')
const { stats } = require('../..')
const { startCluster } = require('../support/cluster')
const { until } = require('../support/events')
const { describeWithRedis, startRedis } = require('../support/redis')

const RECOVERY = { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } }

/** @param {number} ms */
function busy(ms) {
  const end = Date.now() + ms
  while (Date.now() < end);
}

describeWithRedis.each([
  ['pubsub', { cluster: { mode: 'pubsub' } }],
  ['sharded', { cluster: { mode: 'sharded' } }],
  ['streams', { cluster: { mode: 'streams' } }],
  ['streams with recovery', { cluster: { mode: 'streams' }, server: RECOVERY }],
])('mode %s', (_title, options) => {
  /** @type {import('../support/redis').Redis} */
  let redis
  /** @type {any} */
  let cluster
  beforeEach(async () => {
    redis = await startRedis()
    cluster = await startCluster(['native', 'native'], redis, options)
  })
  afterEach(async () => {
    await cluster.close()
    await redis.stop()
  })

  /** All servers send numbers to the room. Returns what ends it. */
  function send() {
    const sent = cluster.servers.map(() => 0)
    const timer = setInterval(() => {
      for (const [i, { io }] of cluster.servers.entries()) for (let k = 0; k < 3; k++) io.to('room').emit(`n${i}`, sent[i]++)
    }, 2)
    return () => (clearInterval(timer), sent)
  }

  /** Each gets everything from its first packet on, once and in order. @param {any[]} clients @param {number[]} sent by each server @param {boolean} [cut] what others sent may be lost */
  async function expectAll(clients, sent, cut = false) {
    const values = (/** @type {any} */ client, /** @type {number} */ i) =>
      client.got.filter(([event]) => event === `n${i}`).map(([, n]) => n)
    for (const client of clients) {
      for (const [i, count] of sent.entries()) {
        if (cut && i > 0 && options.cluster.mode !== 'streams') {
          const got = values(client, i)
          expect(got).toEqual([...new Set(got)].sort((a, b) => a - b))
          continue
        }
        await until('it has the last', () => values(client, i).includes(count - 1))
        const got = values(client, i)
        expect(got).toEqual(Array.from({ length: count - got[0] }, (_, k) => got[0] + k))
      }
    }
  }

  /** Cuts connections to Redis, until it is ended. @param {boolean} cut */
  function cutting(cut) {
    for (const { io } of cluster.servers) io.of('/').adapter.on('cluster:down', () => {})
    const timer = setInterval(() => cut && redis.command('CLIENT', 'KILL', 'TYPE', Math.random() < 0.5 ? 'normal' : 'pubsub'), 300)
    return () => clearInterval(timer)
  }

  test('what follows a request finds its rooms also when the event loop is busy behind it', async () => {
    const [here, there] = cluster.servers
    const client = await there.client()
    for (const { io } of cluster.servers) io.of('/busy')
    await cluster.complete('/busy')
    there.io.of('/busy').on('work', () => busy(1500))
    here.io.socketsJoin('room')
    here.io.to('room').emit('in')
    here.io.of('/busy').serverSideEmit('work')
    // Both requests have come when the event loop looks at them.
    setImmediate(() => busy(200))
    await until('it has it', () => client.got.length > 0)
    expect(client.got.map(([event]) => event)).toEqual(['in'])
  })

  describe.each([
    ['all is well', false],
    ['connections to Redis are cut', true],
  ])('while %s, each gets everything, once and in order', (_title, cut) => {
    test('when clients upgrade', async () => {
      const [server] = cluster.servers
      server.io.on('connection', (/** @type {any} */ socket) => socket.join('room'))
      await server.client()
      const end = send()
      const endCutting = cutting(cut)
      const clients = []
      for (let wave = 0; wave < (cut ? 20 : 10); wave++) {
        const connecting = Array.from({ length: 4 }, () => server.client({ transports: ['polling', 'websocket'] }))
        clients.push(...(await Promise.all(connecting)))
        await until('they have lanes', () => stats(server.io).lanes === clients.length + 1)
      }
      endCutting()
      await expectAll(clients, end(), cut)
    }, 30_000)

    test('when outgoing listeners come and go', async () => {
      const [server] = cluster.servers
      server.io.on('connection', (/** @type {any} */ socket) => socket.join('room'))
      const clients = await Promise.all(Array.from({ length: 4 }, () => server.client()))
      const end = send()
      const endCutting = cutting(cut)
      for (let round = 0; round < (cut ? 400 : 100); round++) {
        const { socket } = clients[round % clients.length]
        const listener = () => {}
        socket.onAnyOutgoing(listener)
        await new Promise((resolve) => setTimeout(resolve, 3))
        socket.offAnyOutgoing(listener)
      }
      endCutting()
      await expectAll(clients, end(), cut)
    }, 30_000)
  })
})

describeWithRedis('what waits for the event loop', () => {
  test('is not for who connects when its recipient is gone', async () => {
    const redis = await startRedis()
    const cluster = await startCluster(['native'], redis, { cluster: { mode: 'streams' } })
    try {
      const [{ io, url }] = cluster.servers
      const { socket } = await cluster.servers[0].client({ transports: ['polling'] })
      socket.join('secret')
      const other = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`)
      /** @type {string[]} */
      const got = []
      other.on('message', (data) => got.push(String(data)))
      await until('it is open', () => got.length === 1)
      const { sid } = JSON.parse(got[0].slice(1))
      const woken = stats(io).cluster.woken
      // All in one turn of the event loop: it comes, its recipient goes, and somebody connects.
      const data = JSON.stringify({ packet: { type: 2, data: ['secret'] }, opts: { rooms: ['secret'], except: [], flags: {} } })
      redis.command('XADD', 'socket.io', '*', 'uid', 'emitter', 'nsp', '/', 'type', '3', 'data', data)
      while (stats(io).cluster.woken === woken) redis.command('PING')
      socket.disconnect(true)
      io.engine.clients[sid].emit('data', '0')
      await until('somebody is connected', () => io.of('/').sockets.size === 1)
      io.emit('last')
      await until('it has the last', () => got.at(-1) === '42["last"]')
      expect(got.slice(2)).toEqual(['42["last"]'])
    } finally {
      await cluster.close()
      await redis.stop()
    }
  })
})
