// @ts-check
'use strict'

/** The option `cluster` of `createAdapter()`: checked once, in one form. */

const { InvalidOptionError, NativeAdapterError } = require('../errors')
const { STREAM_OPTIONS, validateStreams } = require('./stream-options')

/**
 * @typedef {object} ClusterSettings
 * @property {string} mode
 * @property {import('./stream-options').StreamSettings} [streams]
 * @property {string | undefined} subscriptionMode of mode `sharded`
 * @property {string} key
 * @property {number} requestsTimeout ms
 * @property {{ messages: number, bytes: number }} outbox
 * @property {Record<string, unknown>} redis what `crates/cluster` reads
 */

const MODES = ['pubsub', 'sharded', 'streams']
const SUBSCRIPTION_MODES = ['static', 'dynamic', 'dynamic-private']
const KNOWN = ['redis', 'mode', 'key', 'channelPrefix', 'subscriptionMode', 'requestsTimeout', 'outbox']
const REDIS = ['host', 'port', 'path', 'username', 'password', 'database', 'db', 'tls']
const SENTINEL = ['sentinels', 'name', 'username', 'password', 'database', 'db', 'tls', 'sentinelUsername', 'sentinelPassword', 'sentinelTls']

/**
 * @param {any} value
 * @param {{ messages: number, bytes: number }} [most] of an outbox, by default
 * @returns {ClusterSettings}
 */
function validateCluster(value, most = { messages: 10_000, bytes: 16 * 1024 * 1024 }) {
  if (typeof value !== 'object' || value === null) fail('cluster', 'an object with redis, mode and key', typeof value)
  known('cluster', value, value.mode === 'streams' ? [...KNOWN, ...STREAM_OPTIONS] : KNOWN)
  const { mode = 'pubsub', channelPrefix, requestsTimeout = 5000, outbox = {} } = value
  if (!MODES.includes(mode)) {
    throw new NativeAdapterError(
      'ERR_CLUSTER_MODE',
      `createAdapter: expected cluster.mode to be ${MODES.map((name) => `"${name}"`).join(' or ')}, got ${show(mode)}`,
    )
  }
  const key = value.key ?? channelPrefix ?? 'socket.io'
  if (typeof key !== 'string' || key === '') fail('cluster.key', 'a text that is not empty', show(key))
  if (channelPrefix !== undefined && channelPrefix !== key) fail('cluster.channelPrefix', 'the same as key', show(channelPrefix))
  const subscriptionMode = subscriptionModeOf(mode, value.subscriptionMode)
  integer('cluster.requestsTimeout', requestsTimeout, 1)
  if (typeof outbox !== 'object' || outbox === null || Array.isArray(outbox)) fail('cluster.outbox', 'an object with messages and bytes', show(outbox))
  known('cluster.outbox', outbox, ['messages', 'bytes'])
  const { messages = most.messages, bytes = most.bytes } = outbox
  integer('cluster.outbox.messages', messages, 1)
  integer('cluster.outbox.bytes', bytes, 1024)
  const streams = mode === 'streams' ? validateStreams(value) : undefined
  return { mode, subscriptionMode, key, streams, requestsTimeout, outbox: { messages, bytes }, redis: redisOf(value.redis) }
}

/** @param {string} mode @param {unknown} value @returns {string | undefined} */
function subscriptionModeOf(mode, value) {
  if (mode !== 'sharded') {
    return value === undefined ? undefined : fail('cluster.subscriptionMode', `absent with mode "${mode}"`, show(value))
  }
  const subscriptionMode = value ?? 'dynamic'
  if (typeof subscriptionMode === 'string' && SUBSCRIPTION_MODES.includes(subscriptionMode)) return subscriptionMode
  return fail('cluster.subscriptionMode', SUBSCRIPTION_MODES.map((name) => `"${name}"`).join(' or '), show(value))
}

/** @param {any} redis one server, sentinels or nodes of a Redis Cluster. No part of it is shown: it may hold a password. @returns {any} */
function redisOf(redis) {
  if (redis?.sentinels !== undefined) return sentinelsOf(redis)
  if (redis?.cluster !== undefined) return nodesOf(redis)
  return serverOf(redis)
}

/** @param {any} redis a URL, or an object @returns {any} */
function serverOf(redis) {
  const given = typeof redis === 'string' ? fromUrl(redis) : redis
  if (typeof given !== 'object' || given === null) fail('cluster.redis', 'a URL or an object', typeof given)
  for (const name of ['sentinel', 'nodes', 'cluster']) {
    if (!(name in given)) continue
    throw new NativeAdapterError(
      'ERR_CLUSTER_UNSUPPORTED',
      `createAdapter: expected cluster.redis to name one Redis server, nodes of a cluster or sentinels, got ${name}: a Redis Cluster is { cluster: [urls] }, Sentinel { sentinels, name }`,
    )
  }
  known('cluster.redis', given, REDIS)
  const { host = '127.0.0.1', port = 6379, path, username, password, db = 0, database = db, tls = false } = given
  texts({ host, path, username, password })
  if (host === '' || path === '') fail(`cluster.redis.${host === '' ? 'host' : 'path'}`, 'a text that is not empty', 'an empty one')
  if (given.host !== undefined && path !== undefined) fail('cluster.redis', 'either host or path', 'both')
  checkPort('cluster.redis.port', port)
  integer('cluster.redis.database', database, 0)
  if (given.db !== undefined && db !== database) fail('cluster.redis.db', 'the same as database', show(db))
  return { host, port, path, username, password, database, ...tlsOf(tls) }
}

