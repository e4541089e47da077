// @ts-check
'use strict'

/** What a client answers, which may be anything. */

const { inspect } = require('node:util')

const MOST_ERROR = 2000

/**
 * @param {unknown} answer the first argument of the client's acknowledgement
 * @returns {import('../settle').Outcome}
 */
function outcomeOf(answer) {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer) || Buffer.isBuffer(answer)) {
    return { ack: true, result: answer ?? undefined }
  }
  const { ok, error, result } = /** @type {any} */ (answer)
  if (error !== undefined && error !== null && error !== false) return { ack: false, error: shorten(error) }
  if (ok === undefined) return { ack: true, result: answer }
  return ok === true ? { ack: true, result } : { ack: false, error: 'the worker answered without ok: true' }
}

/** @param {unknown} error @returns {string} */
function shorten(error) {
  const message = typeof error === 'object' ? /** @type {any} */ (error)?.message : error
  const text = typeof message === 'string' ? message : inspect(error, { depth: 1, maxArrayLength: 10, maxStringLength: 200 })
  return text.length > MOST_ERROR ? `${text.slice(0, MOST_ERROR)}…` : text
}

module.exports = { outcomeOf }
