// @ts-check
'use strict'

/**
 * The browser of the tests that need one: one that is on PATH, the one in CHROMIUM, or, for root on Debian, its package.
 */

const fs = require('node:fs')
const path = require('node:path')
const { run } = require('./run')

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']

/**
 * @returns {string | undefined} the path of a Chromium or Chrome
 */
function findChromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM
  const folders = (process.env.PATH ?? '').split(path.delimiter)
  return NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name))).find((file) => fs.existsSync(file))
}

/** @returns {boolean} whether its package can be installed without asking anybody */
function canInstall() {
  return process.platform === 'linux' && process.getuid?.() === 0 && fs.existsSync('/etc/debian_version')
}

/**
 * Looks for a browser and tries to install one.
 * @returns {Promise<boolean>} whether there is one: without it the browser's tests are skipped
 */
async function ensureChromium() {
  if (findChromium()) return true
  if (canInstall()) {
    console.log('> apt-get install chromium (for the tests in a browser)')
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const updated = await run('apt-get', ['update', '-qq'], { env })
    const packages = ['install', '-y', '-qq', '--no-install-recommends', 'chromium']
    if (updated.status === 0) await run('apt-get', packages, { env })
    if (findChromium()) return true
  }
  console.log('No Chromium on PATH: the tests in a browser are skipped. To run them: apt-get install chromium')
  return false
}

module.exports = { ensureChromium, findChromium }
