'use strict'

/** What is stored goes out as it is where nobody can tell the difference from `socket.emit()`; elsewhere it is `socket.emit()`. */

const { Encoder } = require('socket.io-parser')
const { Message } = require('../../lib/queues/message')
const { ADAPTERS } = require('../support/adapters')
const { until } = require('../support/events')
const { open } = require('../support/queues')
const { servers } = require('../support/server')
const { TRANSPORTS } = require('../support/transports')
const { WebSocketClient } = require('../support/websocket-client')
const { worker: newWorker } = require('../support/workers')

const openServer = servers()

const PAYLOADS = [
  undefined,
  null,
  0,
  '',
  'a text',
  '"],{"quoted": \\"',
  [],
  [[1, 2.5, -1e300], { nested: [null, true] }],
  { n: 1, 'ключ': '値 🚀', lone: '\ud800' },
  { separators: '\u2028\u2029', controls: '\u0000\u001f\u007f\n' },
  JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1, "toJSON": "no function"}'),
  { _placeholder: true, num: 0 },
  { type: 'Buffer', data: [1, 2] },
  'é'.repeat(20_000),
  { large: 'x'.repeat(40_000) },
]

/** What the msgpack parser reads as it was written: it has its own ideas of the others. @param {unknown} payload */
function isSimple(payload) {
  return payload !== undefined && !/lone|e\+300|__proto__/.test(JSON.stringify(payload))
}

/** How many messages went out as they are stored. */
function watchShortWay() {
  const spy = jest.spyOn(Message, 'jsonOf')
  return { count: () => spy.mock.results.filter(({ value }) => value !== undefined).length }
}

afterEach(() => jest.restoreAllMocks())

const echo = (payload) => ({ ok: true, result: payload })
const openQueue = () => open({ memory: true }).queue('q', { maxAttempts: 1 })

