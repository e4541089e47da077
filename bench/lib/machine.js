// @ts-check
'use strict'

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { peerVersions } = require('./peers')

const ROOT = path.join(__dirname, '..', '..')
const PACKAGES = ['socket.io', 'socket.io-adapter', 'engine.io', 'ws']

/** @returns what the figures depend on */
function machine() {
  const cpus = os.cpus()
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    loadAverage: loadAverage(),
  }
}

/** @returns {number[]} what ran meanwhile: more than about two says that something else did */
function loadAverage() {
  return os.loadavg().map((load) => Math.round(load * 100) / 100)
}

/** @returns {Record<string, string>} the versions of what is compared */
function packages() {
  /** @type {(folder: string) => string} */
  const versionIn = (folder) => JSON.parse(fs.readFileSync(path.join(ROOT, folder, 'package.json'), 'utf8')).version
  return {
    ...Object.fromEntries(PACKAGES.map((name) => [name, versionIn(path.join('node_modules', name))])),
    'socket.io-native-adapter': versionIn('.'),
    ...peerVersions(),
  }
}

/** @returns {string | null} the commit that was measured, with `+` for changes that it lacks; null without git */
function commit() {
  /** @type {(args: string[]) => string} */
  const git = (args) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    const changed = git(['status', '--porcelain', '--untracked-files=no', '--', '.', ':!bench/results']) !== ''
    return git(['rev-parse', '--short', 'HEAD']).trim() + (changed ? '+' : '')
  } catch {
    return null
  }
}

module.exports = { commit, loadAverage, machine, packages }
