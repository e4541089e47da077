// @ts-check
'use strict'

/**
 * npm's install script. A package with a binary for this platform needs nothing. Otherwise the addon is built from the
 * sources in the package, with cargo. It never fails the installation: without a binary, `require` says what is missing.
 */

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { describePlatform } = require('../lib/platform')
const { buildNative, hasCargo } = require('./build-native')

const ROOT = path.join(__dirname, '..')

/** @returns {boolean} whether a binary is there and loads */
function loads() {
  // In a process of its own: a library of another system may do worse than throw.
  const code = `require(${JSON.stringify(path.join(ROOT, 'lib', 'native.js'))})`
  return spawnSync(process.execPath, ['-e', code], { stdio: 'ignore' }).status === 0
}

function install() {
  // A checkout is built by `npm start` and `npm test`, not by `npm ci`.
  if (fs.existsSync(path.join(ROOT, '.git'))) return
  if (loads()) return
  console.log(`socket.io-native-adapter: no binary for this system (${describePlatform()})`)
  if (!hasCargo()) {
    console.log('Install Rust (https://rustup.rs), then run: npm rebuild socket.io-native-adapter')
    return
  }
  console.log('Building it with cargo. This takes a minute.')
  const target = path.join(ROOT, 'target')
  try {
    buildNative()
    fs.rmSync(target, { recursive: true, force: true })
    if (!loads()) throw new Error('it was built, but does not load')
    console.log('socket.io-native-adapter: built')
  } catch (error) {
    console.error(`socket.io-native-adapter: ${error instanceof Error ? error.message : error}`)
    console.error('To try again: npm rebuild socket.io-native-adapter')
  }
}

install()
