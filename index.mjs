import adapter from './index.js'

export const {
  createAdapter,
  stats,
  NativeAdapterError,
  InvalidOptionError,
  NativeBindingError,
  ClientTooSlowError,
  version,
} = adapter

export default adapter
