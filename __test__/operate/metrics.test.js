'use strict'

const fs = require('node:fs')
const path = require('node:path')
const promClient = require('prom-client')
const { Server } = require('socket.io')
const { createAdapter, metrics, stats } = require('../..')
const { ADAPTER, CLUSTER, QUEUE, STORE } = require('../../lib/operate/families')
const { exposition } = require('../../lib/operate/samples')
const { useCluster } = require('../support/cluster')
const { until } = require('../support/events')
const { parsePrometheus } = require('../support/prometheus')
const { STORES, collect, open } = require('../support/queues')
const { ADAPTERS } = require('../support/adapters')
const { describeWithRedis } = require('../support/redis')
const { servers } = require('../support/server')

const openServer = servers()
const NATIVE = ADAPTERS.find(({ lanes }) => lanes)

afterEach(() => promClient.register.clear())

/** A family's only value, or its values by a label. */
function value(families, name, labels = {}) {
  const { samples } = families.get(`socketio_${name}`)
  const found = samples.filter((sample) => Object.entries(labels).every(([label, wanted]) => sample.labels[label] === wanted))
  expect(found).toHaveLength(1)
  return found[0].value
}

describe.each(STORES)('metrics of queues (%s)', (store, options) => {
  test('they say what happened, in seconds and bytes', async () => {
    const queues = open(options())
    const jobs = queues.queue('jobs', { deadLetter: 'dead', maxAttempts: 2, backoff: 0 })
    await jobs.sendBatch([1, 2, 3].map((payload) => ({ payload })))
    await jobs.send('later', { delay: 60_000 })
    const worker = collect(jobs, 4, {
      handler: ({ payload }) => {
        if (payload === 3) throw new Error('no')
      },
    })
    await worker.collected
    await worker.close()
    await jobs.send('waits')
    const { text, contentType, register } = metrics(null, queues, { register: null })
    expect([contentType, register]).toEqual(['text/plain; version=0.0.4; charset=utf-8', undefined])
    const families = parsePrometheus(await text())
    const of = (name, labels) => value(families, name, { queue: 'jobs', ...labels })
    expect(of('queue_messages', { state: 'ready' })).toBe(1)
    expect(of('queue_messages', { state: 'delayed' })).toBe(1)
    expect([of('queue_sent_total'), of('queue_completed_total'), of('queue_failed_total')]).toEqual([5, 2, 2])
    expect([of('queue_retried_total'), of('queue_dead_total'), of('queue_paused')]).toEqual([1, 1, 0])
    expect(value(families, 'queue_messages', { queue: 'dead', state: 'ready' })).toBe(1)
    const runs = families.get('socketio_queue_run_seconds').samples.filter(({ labels }) => labels.queue === 'jobs')
    expect(runs.find(({ name }) => name.endsWith('_count')).value).toBe(2)
    // A run of an empty function is below a minute: in seconds, then, not in milliseconds.
    expect(runs.find(({ labels }) => Number(labels.le) > 60).value).toBe(2)
    expect(value(families, 'queues')).toBe(2)
    expect(value(families, 'store_bytes')).toBeGreaterThan(0)
    const syncs = families.get('socketio_store_sync_seconds').samples.find(({ name }) => name.endsWith('_count'))
    // In Redis: its answers.
    if (store === 'memory') expect(syncs.value).toBe(0)
    else expect(syncs.value).toBeGreaterThan(0)
  })
})

test('they count what is written to lanes', async () => {
  const server = await openServer(NATIVE)
  const clients = await server.connectAll(3)
  server.io.emit('event', 'x'.repeat(100))
  const { text } = metrics(server.io, null, { register: null })
  await until('frames are counted', () => stats(server.io).bytes >= 300)
  const families = parsePrometheus(await text())
  expect(value(families, 'sent_bytes_total')).toBeGreaterThanOrEqual(300)
  expect([value(families, 'sockets'), value(families, 'lanes'), value(families, 'rooms')]).toEqual([3, 3, 3])
  expect(clients).toHaveLength(3)
  expect([...families.keys()].some((name) => name.includes('queue'))).toBe(false)
})

