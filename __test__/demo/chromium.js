// @ts-check
'use strict'

const fs = require('node:fs')
const path = require('node:path')

const FLAGS = [
  '--no-sandbox', // it only opens pages of this test, and containers run it as root
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** The browser of this machine, or null: CHROMIUM says where it is, or it is on the PATH. */
function findChromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM
  const directories = (process.env.PATH ?? '').split(path.delimiter)
  for (const directory of directories) {
    for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
      const file = path.join(directory, name)
      if (fs.existsSync(file)) return file
    }
  }
  return null
}

/** @param {string} executablePath */
function launch(executablePath) {
  return require('playwright-core').chromium.launch({ executablePath, args: FLAGS })
}

/**
 * `describe` for tests that need a browser: without one they are skipped, and it is said how to get one.
 * @param {string} name
 * @param {(chromium: string) => void} tests
 */
function describeInBrowser(name, tests) {
  const chromium = findChromium()
  if (chromium !== null) return describe(name, () => tests(chromium))
  process.stderr.write('The browser tests of the demo are skipped. To run them: apt-get install chromium\n')
  return describe.skip(name, () => tests(''))
}

module.exports = { describeInBrowser, launch }
