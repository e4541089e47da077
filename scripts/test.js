// @ts-check
'use strict'

/**
 * `npm test`: makes the project ready, then runs every test: Rust, models, types, Jest, and the package's. All of them run,
 * whatever fails; the last line adds them up.
 *
 *   npm test
 *   npm test -- rust | models | types | jest [options of Jest] | package
 */

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { ensureChromium } = require('./chromium')
const { ensureRedis } = require('./redis')
const { ROOT, run } = require('./run')
const { ensureReady, runMain } = require('./setup')
const { cargoTally, closingLine, jestTally, sum } = require('./tally')
const { runTypeTests } = require('./type-tests')

/** @typedef {import('./tally').Tally} Tally */

/** A pattern of the paths of the tests that install the packed package. */
const PACKAGE = '/__test__/package/'

/** @returns {Promise<Tally>} */
async function runRustTests() {
  const { status, output } = await run('cargo', ['test', '--workspace', '--no-fail-fast'], { tee: true })
  return cargoTally(output, status)
}

/**
 * The models of the writers' threads: another build, with loom in the place of what threads meet at.
 * @returns {Promise<Tally>}
 */
async function runModels() {
  const env = { ...process.env, RUSTFLAGS: '--cfg fanout_loom', CARGO_TARGET_DIR: path.join(ROOT, 'target', 'loom') }
  const { status, output } = await run('cargo', ['test', '-p', 'socketio-fanout', '--lib', 'models'], { tee: true, env })
  return cargoTally(output, status)
}

/**
 * @param {string[]} options
 * @returns {Promise<Tally>}
 */
async function runJest(options) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'jest-report-'))
  try {
    const report = path.join(folder, 'report.json')
    const jest = path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js')
    const { status } = await run(process.execPath, [jest, '--json', `--outputFile=${report}`, ...options])
    return jestTally(fs.existsSync(report) ? fs.readFileSync(report, 'utf8') : undefined, status)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** What some of Jest's tests need, and are skipped without. */
async function ready() {
  await ensureChromium()
  await ensureRedis()
}

/**
 * @param {string} title
 * @param {() => Promise<Tally>} suite
 * @returns {Promise<Tally>}
 */
async function runSuite(title, suite) {
  console.log(`\n== ${title}`)
  const tally = await suite()
  console.log(`-- ${title}: ${closingLine(tally)}`)
  return tally
}

runMain(async () => {
  const [only, ...options] = process.argv.slice(2)
  await ensureReady({ loadgen: true })
  /** @type {Record<string, [string, () => Promise<Tally>]>} */
  const suites = {
    rust: ['Rust', runRustTests],
    models: ['Models', runModels],
    types: ['Types', runTypeTests],
    jest: ['Jest', () => ready().then(() => runJest(['--testPathIgnorePatterns', PACKAGE, ...options]))],
    // By itself: it runs cargo, which leaves the other tests no processor.
    package: ['Package', () => runJest(['--testPathPatterns', PACKAGE, ...options])],
  }
  if (only !== undefined && !suites[only]) {
    console.error(`npm test -- takes one of: ${Object.keys(suites).join(', ')}`)
    return 2
  }
  const tallies = []
  for (const [title, suite] of only ? [suites[only]] : Object.values(suites)) {
    tallies.push(await runSuite(title, suite))
  }
  const total = sum(tallies)
  console.log(`\n${closingLine(total)}`)
  return total.failed === 0 ? 0 : 1
})
