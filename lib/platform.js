// @ts-check
'use strict'

/**
 * Names of the native binary. They follow napi-rs, whose generated loader (native/index.js) looks for them.
 */

const fs = require('node:fs')

const BINARY = 'socket.io-native-adapter'

/**
 * The C library of this process; empty where there is only one.
 * @returns {'' | 'gnu' | 'musl'}
 */
function libc() {
  if (process.platform !== 'linux') return ''
  const { glibcVersionRuntime } = reportHeader()
  if (glibcVersionRuntime) return 'gnu'
  try {
    return fs.readFileSync('/usr/bin/ldd', 'utf8').includes('musl') ? 'musl' : 'gnu'
  } catch {
    return 'musl'
  }
}

/** @returns {{ glibcVersionRuntime?: string }} */
function reportHeader() {
  const report = /** @type {NodeJS.ProcessReport & { excludeNetwork: boolean }} */ (process.report)
  // Without it the report looks up the name of each open connection's peer.
  report.excludeNetwork = true
  return /** @type {any} */ (report.getReport()).header
}

/**
 * The suffix of files and packages: `linux-x64-gnu`, `darwin-arm64`, `win32-x64-msvc`.
 * @returns {string}
 */
function platformName() {
  const base = `${process.platform}-${process.arch}`
  if (process.platform === 'win32') return `${base}-msvc`
  const suffix = libc()
  return suffix ? `${base}-${suffix}` : base
}

/** @returns {string} the file name of this platform's binary in native/ */
function binaryFile() {
  return `${BINARY}.${platformName()}.node`
}

/** @returns {string} the optional npm package that carries this platform's binary */
function binaryPackage() {
  return `${BINARY}-${platformName()}`
}

/** @returns {string} this system for a reader: `linux x64, glibc 2.36, Node.js v20.1.0` */
function describePlatform() {
  const { glibcVersionRuntime } = reportHeader()
  const parts = [`${process.platform} ${process.arch}`]
  if (glibcVersionRuntime) parts.push(`glibc ${glibcVersionRuntime}`)
  else if (libc() === 'musl') parts.push('musl')
  parts.push(`Node.js ${process.version}`)
  return parts.join(', ')
}

module.exports = { binaryFile, binaryPackage, describePlatform, platformName }
