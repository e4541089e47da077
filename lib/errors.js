// @ts-check
'use strict'

/**
 * The errors of this package. Test `code`: it is stable, and `instanceof` fails across realms (worker threads, Jest).
 */
class NativeAdapterError extends Error {
  /**
   * @param {import('..').ErrorCode} code
   * @param {string} message what was expected, what came, what to do
   * @param {{ cause?: unknown }} [options]
   */
  constructor(code, message, options) {
    super(message, options)
    this.name = new.target.name
    /** @readonly */
    this.code = code
  }
}

class InvalidOptionError extends NativeAdapterError {
  /** @param {string} message */
  constructor(message) {
    super('ERR_INVALID_OPTION', message)
  }
}

class NativeBindingError extends NativeAdapterError {
  /**
   * @param {string} message
   * @param {{ cause?: unknown }} [options]
   */
  constructor(message, options) {
    super('ERR_NATIVE_BINDING', message, options)
  }
}

class ClientTooSlowError extends NativeAdapterError {
  /** @param {number} maxBufferedBytes */
  constructor(maxBufferedBytes) {
    super(
      'ERR_CLIENT_TOO_SLOW',
      `expected the client to take what it is sent, but more than maxBufferedBytes (${maxBufferedBytes}) would wait for it`,
    )
  }
}

/** Not every server of the cluster has answered. `partial` is what the others did. */
class ClusterIncompleteError extends NativeAdapterError {
  /**
   * @param {string} what was asked
   * @param {number} answers
   * @param {number | null} expected
   * @param {string[]} missing names of servers, as far as they are known
   * @param {string} why
   */
  constructor(what, answers, expected, missing, why) {
    const known = missing.length > 0 ? ` (missing: ${missing.join(', ')})` : ''
    super(
      'ERR_CLUSTER_INCOMPLETE',
      `${what}: expected ${expected ?? 'all'} other servers to answer, got ${answers} answers ${why}${known}`,
    )
    this.missing = missing
    /** @type {any[]} */
    this.partial = []
  }
}

module.exports = { NativeAdapterError, InvalidOptionError, NativeBindingError, ClientTooSlowError, ClusterIncompleteError }
