// @ts-check
'use strict'

/** What is measured of a queue, whoever it is. Each starts and ends with an empty queue. */

const { percentile } = require('../lib/statistics')

/** @typedef {Awaited<ReturnType<typeof import('./drivers/native').openNative>>} Driver */

const PAYLOAD = { id: 12345, to: 'somebody@example.com', text: 'x'.repeat(200) }
const BATCH = Array.from({ length: 1000 }, () => PAYLOAD)

/**
 * @param {number} senders
 * @param {() => Promise<unknown>} send
 * @param {number} seconds
 * @returns {Promise<number>} sends a second
 */
async function sendFor(senders, send, seconds) {
  const began = performance.now()
  const end = began + seconds * 1000
  let sent = 0
  const loop = async () => {
    while (performance.now() < end) {
      await send()
      sent++
    }
  }
  await Promise.all(Array.from({ length: senders }, loop))
  return sent / ((performance.now() - began) / 1000)
}

/**
 * @param {Driver} driver
 * @param {number} batches
 */
async function fill(driver, batches) {
  for (let batch = 0; batch < batches; batch++) await driver.sendBatch(BATCH)
}

/**
 * @param {Driver} driver
 * @param {number} concurrency
 * @param {number} batches
 * @returns {Promise<number>} messages a second
 */
async function processAll(driver, concurrency, batches) {
  await fill(driver, batches)
  const began = performance.now()
  let left = batches * 1000
  let stop = async () => {}
  await new Promise((resolve) => {
    stop = driver.consume(async (payload) => {
      if (payload.id === PAYLOAD.id && --left === 0) resolve(undefined)
    }, concurrency)
  })
  const rate = (batches * 1000) / ((performance.now() - began) / 1000)
  await stop()
  return rate
}

/**
 * @param {Driver} driver
 * @param {number} times
 */
async function idleLatencies(driver, times) {
  let arrived = (/** @type {number} */ _now) => {}
  const stop = driver.consume(async () => arrived(performance.now()), 1)
  const latencies = []
  for (let n = 0; n < times; n++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    const arrival = new Promise((resolve) => (arrived = resolve))
    const began = performance.now()
    const sent = driver.send(PAYLOAD)
    latencies.push((await arrival) - began)
    await sent
  }
  await stop()
  return { p50: percentile(latencies, 50), p99: percentile(latencies, 99) }
}

/**
 * @param {Driver} driver
 * @param {{ seconds: number }} options
 * @returns {Promise<Record<string, number>>}
 */
async function measureAll(driver, { seconds }) {
  const { scale } = driver
  const send = () => driver.send(PAYLOAD)
  // Early, while there is not much free memory of earlier messages; yet after what the process itself needs.
  await fill(driver, 5 * scale)
  await driver.clear()
  const empty = await driver.memoryUsed()
  await fill(driver, 50 * scale)
  const memory = ((await driver.memoryUsed()) - empty) / (50_000 * scale)
  await driver.clear()
  // Until the code is compiled.
  await sendFor(20, send, Math.min(seconds, 0.5))
  await processAll(driver, 50, 2 * scale)
  await driver.clear()

  const before = driver.bytesWritten()
  const awaited = await sendFor(1, send, seconds)
  const bytesAwaited = (driver.bytesWritten() - before) / (awaited * seconds)
  await driver.clear()
  const concurrent = await sendFor(100, send, seconds)
  await driver.clear()
  const written = driver.bytesWritten()
  const batches = await sendFor(1, () => driver.sendBatch(BATCH), seconds)
  const bytesInBatches = (driver.bytesWritten() - written) / (batches * seconds * 1000)
  await driver.clear()

  const one = await processAll(driver, 1, 2 * scale)
  const fifty = await processAll(driver, 50, 20 * scale)
  const idle = await idleLatencies(driver, 300)
  await driver.clear()

  await driver.clear()
  return {
    awaited,
    concurrent,
    batches: batches * 1000,
    one,
    fifty,
    idleP50: idle.p50,
    idleP99: idle.p99,
    memory,
    bytesAwaited,
    bytesInBatches,
  }
}

module.exports = { measureAll }
