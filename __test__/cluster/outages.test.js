'use strict'

/** Redis that is silent for long, behind TLS, and messages that are as large as they get. */

const { spawn } = require('node:child_process')
const { Server } = require('socket.io')
const { createAdapter, createEmitter, stats } = require('../..')
const { useCluster } = require('../support/cluster')
const { next, until } = require('../support/events')
const { describeWithRedis, startTlsRedis } = require('../support/redis')

const MIB = 1024 * 1024

/** Servers count each other each second: who has not is not awaited. @param {any} own */
async function counted(own) {
  const counts = () => Number(/numsub:calls=(\d+)/.exec(own.redis.command('INFO', 'commandstats'))?.[1])
  const enough = counts() + 2 * own.servers.length
  await until('each has counted who is there', () => counts() >= enough)
}

describeWithRedis('a cluster whose Redis is in trouble', () => {
  const own = useCluster(['native', 'native'])
  const numbers = (/** @type {any} */ client) => client.got.filter(([event]) => event === 'n').map(([, n]) => n)

  test('it stands still for ten seconds: noticed, local clients are served meanwhile, what waited reaches the others, nothing twice', async () => {
    const [near, far] = [await own.servers[0].client(), await own.servers[1].client()]
    const { io } = own.servers[0]
    await counted(own)
    let sent = 0
    let latest = 0
    const down = next(io.of('/').adapter, 'cluster:down')
    own.redis.process.kill('SIGSTOP')
    const stopped = Date.now()
    const emitting = setInterval(() => io.emit('n', sent++), 50)
    const watching = setInterval(() => (latest = Math.max(latest, sent - numbers(near).length)), 10)
    const [error] = await down
    expect(error.code).toBe('ERR_CLUSTER_UNREACHABLE')
    // What was handed to Redis before has arrived, or not; this waits.
    const first = sent
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 10_000 - (Date.now() - stopped))))
    const asked = await io.fetchSockets().catch((/** @type {any} */ reason) => reason)
    expect(asked).toMatchObject({ code: 'ERR_CLUSTER_INCOMPLETE', partial: [{ id: near.id }] })
    const up = Promise.all(own.servers.map((server) => next(server.io.of('/').adapter, 'cluster:up')))
    own.redis.process.kill('SIGCONT')
    await up
    clearInterval(emitting)
    const mark = sent++
    io.emit('n', mark)
    await until('the other has the last', () => numbers(far).includes(mark))
    clearInterval(watching)
    expect(numbers(near)).toEqual(Array.from({ length: sent }, (_, n) => n))
    expect(numbers(far)).toEqual([...new Set(numbers(far))].sort((a, b) => a - b))
    expect(numbers(far).filter((n) => n >= first)).toEqual(numbers(near).slice(first))
    console.log(`${sent} broadcasts, at most ${latest} not yet with the local client; the other got ${numbers(far).length}`)
  }, 60_000)

  /** @param {Buffer} payload on the channel of broadcasts to all */
  async function publish(payload) {
    const child = spawn('redis-cli', ['-p', String(own.redis.port), '-x', 'PUBLISH', 'socket.io#/#'], { stdio: ['pipe', 'ignore', 'inherit'] })
    child.stdin.end(payload)
    await new Promise((resolve) => child.once('exit', resolve))
  }

  test('100 MiB of garbage: more than Redis keeps for a subscriber, whom it disconnects; all are back soon', async () => {
    const far = await own.servers[1].client()
    const { io } = own.servers[0]
    const back = Promise.all(own.servers.map((server) => next(server.io.of('/').adapter, 'cluster:up')))
    await publish(Buffer.alloc(100 * MIB, 0xdd))
    await back
    await own.cluster.complete()
    io.emit('n', 1)
    await until('the other has it', () => numbers(far).length === 1)
    expect(await io.fetchSockets()).toHaveLength(1)
  }, 60_000)

  test('100 MiB of garbage on a Redis that hands them on are counted, and others go on', async () => {
    own.redis.command('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 0 0 0')
    const far = await own.servers[1].client()
    const { io } = own.servers[0]
    await publish(Buffer.alloc(100 * MIB, 0xdd))
    await until('it is counted', () => own.servers.every((server) => stats(server.io).cluster.malformed > 0))
    // It crosses, and goes nowhere: nobody is in the room.
    io.to('nobody').emit('large', Buffer.alloc(20 * MIB))
    io.emit('n', 1)
    await until('the other has it', () => numbers(far).length === 1)
    expect(stats(io).cluster).toMatchObject({ connected: 1, reconnects: 0 })
  }, 60_000)
})

