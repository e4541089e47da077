// @ts-check
'use strict'

const { METRICS } = require('./metrics')

/**
 * The rows of the benchmark: what is asked of the servers, and what is read from the answers.
 *
 * @typedef {object} Setup the server and the clients of a row; rows with the same setup share them
 * @property {'clients' | 'few' | 'many' | number} clients which setting says how many, or how many
 * @property {boolean} [deflate] per-message deflate, without context take-over
 * @property {number} [slow] so many of the clients read nothing
 * @property {boolean} [oneCore] the server may use one processor only
 *
 * @typedef {object} Row
 * @property {string} id
 * @property {string} title
 * @property {Setup} setup
 * @property {'calls' | 'alone' | 'idleMemory' | 'storm'} procedure a name of bench/lib/procedures.js
 * @property {string} measure a name of bench/server/measures.js; empty where the procedure needs none
 * @property {Partial<import('../server/measures').Options>} [options] for it
 * @property {'all' | 'layout' | 'one' | 'none'} reach how many clients one call reaches
 * @property {boolean} [lossy] whether less may arrive
 * @property {boolean} [watched] whether the clients are asked for progress, and the server told of it
 * @property {boolean} [fresh] whether each round has a server of its own, because memory is measured
 * @property {boolean} [peers] `false`: only for servers of Node.js with ws
 * @property {import('./metrics').Metric[]} metrics
 */

/** @typedef {Pick<Row, 'id' | 'title'> & Partial<Row>} Given */

const KIB = 1024

/** @type {(given: Given) => Row} */
const idle = (given) => row(given, { measure: 'idle', reach: 'none', metrics: METRICS.idle })
/** @type {(given: Given) => Row} */
const paced = (given) => row(given, { measure: 'paced', reach: reachOf(given), metrics: METRICS.paced })
/** @type {(given: Given) => Row} */
const flood = (given) => row(given, { measure: 'flood', reach: reachOf(given), watched: true, metrics: METRICS.flood })
/** @type {(given: Given) => Row} */
const emits = (given) => row(given, { reach: 'one', metrics: METRICS.emits })
/** @type {(given: Given) => Row} */
const joins = (given) => row(given, { reach: 'none', fresh: true, metrics: METRICS.joins })

/** @type {(given: Given, kind: Partial<Row>) => Row} */
function row(given, kind) {
  const defaults = { setup: { clients: /** @type {const} */ ('clients') }, procedure: /** @type {const} */ ('calls') }
  return { measure: '', reach: 'none', metrics: [], ...defaults, ...kind, ...given }
}

/** @param {Given} given */
function reachOf({ options }) {
  return options?.layout ? 'layout' : 'all'
}

/** @type {Row[]} */
const BROADCASTS = [
  idle({ id: 'idle', title: 'nothing each 25 ms: the floor of the paced rows' }),
  paced({ id: 'paced', title: 'io.emit to many, one each 25 ms' }),
  flood({ id: 'flood1', title: 'io.emit to many, one per tick', options: { perTick: 1 } }),
  flood({ id: 'flood10', title: 'io.emit to many, ten per tick', options: { perTick: 10 } }),
  paced({ id: 'paced-1k', title: '1 KiB to many, one each 25 ms', options: { payload: KIB } }),
  flood({ id: 'flood1-1k', title: '1 KiB to many, one per tick', options: { perTick: 1, payload: KIB } }),
  paced({ id: 'paced-64k', title: '64 KiB to many, one each 250 ms', options: { payload: 64 * KIB, everyMs: 250 } }),
  flood({ id: 'flood1-64k', title: '64 KiB to many, one per tick', options: { perTick: 1, payload: 64 * KIB } }),
  paced({
    id: 'paced-rooms',
    title: 'io.to(ten rooms).except(one).emit, each 25 ms',
    options: { layout: 'overlapping' },
  }),
  flood({
    id: 'flood1-rooms',
    title: 'io.to(ten rooms).except(one).emit, one per tick',
    options: { perTick: 1, layout: 'overlapping' },
  }),
  paced({ id: 'paced-room', title: 'io.to(room of all).emit, each 25 ms', options: { layout: 'everybody' } }),
  paced({
    id: 'paced-volatile',
    title: 'io.volatile.emit to many, one each 25 ms',
    options: { volatile: true },
    lossy: true,
    metrics: METRICS.volatile,
  }),
]