describeWithRedis('metrics of a cluster', () => {
  const own = useCluster()

  test.each(['pubsub', 'sharded', 'streams'])('mode %s: they say what was sent, asked and how late it is', async (mode) => {
    const [left, right] = await own.start(['native', 'native'], { cluster: { mode, requestsTimeout: 300 } })
    const read = async ({ io }) => parsePrometheus(await metrics(io, null, { register: null }).text())
    const client = await right.client()
    left.io.emit('event', 'x'.repeat(100))
    await until('it has come', () => client.got.length === 1)
    const asked = value(await read(left), 'cluster_requests_total')
    await left.io.fetchSockets()
    right.io.on('question', () => {})
    await expect(left.io.serverSideEmitWithAck('question')).rejects.toMatchObject({ code: 'ERR_CLUSTER_INCOMPLETE' })
    await until('a second has passed', () => stats(left.io).cluster.lag > 0)
    const [of, other] = [await read(left), await read(right)]
    expect([value(of, 'cluster_connected'), value(of, 'cluster_reconnects_total'), value(of, 'cluster_outbox_messages')]).toEqual([1, 0, 0])
    expect(value(of, 'cluster_published_bytes_total')).toBeGreaterThan(100)
    expect(value(other, 'cluster_received_bytes_total')).toBeGreaterThan(100)
    expect(value(other, 'cluster_native_messages_total')).toBe(1)
    expect(value(of, 'cluster_requests_total')).toBe(asked + 2)
    expect([value(of, 'cluster_incomplete_requests_total'), value(of, 'cluster_pending_requests')]).toEqual([1, 0])
    expect(value(other, 'cluster_served_requests_total')).toBeGreaterThanOrEqual(2)
    expect(value(of, 'cluster_lag_seconds')).toBeGreaterThan(0)
    expect(value(of, 'cluster_stream_lag_seconds')).toBe(0)
    own.redis.process.kill('SIGSTOP')
    await until('it is noticed', () => stats(left.io).cluster.lag > 900)
    own.redis.process.kill('SIGCONT')
  }, 20_000)
})

test('with prom-client they join its registry, and the app has one page', async () => {
  const queues = open({ memory: true })
  await queues.queue('mail').send(1)
  new promClient.Counter({ name: 'app_logins_total', help: 'Of the app.' }).inc(7)
  const joined = metrics(null, queues)
  expect(joined.register).toBe(promClient.register)
  const families = parsePrometheus(await joined.text())
  expect(families.get('app_logins_total').samples[0].value).toBe(7)
  expect(value(families, 'queue_sent_total', { queue: 'mail' })).toBe(1)
  const json = await promClient.register.getMetricsAsJSON()
  expect(json.find(({ name }) => name === 'socketio_queue_sent_total').values[0]).toMatchObject({ labels: { queue: 'mail' }, value: 1 })
  promClient.register.setDefaultLabels({ app: 'shop' })
  expect(await joined.text()).toContain('socketio_queue_sent_total{queue="mail",app="shop"} 1')
  // A second one would count the same twice.
  expect(() => metrics(null, queues)).toThrow('already been registered')
  joined.unregister()
  metrics(null, queues).unregister()
})

test('a registry of the app, with OpenMetrics', async () => {
  const queues = open({ memory: true })
  await queues.queue('mail').send(1)
  const register = new promClient.Registry(promClient.Registry.OPENMETRICS_CONTENT_TYPE)
  const { text, contentType } = metrics(null, queues, { register, prefix: 'shop_' })
  expect(contentType).toContain('openmetrics')
  const page = await text()
  expect(page).toContain('# TYPE shop_queue_sent counter\nshop_queue_sent_total{queue="mail"} 1\n')
  expect(page.endsWith('# EOF\n')).toBe(true)
})

