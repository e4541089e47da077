// @ts-check
'use strict'

/**
 * Builds the addon into native/. With the napi command (a checkout) that also generates its loader and types; without it
 * (an installed package, whose tarball carries the Rust sources) plain cargo does, and the loader of the tarball is kept.
 *
 *   node scripts/build-native.js [--force] [options of `napi build`, such as --target]
 */

const { spawnSync } = require('node:child_process')
const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { binaryFile, platformName } = require('../lib/platform')

const ROOT = path.join(__dirname, '..')
const NATIVE = path.join(ROOT, 'native')
const STAMP = path.join(ROOT, 'target', 'native-build.sha256')
const CRATE = 'socketio-native-adapter'

/** What every Rust program of the workspace is made of, but for its own sources. */
const WORKSPACE = ['Cargo.toml', 'Cargo.lock', ...crateSources()]

/** What the addon is made of. `package.json` is in it because the loader holds the version. */
const INPUTS = [...WORKSPACE, 'build.rs', 'package.json', 'src']

/** @returns {string[]} the engine crates, without their tests */
function crateSources() {
  const crates = fs.readdirSync(path.join(ROOT, 'crates')).sort()
  return crates.flatMap((crate) => [`crates/${crate}/Cargo.toml`, `crates/${crate}/src`])
}

/**
 * One hash of the content of files and folders, so that a checkout that only touches times builds nothing.
 * @param {string[]} inputs paths below the root; absent ones count as such
 * @returns {string}
 */
function hashInputs(inputs) {
  const hash = crypto.createHash('sha256')
  for (const input of inputs) {
    for (const file of filesBelow(path.join(ROOT, input))) {
      hash.update(`${path.relative(ROOT, file)}\0`).update(fs.readFileSync(file)).update('\0')
    }
  }
  return hash.digest('hex')
}

/**
 * @param {string} entry
 * @returns {string[]} the file itself, or those in the folder, sorted
 */
function filesBelow(entry) {
  const stat = fs.statSync(entry, { throwIfNoEntry: false })
  if (!stat) return []
  if (!stat.isDirectory()) return [entry]
  return fs
    .readdirSync(entry)
    .sort()
    .flatMap((name) => filesBelow(path.join(entry, name)))
}

/**
 * Runs a build command; its output goes where ours goes.
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 * @returns {string} what it printed, where `options.stdio` pipes it
 */
function runBuild(command, args, options) {
  const done = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', maxBuffer: 2 ** 28, ...options })
  if (done.error) throw done.error
  if (done.status !== 0) throw new Error(`${command} ${args[0]} failed (${done.signal ?? `exit status ${done.status}`})`)
  return String(done.stdout ?? '')
}

/**
 * The napi command of our own @napi-rs/cli, not of one that the app around an installed package has.
 * @returns {string | undefined} its script; undefined in an installed package
 */
function napiCommand() {
  const cli = path.join(ROOT, 'node_modules', '@napi-rs', 'cli')
  const manifest = path.join(cli, 'package.json')
  return fs.existsSync(manifest) ? path.join(cli, require(manifest).bin.napi) : undefined
}

/**
 * Replaces files of native/ by renaming: a process that has loaded the old binary keeps it.
 * @param {(staging: string) => void} fill puts the files into a new folder
 */
function replaceNative(fill) {
  fs.mkdirSync(NATIVE, { recursive: true })
  const staging = fs.mkdtempSync(path.join(NATIVE, '.build-'))
  try {
    fill(staging)
    for (const name of fs.readdirSync(staging)) fs.renameSync(path.join(staging, name), path.join(NATIVE, name))
  } finally {
    fs.rmSync(staging, { recursive: true, force: true })
  }
}

/**
 * @param {string} napi
 * @param {string[]} options
 */
function buildWithNapi(napi, options) {
  replaceNative((staging) => {
    const output = ['--output-dir', path.relative(ROOT, staging), '--js', 'index.js', '--dts', 'index.d.ts']
    runBuild(process.execPath, [napi, 'build', '--platform', '--release', ...output, ...options])
  })
}