/** @type {Row[]} */
const EMITS = [
  emits({ id: 'direct', title: 'socket.emit, 100 each 5 ms', measure: 'direct' }),
  emits({ id: 'own-room', title: 'io.to(socket.id).emit, 100 each 5 ms', measure: 'toOwnRoom' }),
  emits({
    id: 'room-one',
    title: 'io.to(a room of one).emit, 100 each 5 ms',
    measure: 'toRooms',
    options: { layout: 'users', batch: 100 },
    reach: 'layout',
  }),
  emits({
    id: 'room-ten',
    title: 'io.to(a room of ten).emit, 10 each 5 ms',
    measure: 'toRooms',
    options: { layout: 'teams', batch: 10 },
    reach: 'layout',
  }),
]

/** @type {Setup} */
const FEW = { clients: 'few' }
/** @type {Row[]} */
const FEW_CLIENTS = [
  paced({ id: 'paced-few', title: 'io.emit to few, one each 25 ms', setup: FEW }),
  flood({ id: 'flood1-few', title: 'io.emit to few, one per tick', setup: FEW, options: { perTick: 1 } }),
  flood({ id: 'flood10-few', title: 'io.emit to few, ten per tick', setup: FEW, options: { perTick: 10 } }),
  emits({ id: 'direct-few', title: 'socket.emit, 100 each 5 ms', setup: FEW, measure: 'direct' }),
  emits({ id: 'own-room-few', title: 'io.to(socket.id).emit, 100 each 5 ms', setup: FEW, measure: 'toOwnRoom' }),
  row(
    { id: 'rooms-10000', title: 'a socket joins and leaves 10,000 rooms', setup: FEW },
    { measure: 'manyRooms', metrics: METRICS.manyRooms },
  ),
]

/** @type {Setup} */
const MANY = { clients: 'many' }
/** @type {Row[]} */
const MANY_CLIENTS = [
  paced({ id: 'paced-many', title: 'io.emit to all, one each 125 ms', setup: MANY, options: { everyMs: 125 } }),
  flood({ id: 'flood1-many', title: 'io.emit to all, one per tick', setup: MANY, options: { perTick: 1 } }),
  flood({ id: 'flood10-many', title: 'io.emit to all, ten per tick', setup: MANY, options: { perTick: 10 } }),
  emits({ id: 'direct-many', title: 'socket.emit, 100 each 5 ms', setup: MANY, measure: 'direct' }),
]

/** @type {Setup} */
const ONE_CORE = { clients: 'clients', oneCore: true }
/** @type {Setup} */
const ONE_CORE_FEW = { clients: 'few', oneCore: true }
/** @type {Row[]} */
const ON_ONE_CORE = [
  paced({ id: 'paced-core', title: 'io.emit to many, each 25 ms, server on one core', setup: ONE_CORE }),
  emits({ id: 'direct-core', title: 'socket.emit, server on one core', setup: ONE_CORE, measure: 'direct' }),
  paced({ id: 'paced-core-few', title: 'io.emit to few, each 25 ms, server on one core', setup: ONE_CORE_FEW }),
  emits({ id: 'direct-core-few', title: 'socket.emit, server on one core', setup: ONE_CORE_FEW, measure: 'direct' }),
]

/** @type {Row[]} */
const OTHERS = [
  paced({
    id: 'paced-deflate',
    title: '10 KiB of JSON, compressed, one each 500 ms',
    setup: { clients: 'clients', deflate: true },
    options: { payload: 10 * KIB, content: 'records', everyMs: 500 },
    peers: false,
  }),
  row(
    { id: 'paced-slow', title: '64 KiB each 25 ms, a tenth of 100 reads nothing', setup: { clients: 100, slow: 10 } },
    { measure: 'paced', options: { payload: 64 * KIB }, reach: 'all', fresh: true, metrics: METRICS.slow },
  ),
  joins({
    id: 'join-shared',
    title: 'join and leave, everybody in the same rooms',
    measure: 'joins',
    options: { rooms: 'shared' },
  }),
  joins({ id: 'join-pairs', title: 'join and leave, rooms of two', measure: 'joins', options: { rooms: 'pairs' } }),
  joins({
    id: 'million',
    title: '10,000 sockets in 100 rooms of 100 each',
    setup: { clients: 10_000 },
    procedure: 'alone',
    measure: 'million',
  }),
  row(
    { id: 'memory-idle', title: 'connections that do nothing', setup: MANY },
    { procedure: 'idleMemory', fresh: true, metrics: METRICS.idleMemory },
  ),
  row(
    { id: 'storm', title: 'all connect, and disconnect, at once', setup: MANY },
    { procedure: 'storm', fresh: true, metrics: METRICS.storm },
  ),
]

const ROWS = [...BROADCASTS, ...EMITS, ...FEW_CLIENTS, ...MANY_CLIENTS, ...ON_ONE_CORE, ...OTHERS]

module.exports = { ROWS }
