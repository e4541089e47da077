// @ts-check
'use strict'

/** Compiles each fixture of __test__/types: a folder with a tsconfig.json is a test. */

const fs = require('node:fs')
const path = require('node:path')
const { ROOT, run } = require('./run')

const FIXTURES = path.join(ROOT, '__test__', 'types')
const TSC = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')

/**
 * @returns {Promise<import('./tally').Tally>}
 */
async function runTypeTests() {
  const tally = { passed: 0, failed: 0, skipped: 0 }
  for (const name of fs.readdirSync(FIXTURES).sort()) {
    const project = path.join(FIXTURES, name, 'tsconfig.json')
    if (!fs.existsSync(project)) continue
    const { status } = await run(process.execPath, [TSC, '--noEmit', '--project', project])
    console.log(`${status === 0 ? 'ok' : 'FAILED'}  types: ${name}`)
    if (status === 0) tally.passed += 1
    else tally.failed += 1
  }
  return tally
}

module.exports = { runTypeTests }
