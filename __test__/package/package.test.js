// @ts-check
'use strict'

const { afterAll, beforeAll, describe, expect, test } = require('@jest/globals')
const fs = require('node:fs')
const path = require('node:path')
const { binaryFile, binaryPackage } = require('../../lib/platform')
const { version } = require('../../package.json')
const { NAME, ROOT, Workbench, must, node, npm } = require('./workbench')

const MINUTE = 60_000
const BROADCAST = { received: ['hello', 'hello'], sockets: 2, version }

const bench = new Workbench()
/** @type {{ file: string, contents: string[] }} */
let tarball

beforeAll(async () => {
  tarball = await bench.pack()
}, MINUTE)

afterAll(() => bench.remove())

/**
 * @param {string} app
 * @param {string} script
 * @returns {Promise<unknown>} what it printed
 */
async function output(app, script) {
  return JSON.parse((await must(node(app, [script]))).stdout)
}

/**
 * Makes files as new as they are: npm unpacks them with a date long ago, which cargo takes for "built already".
 * @param {string} folder
 */
function touch(folder) {
  const now = new Date()
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) fs.utimesSync(path.join(entry.parentPath, entry.name), now, now)
  }
}

describe('the tarball', () => {
  test('holds the binary, its loader, the contract, the guide and the Rust sources', () => {
    expect(tarball.contents).toEqual(
      expect.arrayContaining([
        `native/${binaryFile()}`,
        'native/index.js',
        'index.d.ts',
        'index.js',
        'index.mjs',
        'bin/socket.io-native-adapter.js',
        'bull-board.js',
        'bull-board.d.ts',
        'queues.d.ts',
        'durable.d.ts',
        'docs/guide/queues.md',
        'LICENSE',
        'Cargo.toml',
        'Cargo.lock',
        'build.rs',
        'src/lib.rs',
        'crates/rooms/Cargo.toml',
        'crates/wire/src/lib.rs',
        'crates/fanout/src/lib.rs',
        'scripts/install.js',
        'scripts/build-native.js',
      ]),
    )
  })

  test('holds no tests, benchmarks, examples or build output', () => {
    const others = tarball.contents.filter((file) =>
      /(^|\/)(__test__|tests|bench|benches|examples|docs\/design|target|node_modules|fuzz)\/|^\.|\.test\.js$|\.build-/.test(file),
    )
    expect(others).toEqual([])
  })
})

describe('installed with install scripts off', () => {
  /** @type {string} */
  let app

  beforeAll(async () => {
    app = await bench.app('scripts-off', tarball.file)
  }, MINUTE)

  test('a CommonJS app broadcasts and ends', async () => {
    expect(await output(app, 'broadcast.cjs')).toEqual(BROADCAST)
  })

  test('an ESM app broadcasts and ends', async () => {
    expect(await output(app, 'broadcast.mjs')).toEqual(BROADCAST)
  })

  test(
    'a TypeScript app compiles with skipLibCheck off',
    async () => {
      const compilerOptions = { strict: true, skipLibCheck: false, noEmit: true, module: 'nodenext', target: 'es2022' }
      fs.writeFileSync(path.join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['typed.ts'] }))
      const tsc = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
      expect(await node(app, [tsc, '-p', '.'])).toEqual({ status: 0, stdout: '', stderr: '' })
    },
    MINUTE,
  )
})

describe('installed where no binary fits', () => {
  /** @type {string} */
  let app
  /** @type {string} */
  let installed

  beforeAll(async () => {
    app = await bench.app('no-binary', await bench.packWithoutBinary(tarball.file))
    installed = path.join(app, 'node_modules', NAME)
  }, MINUTE)

  test('requiring it throws one error that says what was looked for and what to do', async () => {
    const catching = `try { require('${NAME}') } catch (error) {
      const { name, code, message, cause } = error
      console.log(JSON.stringify({ name, code, message, caused: cause instanceof Error }))
    }`
    const { name, code, message, caused } = JSON.parse((await must(node(app, ['-e', catching]))).stdout)
    expect({ name, code, caused }).toEqual({ name: 'NativeBindingError', code: 'ERR_NATIVE_BINDING', caused: true })
    expect(message).toContain(`${process.platform} ${process.arch}`)
    expect(message).toContain(path.join(installed, 'native', binaryFile()))
    expect(message).toContain(binaryPackage())
    expect(message).toContain(`npm rebuild ${NAME}`)
    expect(message).toContain('https://rustup.rs')
    expect(message).toContain(`node ${path.join(installed, 'scripts', 'install.js')}`)
  })

  test('the install script without cargo says what is missing and lets the installation succeed', async () => {
    const env = { ...process.env, PATH: bench.folder('empty-path') }
    const { status, stdout } = await node(app, [path.join(installed, 'scripts', 'install.js')], env)
    expect(status).toBe(0)
    expect(stdout).toContain('https://rustup.rs')
    expect(fs.existsSync(path.join(installed, 'native', binaryFile()))).toBe(false)
  })

  test(
    'the install script builds the sources in the package',
    async () => {
      // Kept for the next run, for its dependencies. A folder of its own: to cargo, this package and the checkout are one.
      const CARGO_TARGET_DIR = path.join(ROOT, 'target', 'package-test')
      touch(installed)
      const rebuild = ['rebuild', NAME, '--ignore-scripts=false', '--foreground-scripts']
      // Not optimized, which takes half the time: that it can be is seen whenever the addon is built.
      const profile = { CARGO_PROFILE_RELEASE_OPT_LEVEL: '0', CARGO_PROFILE_RELEASE_LTO: 'off', CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16' }
      const { stdout } = await npm(rebuild, app, { CARGO_TARGET_DIR, ...profile })
      expect(stdout).toContain(`${NAME}: built`)
      expect(await output(app, 'broadcast.cjs')).toEqual(BROADCAST)
    },
    10 * MINUTE,
  )
})
