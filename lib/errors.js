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

module.exports = { NativeAdapterError, InvalidOptionError, NativeBindingError, ClientTooSlowError }
