// @ts-check
'use strict'

/** The options of mode "streams", named as those of the JavaScript adapter. */

const { InvalidOptionError, NativeAdapterError } = require('../errors')

/**
 * @typedef {object} StreamSettings
 * @property {string} name
 * @property {number} count
 * @property {number} most entries of a stream, about
 * @property {number} read entries at once
 * @property {number} block ms
 * @property {string} sessionKeyPrefix
 * @property {boolean} plaintext
 */

const STREAM_OPTIONS = [
  'streamName',
  'streamCount',
  'channelPrefix',
  'useShardedPubSub',
  'maxLen',
  'readCount',
  'blockTimeInMs',
  'sessionKeyPrefix',
  'onlyPlaintext',
]

/** @param {any} value the option `cluster` @returns {StreamSettings} */
function validateStreams(value) {
  const { streamName = 'socket.io', streamCount = 1, maxLen = 10_000, readCount = 100, blockTimeInMs = 5000 } = value
  const { sessionKeyPrefix = 'sio:session:', onlyPlaintext = false, channelPrefix } = value
  for (const [name, text] of Object.entries({ streamName, channelPrefix, sessionKeyPrefix })) {
    const given = text !== undefined || name !== 'channelPrefix'
    if (given && (typeof text !== 'string' || text === '')) fail(name, 'a text that is not empty', text)
  }
  for (const [name, number, most] of /** @type {[string, any, number][]} */ ([
    ['streamCount', streamCount, 1024],
    ['maxLen', maxLen, 2 ** 31],
    ['readCount', readCount, 100_000],
    // A reading that is answered later than that could be a lost connection.
    ['blockTimeInMs', blockTimeInMs, 60_000],
  ])) {
    if (!Number.isSafeInteger(number) || number < 1 || number > most) fail(name, `an integer from 1 to ${most}`, number)
  }
  if (typeof onlyPlaintext !== 'boolean') fail('onlyPlaintext', 'true or false', onlyPlaintext)
  if (value.useShardedPubSub) {
    throw new NativeAdapterError(
      'ERR_CLUSTER_UNSUPPORTED',
      'createAdapter: expected cluster.useShardedPubSub to be false, got true: mode "streams" uses the plain channels',
    )
  }
  const limits = { count: streamCount, most: maxLen, read: readCount, block: blockTimeInMs }
  return { name: streamName, ...limits, sessionKeyPrefix, plaintext: onlyPlaintext }
}

/** @param {string} name @param {string} expected @param {unknown} got @returns {never} */
function fail(name, expected, got) {
  const shown = typeof got === 'string' ? JSON.stringify(got.slice(0, 50)) : String(got)
  throw new InvalidOptionError(`createAdapter: expected cluster.${name} to be ${expected}, got ${shown}`)
}

module.exports = { STREAM_OPTIONS, validateStreams }