describeWithRedis('a broadcast that asks for acknowledgements', () => {
  const own = useCluster()

  test.each(['pubsub', 'sharded', 'streams'])('does not take local answers for all, when Redis is lost: %s', async (mode) => {
    const servers = await own.start(['native', 'native', 'native'], { cluster: { mode } })
    const clients = []
    for (const server of servers) clients.push(await server.client())
    for (const [i, client] of clients.entries()) client.on('question', (/** @type {any} */ answer) => answer(i))
    const { io } = servers[0]
    await counted(own)
    const down = next(io.of('/').adapter, 'cluster:down')
    await own.redis.stop()
    await down
    expect(await io.of('/').adapter.serverCount()).toBe(3)
    const error = await io.timeout(500).emitWithAck('question').catch((/** @type {any} */ reason) => reason)
    expect(error).toMatchObject({ message: 'operation has timed out', responses: [0] })
    const up = Promise.all(servers.map((server) => next(server.io.of('/').adapter, 'cluster:up')))
    await own.redis.start()
    await up
    // Perhaps the others are not back yet.
    expect((await io.timeout(5000).emitWithAck('question')).sort()).toEqual([0, 1, 2])
  }, 30_000)
})

describeWithRedis('an emitter that is not let in', () => {
  const own = useCluster()

  test.each(['pubsub', 'sharded', 'streams'])('keeps what it is given: %s', async (mode) => {
    const [server] = await own.start(['native'], { cluster: { mode } })
    const client = await server.client()
    own.redis.command('CONFIG', 'SET', 'requirepass', 'sesame')
    const emitter = createEmitter({ redis: own.redis.option, mode: /** @type {any} */ (mode) })
    const [error] = await next(emitter, 'cluster:down')
    expect(error.code).toBe('ERR_CLUSTER_AUTH')
    let ups = 0
    emitter.on('cluster:up', () => ups++)
    for (let n = 0; n < 20; n++) {
      emitter.emit('n', n)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(ups).toBe(0)
    own.redis.password = 'sesame'
    own.redis.command('CONFIG', 'SET', 'requirepass', '')
    own.redis.password = undefined
    await until('it is let in', () => ups === 1)
    await emitter.flush()
    await until('all have arrived', () => client.got.length === 20)
    expect(client.got.map(([, n]) => n)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    expect(emitter.stats()).toMatchObject({ unconfirmed: 0, outboxDropped: 0 })
    await emitter.close()
  })
})

describeWithRedis('a Redis behind TLS', () => {
  test('is spoken to when its certificate is trusted, and refused with a reason when it is not', async () => {
    const { port, cert, stop } = await startTlsRedis()
    const open = (/** @type {any} */ options) => new Server(0, { adapter: createAdapter({ cluster: { redis: options } }) })
    const [first, second] = [0, 1].map(() => open({ host: 'localhost', port, tls: { ca: cert } }))
    await Promise.all([first, second].map((io) => next(io.of('/').adapter, 'cluster:up')))
    while ((await first.of('/').adapter.serverCount()) < 2) await new Promise((resolve) => setTimeout(resolve, 10))
    const heard = next(second.of('/'), 'hello')
    first.serverSideEmit('hello', 'over TLS')
    expect(await heard).toEqual(['over TLS'])

    const distrusting = open(`rediss://:secret@localhost:${port}`)
    const [error] = await next(distrusting.of('/').adapter, 'cluster:down')
    expect(error.code).toMatch(/^ERR_CLUSTER_/)
    expect(error.message).toMatch(/certificate/i)
    expect(error.message).not.toContain('secret')
    const plain = open(`redis://localhost:${port}`)
    const [refused] = await next(plain.of('/').adapter, 'cluster:down')
    expect(refused.code).toMatch(/^ERR_CLUSTER_/)
    for (const io of [first, second, distrusting, plain]) await io.close()
    await stop()
  }, 30_000)
})
