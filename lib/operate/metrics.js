// @ts-check
'use strict'

const { optional } = require('../optional')
const { check, integer, isText, wrong } = require('../queues/rules')
const { Queues } = require('../queues/queues')
const { stats } = require('../stats')
const { ADAPTER, CLUSTER, QUEUE, STORE } = require('./families')
const { exposition, samplesOf } = require('./samples')

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
const MOST_QUEUES = 200

/** @typedef {import('./families').Family} Family */
/** @typedef {{ of: any, labels: { [label: string]: string } }[]} Readings */

/** @type {{ [name: string]: import('../queues/rules').Rule }} */
const OPTIONS = {
  register: (register) =>
    register === null || typeof register?.registerMetric === 'function' ? undefined : 'a Registry of prom-client, or null',
  prefix: (prefix) =>
    isText(prefix) ?? (/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(prefix) ? undefined : 'letters, digits and _, not beginning with a digit'),
  maxQueues: integer(0, 100_000),
}

/** Reads everything once, for all who ask in the same tick: a registry asks each metric by itself. */
class Reader {
  #io
  #queues
  #maxQueues
  /** @type {Promise<Map<Family, Readings>> | undefined} */
  #now

  /**
   * @param {any} io
   * @param {Queues | undefined} queues
   * @param {number} maxQueues
   */
  constructor(io, queues, maxQueues) {
    this.#io = io
    this.#queues = queues
    this.#maxQueues = maxQueues
  }

  read() {
    if (this.#now === undefined) {
      this.#now = this.#read()
      // Whoever asks meets the error; nobody else does.
      this.#now.catch(() => {})
      setImmediate(() => (this.#now = undefined))
    }
    return this.#now
  }

  async #read() {
    /** @type {Map<Family, Readings>} */
    const readings = new Map()
    if (this.#io) {
      const of = stats(this.#io)
      for (const family of ADAPTER) readings.set(family, [{ of, labels: {} }])
      // Not any more when its last namespace was closed.
      if (of.cluster) for (const family of CLUSTER) readings.set(family, [{ of: of.cluster, labels: {} }])
    }
    if (this.#queues) await this.#readQueues(this.#queues, readings)
    return readings
  }

  /**
   * @param {Queues} queues
   * @param {Map<Family, Readings>} readings
   */
  async #readQueues(queues, readings) {
    const names = await queues.names()
    const shown = names.slice(0, this.#maxQueues)
    const [store, ...all] = await Promise.all([queues.stats(), ...shown.map((name) => queues.queue(name).stats())])
    const of = { ...store, queues: names.length, leftOut: names.length - shown.length }
    for (const family of STORE) readings.set(family, [{ of, labels: {} }])
    const each = all.map((of, at) => ({ of, labels: { queue: shown[at] } }))
    for (const family of QUEUE) readings.set(family, each)
  }
}

/** One metric, as a registry of prom-client wants it. */
class Metric {
  #family
  #reader

  /**
   * @param {Family} family
   * @param {string} name
   * @param {Reader} reader
   */
  constructor(family, name, reader) {
    this.#family = family
    this.#reader = reader
    // prom-client takes the end from a counter's name for OpenMetrics, and adds it to its samples.
    this.name = name
    this.help = family.help
    this.type = family.type
    this.aggregator = 'sum'
  }

  async get() {
    const { name, help, type, aggregator } = this
    const readings = (await this.#reader.read()).get(this.#family) ?? []
    const values = readings.flatMap(({ of, labels }) => samplesOf(this.#family, name, of, labels))
    return { name, help, type, aggregator, values }
  }

  /** What the engine counts is not a registry's to reset. */
  reset() {}
}

/**
 * @param {any} io
 * @param {any} [queues]
 * @param {any} [options]
 */
function metrics(io, queues, options) {
  const { prefix = 'socketio_', maxQueues = MOST_QUEUES, ...given } = check('metrics', OPTIONS, options)
  if (!io && !queues) throw wrong('metrics', 'a Socket.IO server, queues, or both', io)
  if (queues && !(queues instanceof Queues)) throw wrong('metrics', 'what createQueues() returned, as queues', queues)
  // Says at once that it is not ours, not with each scrape.
  const clustered = io && stats(io).cluster !== undefined
  const reader = new Reader(io, queues || undefined, maxQueues)
  const families = [...(io ? ADAPTER : []), ...(clustered ? CLUSTER : []), ...(queues ? [...STORE, ...QUEUE] : [])]
  const all = families.map((family) => new Metric(family, prefix + family.name, reader))
  const register = given.register === undefined ? optional('prom-client')?.register : given.register
  for (const metric of all) register?.registerMetric(metric)
  return {
    register: register ?? undefined,
    get contentType() {
      return register?.contentType ?? CONTENT_TYPE
    },
    async text() {
      return register ? register.metrics() : exposition(await Promise.all(all.map((metric) => metric.get())))
    },
    unregister() {
      for (const metric of all) register?.removeSingleMetric(metric.name)
    },
  }
}

module.exports = { metrics }
