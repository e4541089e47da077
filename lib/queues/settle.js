// @ts-check
'use strict'

/** What is said of a delivery: encoded first, which may call the app, then written. */

const { NACK, OP } = require('./block')
const { queueError } = require('./errors')
const { CONTENT, encode, errorText } = require('./payload')

/**
 * How a delivery ends.
 * @typedef {object} Outcome
 * @property {boolean} [ack]
 * @property {any} [result]
 * @property {number} [most] bytes of the result
 * @property {boolean} [release]
 * @property {unknown} [error]
 * @property {number} [delay] ms
 * @property {boolean} [dead]
 */

/** @typedef {import('./block').CommandBlock} CommandBlock */
/** @typedef {(block: CommandBlock, ticket: number) => void} Write ticket 0: without an answer */

/**
 * @param {import('./message').Message} message
 * @param {Outcome} outcome
 * @returns {Write}
 */
function writeSettle(message, outcome) {
  if (outcome.release) return writeRelease(message)
  return outcome.ack ? writeAck(message, outcome.result, outcome.most) : writeNack(message, outcome)
}

/**
 * @param {import('./message').Message} message
 * @param {unknown} result
 * @param {number} [most] bytes
 * @returns {Write}
 */
function writeAck(message, result, most = Infinity) {
  const { content, body } = encode(result)
  if (body.length > most || (typeof body === 'string' && body.length * 3 > most && Buffer.byteLength(body) > most)) {
    throw queueError('QUEUE_MESSAGE_TOO_LARGE', `expected a result of at most ${most} bytes`)
  }
  return (block, ticket) => {
    block.begin(OP.ACK, ticket)
    block.lease(message)
    if (content === CONTENT.NOTHING) block.word(0)
    else block.tagged(content, body)
  }
}

/**
 * @param {import('./message').Message} message
 * @param {Outcome} outcome
 * @returns {Write}
 */
function writeNack(message, { error, delay, dead }) {
  const text = errorText(error)
  return (block, ticket) => {
    block.begin(OP.NACK, ticket)
    block.lease(message)
    block.word((delay === undefined ? 0 : NACK.DELAY) | (dead ? NACK.DEAD : 0))
    if (delay !== undefined) block.number(delay)
    block.part(text)
  }
}

/** @param {import('./message').Message} message @returns {Write} */
function writeRelease(message) {
  return (block, ticket) => {
    block.begin(OP.RELEASE, ticket)
    block.lease(message)
  }
}

/**
 * @param {import('./message').Message} message
 * @param {number} millis
 * @returns {Write}
 */
function writeExtend(message, millis) {
  return (block, ticket) => {
    block.begin(OP.EXTEND, ticket)
    block.lease(message)
    block.number(millis)
  }
}

/**
 * @param {import('./message').Message} message
 * @param {unknown} data
 * @returns {(block: CommandBlock) => void}
 */
function writeProgress(message, data) {
  const { content, body } = encode(data)
  return (block) => {
    block.begin(OP.PROGRESS)
    block.lease(message)
    block.tagged(content, body)
  }
}

module.exports = { writeExtend, writeProgress, writeRelease, writeSettle }