test('both ways of writing say the same', async () => {
  const queues = open({ memory: true })
  await queues.queue('ä"/b'.replace('"', '-')).send(1)
  const own = parsePrometheus(await metrics(null, queues, { register: null }).text())
  const theirs = parsePrometheus(await metrics(null, queues, { register: new promClient.Registry() }).text())
  expect([...own.keys()].sort()).toEqual([...theirs.keys()].sort())
  for (const [name, { type, help, samples }] of own) {
    if (name.includes('oldest_ready')) continue
    expect(theirs.get(name)).toEqual({ name, type, help, samples })
  }
})

test('labels and help are escaped', () => {
  const hostile = 'a"b\\c\nd} 1\nevil 2'
  const values = [{ labels: { queue: hostile }, value: 1 }]
  const text = exposition([{ name: 'x', help: 'one\\two\nthree', type: 'gauge', values }])
  expect(parsePrometheus(text).get('x')).toEqual({
    name: 'x',
    type: 'gauge',
    help: 'one\\\\two\\nthree',
    samples: [{ name: 'x', labels: { queue: hostile }, value: 1 }],
  })
})

test('the number of series is bounded, whatever the number of queues', async () => {
  const queues = open({ memory: true })
  for (let number = 0; number < 20; number++) await queues.queue(`user-${number}`).send(number)
  const families = parsePrometheus(await metrics(null, queues, { register: null, maxQueues: 5 }).text())
  const names = new Set(families.get('socketio_queue_sent_total').samples.map(({ labels }) => labels.queue))
  expect(names.size).toBe(5)
  expect([value(families, 'queues'), value(families, 'queues_left_out')]).toEqual([20, 15])
})

test('a scrape reads once', async () => {
  const queues = open({ memory: true })
  queues.queue('a')
  const register = new promClient.Registry()
  const joined = metrics(null, queues, { register })
  const asked = jest.spyOn(queues, 'names')
  await joined.text()
  expect(asked).toHaveBeenCalledTimes(1)
  await joined.text()
  expect(asked).toHaveBeenCalledTimes(2)
})

test('what it cannot measure is refused', async () => {
  const queues = open({ memory: true })
  const stock = new Server()
  expect(() => metrics()).toThrow(expect.objectContaining({ code: 'QUEUE_OPTION_INVALID' }))
  expect(() => metrics(stock)).toThrow(expect.objectContaining({ code: 'ERR_NOT_NATIVE_ADAPTER' }))
  expect(() => metrics(null, {})).toThrow('createQueues()')
  expect(() => metrics(null, queues, { prefix: '1-' })).toThrow('prefix')
  expect(() => metrics(null, queues, { maxQueue: 1 })).toThrow('maxQueues')
  expect(() => metrics(null, queues, { register: {} })).toThrow('register')
  const { text } = metrics(null, queues, { register: null })
  await queues.close()
  await expect(text()).rejects.toMatchObject({ code: 'QUEUE_CLOSED' })
})

test('the table of the guide has each metric with its type, and no other', async () => {
  const page = fs.readFileSync(path.join(__dirname, '..', '..', 'docs', 'guide', 'operating.md'), 'utf8')
  const listed = [...page.matchAll(/^\| `(socketio_\w+)` \| (\w+) \|/gm)].map(([, name, type]) => [name, type])
  const io = new Server({ adapter: createAdapter({ cluster: { redis: 'redis://127.0.0.1:1' } }) })
  io.of('/').adapter.on('cluster:down', () => {})
  const queues = open({ memory: true })
  await queues.queue('a').send(1)
  const families = parsePrometheus(await metrics(io, queues, { register: null }).text())
  io.of('/').adapter.close()
  expect(listed).toEqual([...families].map(([name, { type }]) => [name, type]))
  expect(families.size).toBe(ADAPTER.length + CLUSTER.length + QUEUE.length + STORE.length)
  expect(value(families, 'cluster_connected')).toBe(0)
})
