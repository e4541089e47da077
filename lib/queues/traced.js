// @ts-check
'use strict'

/**
 * Queues in the traces of an app that has `@opentelemetry/api`: a span for each send and each call of a handler, by the semantic
 * conventions for messaging, and the trace's context in the headers of messages, by the app's own propagator. Without that package this
 * is not used; with it, but without an SDK behind it, a call looks whether there is one now.
 */

const { optional } = require('../optional')
const { version } = require('../../package.json')
const { Queue } = require('./queue')

const NAME = 'socket.io-native-adapter'
const SYSTEM = 'socketio_native_adapter'

/** @returns {typeof Queue} the class of queues for this app */
function queueClass() {
  const api = optional('@opentelemetry/api')
  return api ? traced(api) : Queue
}

/** @param {any} api `@opentelemetry/api` */
function traced(api) {
  const { SpanKind, SpanStatusCode, context, propagation, trace } = api
  const tracer = trace.getTracer(NAME, version)
  let on = false

  /** Whether the app has set up an SDK: it may do so after the queues were opened. */
  const isOn = () => {
    if (on) return true
    const provider = trace.getTracerProvider()
    // The API's own stands in for one until it is set.
    on = typeof provider.getDelegateTracer !== 'function' || provider.getDelegateTracer(NAME, version) !== undefined
    return on
  }

  /**
   * @param {string} operation
   * @param {Queue} queue
   * @param {object} attributes
   */
  const attributesOf = (operation, queue, attributes) => ({
    'messaging.system': SYSTEM,
    'messaging.destination.name': queue.name,
    'messaging.operation.name': operation,
    'messaging.operation.type': operation === 'process' ? 'process' : 'send',
    ...attributes,
  })

  /**
   * @param {any} span
   * @param {any} error
   */
  const failed = (span, error) => {
    span.recordException(error)
    span.setAttribute('error.type', String(error?.code ?? error?.name ?? '_OTHER'))
    span.setStatus({ code: SpanStatusCode.ERROR, message: String(error?.message ?? error) })
  }

  /**
   * Runs within a span that ends when it settles.
   * @param {any} span
   * @param {any} within a context
   * @param {() => any} run
   */
  const during = async (span, within, run) => {
    try {
      return await context.with(trace.setSpan(within, span), run)
    } catch (error) {
      failed(span, error)
      throw error
    } finally {
      span.end()
    }
  }

  /**
   * What is not right is left to be refused as ever.
   * @param {any} options
   * @param {any} span
   */
  const injected = (options, span) => {
    const { headers } = options ?? {}
    if (options === null || (headers !== undefined && (typeof headers !== 'object' || headers === null || Array.isArray(headers)))) return options
    const carrier = { ...headers }
    propagation.inject(trace.setSpan(context.active(), span), carrier)
    return Object.keys(carrier).length > 0 ? { ...options, headers: carrier } : options
  }

  return class TracedQueue extends Queue {
    /**
     * @param {string} operation
     * @param {object} attributes
     * @param {(span: any) => Promise<any>} run
     * @returns {Promise<any>}
     */
    #sending(operation, attributes, run) {
      const options = { kind: SpanKind.PRODUCER, attributes: attributesOf(operation, this, attributes) }
      const span = tracer.startSpan(`${operation} ${this.name}`, options)
      return during(span, context.active(), () => run(span))
    }

    /**
     * @param {any} payload
     * @param {any} [options]
     * @returns {Promise<any>}
     */
    send(payload, options) {
      if (!isOn()) return super.send(payload, options)
      return this.#sending('send', {}, async (span) => {
        const receipt = await super.send(payload, injected(options, span))
        span.setAttribute('messaging.message.id', receipt.id)
        return receipt
      })
    }

    /** @param {Iterable<any>} messages @returns {Promise<any>} */
    async sendBatch(messages) {
      if (!isOn() || typeof messages?.[Symbol.iterator] !== 'function') return super.sendBatch(messages)
      const all = [...messages]
      return this.#sending('send', { 'messaging.batch.message_count': all.length }, (span) =>
        super.sendBatch(all.map((message) => (typeof message === 'object' ? injected(message, span) : message))),
      )
    }

    /**
     * @param {any} payload
     * @param {any} [options]
     * @returns {Promise<any>}
     */
    async request(payload, options) {
      if (!isOn()) return super.request(payload, options)
      return this.#sending('request', {}, (span) => super.request(payload, injected(options, span)))
    }

    /**
     * @param {Function} handler
     * @param {any} [options]
     */
    consume(handler, options) {
      if (typeof handler !== 'function') return super.consume(handler, options)
      const run = (/** @type {any} */ given, /** @type {any} */ running) => {
        const call = () => handler(given, running)
        return isOn() ? this.#process(given, call) : call()
      }
      return super.consume(run, options)
    }

    /**
     * One message continues its sender's trace; a batch has many senders, and links to them.
     * @param {any} given a message or a batch of them
     * @param {() => any} run
     */
    #process(given, run) {
      const sender = (/** @type {any} */ { headers }) => propagation.extract(api.ROOT_CONTEXT, headers)
      const batch = Array.isArray(given)
      const within = batch ? api.ROOT_CONTEXT : sender(given)
      const links = batch ? given.map((message) => trace.getSpanContext(sender(message))).filter(Boolean) : []
      const attributes = batch
        ? { 'messaging.batch.message_count': given.length }
        : { 'messaging.message.id': given.id, 'socketio.queue.attempt': given.attempt }
      const span = tracer.startSpan(
        `process ${this.name}`,
        {
          kind: SpanKind.CONSUMER,
          attributes: attributesOf('process', this, attributes),
          links: links.map((linked) => ({ context: linked })),
        },
        within,
      )
      return during(span, within, run)
    }
  }
}

module.exports = { queueClass }
