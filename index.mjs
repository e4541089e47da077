import adapter from './index.js'

export const {
  bufferedBytes,
  conflate,
  createAdapter,
  createQueues,
  durable,
  metrics,
  stats,
  NativeAdapterError,
  InvalidOptionError,
  NativeBindingError,
  ClientTooSlowError,
  QueueError,
  QueueFullError,
  LeaseEndedError,
  RequestError,
  version,
} = adapter

export default adapter
