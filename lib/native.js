// @ts-check
'use strict'

/**
 * Loads the addon through its generated loader, or throws the one error that says why not and what to do.
 */

const path = require('node:path')
const { NativeBindingError } = require('./errors')
const { binaryFile, binaryPackage, describePlatform } = require('./platform')

const ROOT = path.join(__dirname, '..')

/** @returns {typeof import('../native')} */
function load() {
  try {
    return require('../native')
  } catch (cause) {
    throw new NativeBindingError(explain(cause), { cause })
  }
}

/**
 * @param {unknown} error what the loader threw; its causes are the attempts
 * @returns {string}
 */
function explain(error) {
  const install = path.join(ROOT, 'scripts', 'install.js')
  return [
    `socket.io-native-adapter found no binary that loads on this system (${describePlatform()}).`,
    'Looked for:',
    `  - the file ${path.join(ROOT, 'native', binaryFile())}`,
    `  - the optional package ${binaryPackage()}`,
    'What was reported:',
    ...reasons(error).map((reason) => `  - ${reason}`),
    'To repair it, one of:',
    '  - install with optional dependencies:  npm install --include=optional',
    '  - build it here, with Rust (https://rustup.rs):  npm rebuild socket.io-native-adapter',
    `    or, where npm runs no install scripts:  node ${install}`,
    'Both need to be done on the system that runs the server: node_modules copied from another one does not work.',
  ].join('\n')
}

/**
 * The first line of each error in the chain of causes, without repeats.
 * @param {unknown} error
 * @returns {string[]}
 */
function reasons(error) {
  const lines = new Set()
  const seen = new Set()
  let current = error
  while (current instanceof Object && !seen.has(current)) {
    seen.add(current)
    const { message, cause } = /** @type {{ message?: unknown, cause?: unknown }} */ (current)
    // The loader's own sentence gives advice about another problem.
    const [line = ''] = String(message).split('\n')
    if (!line.startsWith('Cannot find native binding')) lines.add(line)
    current = cause
  }
  // Each attempt has the one before it as its cause.
  return [...lines].reverse()
}

module.exports = load()