describe.each(ADAPTERS.slice(0, 2))('packets of a dispatcher ($name)', (adapter) => {
  test.each(['/', '/workers'])('are what Socket.IO encodes, byte for byte (%s)', async (nsp) => {
    const short = watchShortWay()
    const server = await openServer(adapter)
    const queue = openQueue()
    const event = 'job "é'
    server.io.of(nsp)
    const client = await server.connect({}, nsp)
    const got = []
    client.on(event, (payload, meta, ack) => ack(got.push({ payload, meta })))
    const socket = server.socketOf(client)
    const texts = []
    socket.conn.on('packetCreate', ({ type, data }) => type === 'message' && texts.push(data))
    socket.join('gpu')
    const first = 2 ** 31
    server.io.of(nsp)._ids = first
    const optionsOf = (n) => n % 2 === 1 && { key: `k"\u2028${n}`, headers: { trace: 'é"', n: '' } }
    await queue.sendBatch(PAYLOADS.map((payload, n) => ({ payload, ...optionsOf(n) })))
    const dispatcher = queue.dispatch(server.io.of(nsp).in('gpu'), { event, prefetch: 100 })
    await until('all are answered', () => dispatcher.stats().completed === PAYLOADS.length)
    const encoder = new Encoder()
    const encoded = got.map(({ payload, meta }, n) => encoder.encode({ type: 2, nsp, id: first + n, data: [event, payload, meta] })[0])
    expect(texts).toEqual(encoded)
    expect(got.map(({ payload }) => JSON.stringify(payload)).sort()).toEqual(PAYLOADS.map((payload) => JSON.stringify(payload ?? null)).sort())
    expect(Object.prototype).not.toHaveProperty('polluted')
    expect(short.count()).toBe(PAYLOADS.length)
    await until('nothing is expected any more', () => socket.acks.size === 0)
  })

  test.each(TRANSPORTS.map((transport) => [transport.name, transport]))('arrive over %s', async (name, { polls: _, ...options }) => {
    const short = watchShortWay()
    const server = await openServer(adapter, options)
    const queue = openQueue()
    const { jobs } = await newWorker(server, echo)
    const bytes = [Buffer.from([0, 255]), { in: [Buffer.from('é')] }]
    const payloads = [...(name === 'msgpack' ? PAYLOADS.filter(isSimple) : PAYLOADS.slice(1)), ...bytes]
    await queue.sendBatch(payloads.map((payload) => ({ payload })))
    const dispatcher = queue.dispatch(server.io.in('gpu'), { event: 'job', prefetch: 4 })
    await until('all are answered', () => dispatcher.stats().completed === payloads.length)
    // Keys apart, these are in order.
    expect(jobs.map(({ payload }) => payload)).toEqual(payloads)
    expect(short.count()).toBe(name === 'msgpack' ? 0 : payloads.length - bytes.length)
  })

  test.each([
    ['an outgoing listener', (socket, seen) => socket.onAnyOutgoing((...args) => seen.push(args))],
    ['a method that a tool has replaced', (socket, seen) => {
      const { emit } = socket
      socket.emit = (...args) => {
        seen.push(args)
        return emit.apply(socket, args)
      }
    }],
    ['a packet that a tool sees', (socket, seen) => {
      const { packet } = socket
      socket.packet = (made, ...more) => {
        seen.push(made.data)
        return packet.call(socket, made, ...more)
      }
    }],
    ['flags that wait for an emit', (socket, seen) => {
      socket.conn.on('packetCreate', ({ type, options }) => type === 'message' && options.compress === false && seen.push(['job', { n: 1 }, {}]))
      socket.compress(false)
    }],
  ])('pass through Socket.IO with %s', async (_name, watch) => {
    const short = watchShortWay()
    const server = await openServer(adapter, { javaScript: true })
    const queue = openQueue()
    const { client } = await newWorker(server, echo)
    const dispatcher = queue.dispatch(server.io.in('gpu'), { event: 'job' })
    await queue.request({ n: 0 })
    expect(short.count()).toBe(1)
    const seen = []
    watch(server.socketOf(client), seen)
    expect(await queue.request({ n: 1 })).toEqual({ n: 1 })
    expect(short.count()).toBe(1)
    expect(seen).toHaveLength(1)
    expect(seen[0].slice(0, 2)).toEqual(['job', { n: 1 }])
    expect(dispatcher.stats()).toMatchObject({ dispatched: 2, completed: 2, inFlight: 0 })
  })

  test('pass through Socket.IO with connection state recovery', async () => {
    const short = watchShortWay()
    const server = await openServer(adapter, { server: { connectionStateRecovery: {} }, javaScript: true })
    const queue = openQueue()
    await newWorker(server, echo)
    queue.dispatch(server.io.in('gpu'), { event: 'job' })
    expect(await queue.request({ n: 1 })).toEqual({ n: 1 })
    expect(short.count()).toBe(0)
  })

  test('are answered once, by their socket, with their number', async () => {
    const server = await openServer(adapter)
    const queue = openQueue()
    server.io.sockets._ids = 7
    const raw = async () => {
      const client = new WebSocketClient(server.url)
      server.clients.push(client)
      const { sid } = await client.join()
      server.io.sockets.sockets.get(sid).join('gpu')
      return { client, socket: server.io.sockets.sockets.get(sid) }
    }
    const [worker, other] = [await raw(), await raw()]
    other.socket.leave('gpu')
    const completed = []
    queue.on('completed', ({ result }) => completed.push(result))
    const dispatcher = queue.dispatch(server.io.in('gpu'), { event: 'job', prefetch: 2 })
    await queue.sendBatch([{ payload: 'a' }, { payload: 'b' }, { payload: 'c' }])
    const numberOf = async () => /^42(\d+)\[/.exec(await worker.client.take('a job', (frame) => frame.startsWith('42')))[1]
    const [a, b] = [await numberOf(), await numberOf()]
    const answer = (client, number, result) => client.ws.send(`43${number}[{"ok":true,"result":"${result}"}]`)
    // Of another socket, of nobody, of no number that there can be, and nothing that names an answer.
    answer(other.client, a, 'stolen')
    for (const number of [String(Number(b) + 1000), '9'.repeat(300), '0'.repeat(300), '', '9007199254740993']) answer(worker.client, number, 'unknown')
    answer(worker.client, b, 'first')
    answer(worker.client, b, 'second')
    const c = await numberOf()
    answer(worker.client, a, 'a')
    answer(worker.client, c, 'c')
    await until('all are answered', () => completed.length === 3)
    expect(completed).toEqual(['first', 'a', 'c'])
    expect(dispatcher.stats()).toMatchObject({ dispatched: 3, completed: 3, failed: 0, lateAnswers: 0, inFlight: 0, sockets: 1 })
    expect(worker.socket.acks.size).toBe(0)
  })
})
