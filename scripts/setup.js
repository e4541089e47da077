// @ts-check
'use strict'

/**
 * Brings a fresh clone to where it runs: dependencies, the addon, and the load generator. What is up to date costs only
 * a look. Uses nothing but Node.js itself: it runs before there is a node_modules.
 *
 *   node scripts/setup.js
 */

const fs = require('node:fs')
const path = require('node:path')
const { WORKSPACE, buildNative, hasCargo, hashInputs, isFresh } = require('./build-native')
const { ROOT, npm, run } = require('./run')

const LOADGEN = 'socketio-loadgen'
const LOADGEN_INPUTS = [...WORKSPACE, 'bench/loadgen/Cargo.toml', 'bench/loadgen/src']
const LOADGEN_STAMP = path.join(ROOT, 'target', 'loadgen-build.sha256')
const LOADGEN_FILE = path.join(
  path.resolve(ROOT, process.env.CARGO_TARGET_DIR ?? 'target'),
  'release',
  process.platform === 'win32' ? `${LOADGEN}.exe` : LOADGEN,
)

/** A command that failed after it has itself said why. */
class SetupError extends Error {}

/**
 * Whether node_modules holds what package-lock.json names. npm leaves its own record of what it installed; packages for
 * other platforms are not in it.
 * @returns {boolean}
 */
function dependenciesInstalled() {
  const record = path.join(ROOT, 'node_modules', '.package-lock.json')
  if (!fs.existsSync(record)) return false
  /** @type {(file: string) => Record<string, { version: string, integrity?: string, optional?: boolean }>} */
  const packagesIn = (file) => JSON.parse(fs.readFileSync(file, 'utf8')).packages
  const installed = packagesIn(record)
  return Object.entries(packagesIn(path.join(ROOT, 'package-lock.json'))).every(([name, wanted]) => {
    if (name === '') return true
    const found = installed[name]
    return found ? found.version === wanted.version && found.integrity === wanted.integrity : wanted.optional === true
  })
}

async function installDependencies() {
  if (dependenciesInstalled()) return
  console.log('> npm ci')
  const { status } = await npm(['ci', '--no-audit', '--no-fund'])
  if (status !== 0) throw new SetupError('npm ci failed')
}

/** Builds the load generator; the demo and the benchmarks find it through SOCKETIO_LOADGEN. */
async function buildLoadgen() {
  process.env.SOCKETIO_LOADGEN ??= LOADGEN_FILE
  const hash = hashInputs(LOADGEN_INPUTS)
  const built = fs.existsSync(LOADGEN_FILE) && fs.existsSync(LOADGEN_STAMP)
  if (built && fs.readFileSync(LOADGEN_STAMP, 'utf8') === hash) return
  console.log(`> cargo build --release -p ${LOADGEN}`)
  const { status } = await run('cargo', ['build', '--release', '-p', LOADGEN])
  if (status !== 0) throw new SetupError('the load generator did not build')
  fs.mkdirSync(path.dirname(LOADGEN_STAMP), { recursive: true })
  fs.writeFileSync(LOADGEN_STAMP, hash)
}

/**
 * Makes ready what is asked for, and prints a line for each step that takes time.
 * @param {{ addon?: boolean, loadgen?: boolean }} [wanted] the load generator is for benchmarks and the demo
 * @returns {Promise<void>}
 */
async function ensureReady({ addon = true, loadgen = false } = {}) {
  await installDependencies()
  if (addon && !isFresh()) {
    if (!hasCargo()) throw new SetupError('Rust is needed to build the addon: install it from https://rustup.rs')
    console.log('> building the addon (a minute or two the first time)')
    buildNative()
  }
  if (loadgen) await buildLoadgen()
}

/**
 * Runs a script's main function and reports what it throws: without a stack where the message says it all.
 * @param {() => Promise<number | void>} main resolves to the exit status
 */
function runMain(main) {
  main().then(
    (status) => {
      process.exitCode = status ?? 0
    },
    (error) => {
      console.error(error instanceof SetupError ? error.message : error)
      process.exitCode = 1
    },
  )
}

if (require.main === module) runMain(() => ensureReady({ loadgen: true }))

module.exports = { ensureReady, runMain }
