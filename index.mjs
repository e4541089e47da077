import adapter from './index.js'

export const {
  bufferedBytes,
  conflate,
  createAdapter,
  createEmitter,
  createQueues,
  durable,
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
} = adapter

export default adapter
