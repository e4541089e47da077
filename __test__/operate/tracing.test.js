'use strict'

const { AsyncLocalStorage } = require('node:async_hooks')
const { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace } = require('@opentelemetry/api')
const { W3CTraceContextPropagator } = require('@opentelemetry/core')
const { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-base')
const { Queue } = require('../../lib/queues/queue')
const { STORES, collect, event, open } = require('../support/queues')

const exporter = new InMemorySpanExporter()
const storage = new AsyncLocalStorage()

/** What an app's SDK sets up. */
const manager = {
  active: () => storage.getStore() ?? ROOT_CONTEXT,
  with: (within, run, self, ...args) => storage.run(within, () => run.apply(self, args)),
  bind: (within, target) => target,
  enable: () => manager,
  disable: () => manager,
}

beforeAll(() => {
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  context.setGlobalContextManager(manager)
})
beforeEach(() => exporter.reset())
afterAll(() => {
  trace.disable()
  propagation.disable()
  context.disable()
})

/** Those that have ended, by name. */
const spans = (name) => exporter.getFinishedSpans().filter((span) => span.name === name)

/** Within a span of the app. */
function inSpan(name, run) {
  return trace.getTracer('app').startActiveSpan(name, async (span) => {
    try {
      return await run(span.spanContext())
    } finally {
      span.end()
    }
  })
}

describe.each(STORES)('traces (%s)', (_, options) => {
  test('go from the sender through the headers to the handler, and on', async () => {
    const queues = open(options())
    const mail = queues.queue('mail')
    let sender
    const { id } = await inSpan('http request', (own) => {
      sender = own
      return mail.send({ to: 'Ada' }, { headers: { mine: 'kept' } })
    })
    const worker = collect(mail, 1, { handler: () => inSpan('smtp', () => Promise.resolve()) })
    const [message] = await worker.collected
    await worker.close()
    const [[send], [process], [inner]] = [spans('send mail'), spans('process mail'), spans('smtp')]
    expect(send.attributes).toEqual({
      'messaging.system': 'socketio_native_adapter',
      'messaging.destination.name': 'mail',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.message.id': id,
    })
    expect(process.attributes).toMatchObject({ 'messaging.message.id': id, 'messaging.operation.type': 'process', 'socketio.queue.attempt': 1 })
    expect([send.kind, process.kind]).toEqual([SpanKind.PRODUCER, SpanKind.CONSUMER])
    expect(message.headers).toEqual({ mine: 'kept', traceparent: `00-${sender.traceId}-${send.spanContext().spanId}-01` })
    const parents = [send, process, inner].map((span) => span.parentSpanContext.spanId)
    expect(parents).toEqual([sender.spanId, send.spanContext().spanId, process.spanContext().spanId])
    expect(new Set([sender, ...[send, process, inner].map((span) => span.spanContext())].map(({ traceId }) => traceId)).size).toBe(1)
  })

  test('tell of errors, of the handler and of the send', async () => {
    const queues = open(options())
    const mail = queues.queue('mail', { maxAttempts: 1, maxLength: 1 })
    await mail.send(1)
    await expect(mail.send(2)).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    const died = event(mail, 'dead')
    const worker = mail.consume(() => {
      throw new TypeError('no')
    })
    await died
    await worker.close()
    const [refused] = spans('send mail').filter(({ status }) => status.code === SpanStatusCode.ERROR)
    expect(refused.attributes['error.type']).toBe('QUEUE_FULL')
    const [process] = spans('process mail')
    expect([process.status.message, process.attributes['error.type']]).toEqual(['no', 'TypeError'])
    expect(process.events[0].attributes['exception.message']).toBe('no')
  })

  test('of a batch are linked, and requests end with their answer', async () => {
    const queues = open(options())
    const mail = queues.queue('mail')
    await inSpan('one', () => mail.sendBatch([{ payload: 1 }, { payload: 2 }]))
    await inSpan('other', () => mail.send(3))
    const worker = mail.consume(async (messages) => messages.length, { batch: { size: 3 } })
    await mail.drain()
    await worker.close()
    const [batch] = spans('process mail')
    expect(batch.attributes['messaging.batch.message_count']).toBe(3)
    expect(batch.parentSpanContext).toBeUndefined()
    const senders = spans('send mail').map((span) => span.spanContext().spanId)
    expect(batch.links.map((link) => link.context.spanId)).toEqual([senders[0], senders[0], senders[1]])

    const sums = queues.queue('sums')
    const answering = sums.consume(({ payload }) => payload.a + payload.b)
    expect(await sums.request({ a: 1, b: 2 })).toBe(3)
    await answering.close()
    const [[request], [process]] = [spans('request sums'), spans('process sums')]
    expect(process.parentSpanContext.spanId).toBe(request.spanContext().spanId)
  })
})

test('headers that a sender made up do no harm', async () => {
  const queues = open({ memory: true })
  const mail = queues.queue('mail')
  const hostile = ['', '00-zz-00-01', 'x'.repeat(10_000), `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`]
  const sending = open({ memory: true, tracing: false })
  expect(Object.getPrototypeOf(sending.queue('mail'))).toBe(Queue.prototype)
  for (const traceparent of hostile) {
    propagation.disable()
    await mail.send(1, { headers: { traceparent } })
    propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  }
  const worker = collect(mail, hostile.length)
  await worker.collected
  await worker.close()
  expect(spans('process mail').map((span) => span.parentSpanContext)).toEqual(hostile.map(() => undefined))
})

test('what is wrong is refused as ever', async () => {
  const mail = open({ memory: true }).queue('mail')
  await expect(mail.send(1, { headers: 'x' })).rejects.toMatchObject({ code: 'QUEUE_OPTION_INVALID' })
  await expect(mail.send(1, null)).rejects.toMatchObject({ code: 'QUEUE_OPTION_INVALID' })
  await expect(mail.sendBatch(7)).rejects.toMatchObject({ code: 'QUEUE_OPTION_INVALID' })
  await expect(mail.sendBatch([null])).rejects.toMatchObject({ code: 'QUEUE_OPTION_INVALID' })
  expect(() => mail.consume('x')).toThrow(expect.objectContaining({ code: 'QUEUE_OPTION_INVALID' }))
})

test('turned off, or without the package, there is nothing', async () => {
  const off = open({ memory: true, tracing: false }).queue('mail')
  await inSpan('app', () => off.send(1))
  expect((await off.peek())[0].headers).toEqual({})
  expect(spans('send mail')).toEqual([])

  jest.isolateModules(() => {
    jest.doMock('../../lib/optional', () => ({ optional: () => undefined }))
    const { Queue: Plain } = require('../../lib/queues/queue')
    expect(require('../../lib/queues/traced').queueClass()).toBe(Plain)
  })
  jest.dontMock('../../lib/optional')
})