/** Builds with nothing but cargo, and names the library as the loader expects it. */
function buildWithCargo() {
  trimWorkspace()
  const env = { ...process.env }
  // A library cannot hold musl itself.
  if (platformName().endsWith('musl')) env.RUSTFLAGS = `${env.RUSTFLAGS ?? ''} -C target-feature=-crt-static`.trim()
  const args = ['build', '--release', '--package', CRATE, '--message-format', 'json-render-diagnostics']
  const messages = runBuild('cargo', args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  replaceNative((staging) => {
    fs.copyFileSync(libraryIn(messages), path.join(staging, binaryFile()))
    // A package that npm made from a git repository has no generated loader.
    if (fs.existsSync(path.join(NATIVE, 'index.js'))) return
    fs.writeFileSync(path.join(staging, 'index.js'), `module.exports = require('./${binaryFile()}')\n`)
  })
}

/**
 * Takes members that were not packed (the benchmarks' programs) out of the workspace, as `cargo package` would: cargo
 * refuses a workspace with a missing member.
 */
function trimWorkspace() {
  const file = path.join(ROOT, 'Cargo.toml')
  const manifest = fs.readFileSync(file, 'utf8')
  const trimmed = manifest.replace(/^members = \[(.*)\]$/m, (_, list) => {
    const members = list.split(',').map((/** @type {string} */ item) => item.trim())
    const present = members.filter((/** @type {string} */ item) => {
      const member = item.replaceAll('"', '')
      return member.includes('*') || fs.existsSync(path.join(ROOT, member))
    })
    return `members = [${present.join(', ')}]`
  })
  if (trimmed !== manifest) fs.writeFileSync(file, trimmed)
}

/**
 * @param {string} messages what cargo printed, one JSON object a line
 * @returns {string} the path of the built library
 */
function libraryIn(messages) {
  const name = CRATE.replaceAll('-', '_')
  for (const line of messages.split('\n')) {
    if (!line.startsWith('{')) continue
    const { reason, target, filenames } = JSON.parse(line)
    if (reason !== 'compiler-artifact' || target.name !== name || !target.kind.includes('cdylib')) continue
    const library = filenames.find((/** @type {string} */ file) => /\.(so|dylib|dll)$/.test(file))
    if (library) return library
  }
  throw new Error(`cargo built no library of ${CRATE}: this Rust toolchain cannot make one for ${platformName()}`)
}

/** @returns {boolean} whether Rust is there */
function hasCargo() {
  return spawnSync('cargo', ['--version'], { stdio: 'ignore' }).status === 0
}

/** @returns {boolean} whether native/ holds the build of exactly these sources */
function isFresh() {
  const built = fs.existsSync(path.join(NATIVE, 'index.js')) && fs.existsSync(path.join(NATIVE, binaryFile()))
  return built && fs.existsSync(STAMP) && fs.readFileSync(STAMP, 'utf8') === hashInputs(INPUTS)
}

/**
 * Builds the addon unless it is there already.
 * @param {string[]} [options] for `napi build`; `--force` builds in any case
 * @returns {boolean} whether it built
 */
function buildNative(options = []) {
  const forNapi = options.filter((option) => option !== '--force')
  if (options.length === 0 && isFresh()) return false
  // Before the build: a file that changes during it must be built again.
  const hash = hashInputs(INPUTS)
  const napi = napiCommand()
  if (napi) buildWithNapi(napi, forNapi)
  else buildWithCargo()
  if (napi && forNapi.length === 0) {
    fs.mkdirSync(path.dirname(STAMP), { recursive: true })
    fs.writeFileSync(STAMP, hash)
  }
  return true
}

if (require.main === module) {
  try {
    if (!buildNative(process.argv.slice(2))) console.log('The addon is up to date.')
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}

module.exports = { WORKSPACE, buildNative, hasCargo, hashInputs, isFresh }
