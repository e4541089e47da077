// @ts-check
'use strict'

/**
 * Waiting for events, and recording what a client receives.
 */

const { createHash } = require('node:crypto')

/** How long an event may take before the test fails with its name, in milliseconds. */
const PATIENCE = 10_000

/** The event that proves that everything emitted before it on the same way has arrived. */
const MARKER = 'marker of the test'

/**
 * The arguments of the next event of that name.
 * @param {any} emitter
 * @param {string | symbol} event
 * @returns {Promise<any[]>}
 */
function next(emitter, event) {
  return within(
    `the event ${String(event)}`,
    new Promise((resolve) => emitter.once(event, (/** @type {any[]} */ ...args) => resolve(args))),
  )
}

/**
 * The promise, or an error that says what did not happen.
 * @template T
 * @param {string} what
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
async function within(what, promise) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${PATIENCE} ms for ${what}`)), PATIENCE)
  })
  try {
    return /** @type {T} */ (await Promise.race([promise, late]))
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Waits for a state that no event announces.
 * @param {string} what
 * @param {() => unknown} holds
 * @param {number} [patience] of what takes longer
 */
async function until(what, holds, patience = PATIENCE) {
  const end = Date.now() + patience
  while (!holds()) {
    if (Date.now() > end) throw new Error(`waited ${patience} ms until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/**
 * What a client receives from now on: arrays of the event's name and arguments. Markers are left out.
 * @param {any} client of any version
 * @returns {any[][]}
 */
function record(client) {
  /** @type {any[][]} */
  const received = []
  onEveryEvent(client, (event) => event[0] !== MARKER && received.push(event))
  return received
}

/**
 * @param {any} client
 * @param {(event: any[]) => void} listener
 */
function onEveryEvent(client, listener) {
  if (client.onAny) return client.onAny((/** @type {any[]} */ ...event) => listener(event))
  // socket.io-client 2 has no such listener.
  const original = client.onevent
  client.onevent = function (/** @type {any} */ packet) {
    listener([...packet.data])
    original.call(this, packet)
  }
}

/**
 * The same value with each binary by its size and digest: Jest compares binaries byte by byte.
 * @param {any} value
 * @returns {any}
 */
function digested(value) {
  if (ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    return `${bytes.length} bytes: ${createHash('sha1').update(bytes).digest('hex')}`
  }
  if (Array.isArray(value)) return value.map(digested)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, digested(inner)]))
}

let markers = 0

/**
 * Broadcasts a marker, and waits until each of the clients has it: what was emitted before and is not there is lost.
 * @param {any} io a server, namespace or socket
 * @param {any[]} clients
 */
async function sync(io, clients) {
  const marker = `${++markers}`
  const arrivals = clients.map((client) => marked(client, marker))
  io.emit(MARKER, marker)
  await within(`marker ${marker}`, Promise.all(arrivals))
}

/**
 * @param {any} client
 * @param {string} marker
 * @returns {Promise<void>}
 */
function marked(client, marker) {
  return new Promise((resolve) => {
    const listener = (/** @type {string} */ arrived) => {
      if (arrived !== marker) return
      client.off(MARKER, listener)
      resolve()
    }
    client.on(MARKER, listener)
  })
}

module.exports = { digested, next, record, sync, until, within }