/** A primary that sentinels name. What is theirs begins with their name, the rest is the primary's, as in ioredis. @param {any} given @returns {any} */
function sentinelsOf(given) {
  known('cluster.redis', given, SENTINEL)
  const { sentinels, name, sentinelUsername: username, sentinelPassword: password, sentinelTls = false, ...primary } = given
  if (!Array.isArray(sentinels) || sentinels.length === 0) {
    fail('cluster.redis.sentinels', 'a list like ["host:26379"] or [{ host, port }]', Array.isArray(sentinels) ? 'an empty one' : typeof sentinels)
  }
  if (typeof name !== 'string' || name === '') {
    fail('cluster.redis.name', 'what the sentinels call the primary, like "mymaster"', name === '' ? 'an empty text' : typeof name)
  }
  texts({ sentinelUsername: username, sentinelPassword: password })
  const nodes = sentinels.map(sentinelOf)
  return { ...serverOf(primary), sentinels: { nodes, name, username, password, ...tlsOf(sentinelTls) } }
}

/** Host and port. @param {any} sentinel @returns {[string, number]} */
function sentinelOf(sentinel) {
  const name = 'each of cluster.redis.sentinels'
  const expected = '"host:26379" or { host, port }'
  if (typeof sentinel === 'string') {
    const [, host, port = '26379'] = /^(\[[^\]@]+\]|[^:/@\s]+)(?::(\d{1,5}))?$/.exec(sentinel) ?? []
    if (host === undefined) return fail(name, expected, 'another text')
    return sentinelOf({ host: host.replace(/^\[|\]$/g, ''), port: Number(port) })
  }
  if (typeof sentinel !== 'object' || sentinel === null) return fail(name, expected, typeof sentinel)
  known(name, sentinel, ['host', 'port'])
  const { host, port = 26_379 } = sentinel
  if (typeof host !== 'string' || host === '') return fail(name, expected, 'one without a host')
  checkPort(`the port of ${name}`, port)
  return [host, port]
}

/** @param {any} tls true, or texts in PEM */
function tlsOf(tls) {
  if (typeof tls === 'object' && tls !== null) known('cluster.redis.tls', tls, ['ca', 'cert', 'key'])
  const { ca, cert, key } = typeof tls === 'object' && tls !== null ? tls : { ca: undefined, cert: undefined, key: undefined }
  const pem = [ca, cert, key].map((text) => (text === undefined ? undefined : String(text)))
  return { tls: Boolean(tls), ca: pem[0], cert: pem[1], key: pem[2] }
}

/** Some nodes of a Redis Cluster: user and TLS are those of the first, unless they are given beside. @param {any} given @returns {any} */
function nodesOf({ cluster, ...common }) {
  known('cluster.redis', common, ['cluster', 'username', 'password', 'tls'])
  if (!Array.isArray(cluster) || cluster.length === 0) return fail('cluster.redis.cluster', 'a list of URLs', typeof cluster)
  const nodes = cluster.map((node) => serverOf(node))
  if (nodes.some(({ path, database }) => path !== undefined || database !== 0)) {
    return fail('cluster.redis.cluster', 'URLs with a host and without a database', 'another one')
  }
  const { host, port, username, password, tls } = nodes[0]
  const seeds = nodes.map((node) => [node.host, node.port])
  return { ...serverOf({ username, password, tls, ...common, host, port }), seeds }
}

/** @param {string} text */
function fromUrl(text) {
  if (/^(redis[-+])?sentinels?:/.test(text)) {
    return fail('cluster.redis', 'an object { sentinels: ["host:26379"], name: "mymaster" } for Sentinel', 'a URL')
  }
  /** @type {URL} */
  let url
  try {
    url = new URL(text)
  } catch {
    return fail('cluster.redis', 'a URL like redis://user:password@host:6379/0', 'a text that is none')
  }
  const part = (/** @type {string} */ value) => (value === '' ? undefined : decoded(value))
  const user = { username: part(url.username), password: part(url.password) }
  if (url.protocol === 'unix:' || url.protocol === 'redis+unix:') {
    return { ...user, path: decoded(url.pathname), database: Number(url.searchParams.get('db') ?? 0) }
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    return fail('cluster.redis', 'a URL that begins with redis:, rediss: or unix:', url.protocol)
  }
  return {
    ...user,
    host: url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: url.port === '' ? 6379 : Number(url.port),
    database: Number(url.pathname.length > 1 ? url.pathname.slice(1) : (url.searchParams.get('db') ?? 0)),
    tls: url.protocol === 'rediss:',
  }
}

/** A part of a URL. @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return fail('cluster.redis', 'a URL with each % of its user and password written as %25', 'another one')
  }
}

/** @param {string} name @param {object} given @param {string[]} names */
function known(name, given, names) {
  for (const other of Object.keys(given)) if (!names.includes(other)) fail(name, `one of ${names.join(', ')}`, other)
}

/** Of `redis`. @param {Record<string, unknown>} all */
function texts(all) {
  for (const [name, text] of Object.entries(all)) {
    if (text !== undefined && typeof text !== 'string') fail(`cluster.redis.${name}`, 'a text', typeof text)
  }
}

/** @param {string} name @param {unknown} port */
function checkPort(name, port) {
  integer(name, port, 1)
  if (/** @type {number} */ (port) > 65_535) fail(name, 'a port', String(port))
}

/** @param {string} name @param {unknown} value @param {number} least */
function integer(name, value, least) {
  if (!Number.isSafeInteger(value) || /** @type {number} */ (value) < least) {
    fail(name, `an integer from ${least} on`, show(value))
  }
}

/** @param {unknown} value */
function show(value) {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 50)) : String(value)
}

/** @param {string} name @param {string} expected @param {string} got @returns {never} */
function fail(name, expected, got) {
  throw new InvalidOptionError(`createAdapter: expected ${name} to be ${expected}, got ${got}`)
}

module.exports = { redisOf, validateCluster }
