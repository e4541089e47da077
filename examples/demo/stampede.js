// @ts-check
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { Child } = require('./child.js')
const { RateLimit, STAMPEDE, readStampede } = require('./limits.js')

/** @typedef {import('./limits.js').StampedeOptions} StampedeOptions */
/** @typedef {InstanceType<typeof import('./child.js').Child>} ChildProcess */
/** @typedef {'stock' | 'native'} AdapterName */

const LOADGEN =
  process.env.SOCKETIO_LOADGEN ?? path.join(__dirname, '..', '..', 'target', 'release', 'socketio-loadgen')

/** Both servers get this much of the load first, unmeasured: the compiler of JavaScript needs it. */
const WARM_UP_SECONDS = 1
/** How long what was broadcast may take to arrive, before it is counted as lost. */
const DRAIN_MS = 5000
const POLL_MS = 50

/**
 * Runs stampedes, one at a time, and tells everybody who is connected to the namespace how they go.
 *
 * The two adapters take turns, each in a fresh process with clients of its own: side by side they would take the
 * processor from each other, and each would show the other's delays.
 */
class Stampede {
  #nsp
  /** @type {{ owner: string, abort: AbortController, end: Promise<void> } | undefined} */
  #run
  /** @type {Set<ChildProcess>} */
  #children = new Set()

  /** @param {import('socket.io').Namespace} nsp */
  constructor(nsp) {
    this.#nsp = nsp
    nsp.on('connection', (socket) => this.#connected(socket))
    process.once('exit', () => this.#kill())
  }

  /** Stops what runs; resolves when its processes are gone. */
  async close() {
    this.#run?.abort.abort(new Error('the server is closing'))
    await this.#run?.end
  }

  /** @param {import('socket.io').Socket} socket */
  #connected(socket) {
    const requests = new RateLimit(2, 6)
    socket.emit('bounds', { bounds: STAMPEDE, clients: loadGenerator().name, running: this.#run !== undefined })
    socket.on('start', (asked, reply) => {
      if (typeof reply !== 'function') return
      reply(requests.take() ? this.#start(socket.id, asked) : { ok: false, error: 'Too fast: wait a second' })
    })
    socket.on('stop', () => {
      if (requests.take()) this.#run?.abort.abort(new Error('stopped'))
    })
    socket.on('disconnect', () => {
      if (this.#run?.owner === socket.id) this.#run.abort.abort(new Error('the page that started it was closed'))
    })
  }

  /**
   * @param {string} owner the socket whose end stops it
   * @param {unknown} asked
   */
  #start(owner, asked) {
    if (this.#run !== undefined)
      return { ok: false, error: 'A stampede is already running: wait for its end, or stop it' }
    const read = readStampede(asked)
    if ('error' in read) return { ok: false, error: read.error }
    const abort = new AbortController()
    this.#run = { owner, abort, end: this.#stampede(read.options, abort.signal) }
    return { ok: true }
  }

  /**
   * @param {StampedeOptions} options
   * @param {AbortSignal} signal
   */
  async #stampede(options, signal) {
    this.#nsp.emit('begin', options)
    let error = null
    try {
      for (const adapter of /** @type {const} */ (['stock', 'native'])) await this.#phase(adapter, options, signal)
    } catch (caught) {
      error = caught instanceof Error ? caught.message : String(caught)
    }
    this.#run = undefined
    this.#nsp.emit('end', { error })
  }

  /**
   * @param {AdapterName} adapter
   * @param {StampedeOptions} options
   * @param {AbortSignal} signal
   */
  async #phase(adapter, options, signal) {
    const tell = (/** @type {string} */ state) => this.#nsp.emit('phase', { adapter, state })
    try {
      tell('starting')
      const server = this.#spawn(process.execPath, [path.join(__dirname, 'stampede-server.js'), '--adapter', adapter])
      const { port } = await server.next('listening', 10_000, signal)
      tell('connecting')
      const { command, parameters } = loadGenerator()
      const number = String(options.clients)
      const clients = this.#spawn(command, [...parameters, '--address', `127.0.0.1:${port}`, '--clients', number])
      const connected = await clients.next('connected', 60_000, signal)
      if (connected.clients < options.clients)
        throw new Error(`only ${connected.clients} of ${number} clients connected`)
      tell('warming')
      await broadcasts({ server, clients }, { ...options, seconds: WARM_UP_SECONDS }, signal)
      tell('running')
      server.on('sample', (sample) => this.#nsp.emit('sample', { adapter, ...sample }))
      this.#nsp.emit('result', { adapter, ...(await broadcasts({ server, clients }, options, signal)) })
    } finally {
      await Promise.all([...this.#children].map((child) => child.stop()))
    }
  }

  /**
   * @param {string} command
   * @param {string[]} parameters
   */
  #spawn(command, parameters) {
    const child = new Child(command, parameters)
    this.#children.add(child)
    child.once('gone', () => this.#children.delete(child))
    return child
  }

  #kill() {
    for (const child of this.#children) child.kill()
  }
}

/**
 * Has the server broadcast, and waits until the clients have got it all.
 * @param {{ server: ChildProcess, clients: ChildProcess }} pair
 * @param {StampedeOptions} options
 * @param {AbortSignal} signal
 */
async function broadcasts({ server, clients }, options, signal) {
  const ready = clients.next('reset', 10_000, signal)
  clients.send('reset')
  await ready
  const { rate, bytes, seconds } = options
  server.send({ rate, bytes, seconds })
  const result = await server.next('result', seconds * 1000 * 3 + 30_000, signal)
  const atEnd = await report(clients, signal)
  const expected = result.broadcasts * options.clients
  const deadline = performance.now() + DRAIN_MS
  let last = atEnd
  while (last.messages < expected && performance.now() < deadline) {
    await pause(POLL_MS)
    last = await report(clients, signal)
  }
  return {
    ...result,
    deliveries: atEnd.messages / result.seconds,
    lost: Math.max(0, expected - last.messages),
    latency: last.latency,
  }
}

/**
 * @param {ChildProcess} clients
 * @param {AbortSignal} signal
 */
function report(clients, signal) {
  const answer = clients.next('report', 10_000, signal)
  clients.send('report')
  return answer
}

/** @param {number} milliseconds */
function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** The program that plays the clients. */
function loadGenerator() {
  return fs.existsSync(LOADGEN)
    ? { name: 'rust', command: LOADGEN, parameters: [] }
    : { name: 'javascript', command: process.execPath, parameters: [path.join(__dirname, 'js-clients.js')] }
}

module.exports = { Stampede }
