import adapter from './index.js'

export const {
  bufferedBytes,
  conflate,
  createAdapter,
  stats,
  NativeAdapterError,
  InvalidOptionError,
  NativeBindingError,
  ClientTooSlowError,
  version,
} = adapter

export default adapter
