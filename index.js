// @ts-check
'use strict'

// First: without a binary, this throws the one error that explains it.
require('./lib/native')

const { createEmitter } = require('./lib/cluster/emitter')
const { createAdapter } = require('./lib/create-adapter')
const {
  ClientTooSlowError,
  ClusterIncompleteError,
  InvalidOptionError,
  NativeAdapterError,
  NativeBindingError,
} = require('./lib/errors')
const { durable } = require('./lib/durable/durable')
const { metrics } = require('./lib/operate/metrics')
const { LeaseEndedError, QueueError, QueueFullError, RequestError } = require('./lib/queues/errors')
const { createQueues } = require('./lib/queues/queues')
const { bufferedBytes, conflate } = require('./lib/slow-clients')
const { stats } = require('./lib/stats')
const { version } = require('./package.json')

module.exports = {
  createAdapter,
  createEmitter,
  createQueues,
  durable,
  bufferedBytes,
  conflate,
  metrics,
  stats,
  NativeAdapterError,
  InvalidOptionError,
  NativeBindingError,
  ClientTooSlowError,
  ClusterIncompleteError,
  QueueError,
  QueueFullError,
  LeaseEndedError,
  RequestError,
  version,
}
