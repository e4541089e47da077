// @ts-check
'use strict'

/** The Redis server of the cluster's tests: one that is on PATH or, for root on Debian, its package. */

const fs = require('node:fs')
const { spawnSync } = require('node:child_process')
const { run } = require('./run')

/** @returns {boolean} */
function hasRedis() {
  return spawnSync('redis-server', ['--version']).status === 0 && spawnSync('redis-cli', ['--version']).status === 0
}

/**
 * Looks for a server and tries to install one.
 * @returns {Promise<boolean>} whether there is one: without it the cluster's tests are skipped
 */
async function ensureRedis() {
  if (hasRedis()) return true
  if (process.platform === 'linux' && process.getuid?.() === 0 && fs.existsSync('/etc/debian_version')) {
    console.log('> apt-get install redis-server (for the tests of the cluster)')
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const updated = await run('apt-get', ['update', '-qq'], { env })
    const packages = ['install', '-y', '-qq', '--no-install-recommends', 'redis-server', 'redis-tools']
    if (updated.status === 0) await run('apt-get', packages, { env })
    if (hasRedis()) return true
  }
  console.log('No redis-server on PATH: the tests of the cluster are skipped. To run them: apt-get install redis-server')
  return false
}

module.exports = { ensureRedis, hasRedis }
