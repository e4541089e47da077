// @ts-check
'use strict'

/** Packs this package, and installs it in apps as a user would. */

const { execFile } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const ROOT = path.join(__dirname, '..', '..')
const NAME = 'socket.io-native-adapter'

/**
 * @typedef {object} Ended
 * @property {number} status
 * @property {string} stdout
 * @property {string} stderr
 */

/** A folder of its own, and what tests do in it. */
class Workbench {
  // The real path: a link in it would make npm and Node.js disagree about names.
  #folder = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'native-adapter-package-'))

  /** Removes the folder. */
  remove() {
    fs.rmSync(this.#folder, { recursive: true, force: true })
  }

  /**
   * @param {string} name
   * @returns {string} a new folder
   */
  folder(name) {
    const folder = path.join(this.#folder, name)
    fs.mkdirSync(folder)
    return folder
  }

  /**
   * `npm pack`.
   * @param {string} [from] the package to pack
   * @returns {Promise<{ file: string, contents: string[] }>} the tarball and the paths in it
   */
  async pack(from = ROOT) {
    const to = fs.mkdtempSync(path.join(this.#folder, 'tarball-'))
    const { stdout } = await npm(['pack', '--json', '--ignore-scripts', '--pack-destination', to], from)
    // One entry: in a list with older npm, by name with newer.
    const [{ filename, files }] = Object.values(JSON.parse(stdout))
    return {
      file: path.join(to, filename),
      contents: files.map((/** @type {{ path: string }} */ entry) => entry.path),
    }
  }

  /**
   * The same tarball as on a system for which there is no binary.
   * @param {string} tarball
   * @returns {Promise<string>}
   */
  async packWithoutBinary(tarball) {
    const folder = this.folder('without-binary')
    await must(run('tar', ['-xzf', tarball, '-C', folder]))
    const native = path.join(folder, 'package', 'native')
    for (const file of fs.readdirSync(native)) {
      if (file.endsWith('.node')) fs.rmSync(path.join(native, file))
    }
    return (await this.pack(path.join(folder, 'package'))).file
  }

  /**
   * An app that has installed a tarball and Socket.IO, with install scripts off.
   * @param {string} name
   * @param {string} tarball
   * @returns {Promise<string>} its folder
   */
  async app(name, tarball) {
    const app = this.folder(name)
    const { devDependencies } = require('../../package.json')
    const dependencies = {
      'socket.io': devDependencies['socket.io'],
      'socket.io-client': devDependencies['socket.io-client'],
      [NAME]: `file:${tarball}`,
    }
    fs.writeFileSync(path.join(app, 'package.json'), JSON.stringify({ name, private: true, dependencies }))
    await npm(['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'], app)
    for (const file of fs.readdirSync(path.join(__dirname, 'fixtures'))) {
      fs.copyFileSync(path.join(__dirname, 'fixtures', file), path.join(app, file))
    }
    return app
  }
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeout?: number }} [options]
 * @returns {Promise<Ended>}
 */
function run(command, args, options = {}) {
  return new Promise((resolve) => {
    execFile(command, args, { ...options, killSignal: 'SIGKILL', maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      const reason = error?.killed ? `\n${command} did not end within ${options.timeout} ms` : ''
      resolve({ status: error ? Number(error.code ?? 1) : 0, stdout, stderr: stderr + reason })
    })
  })
}

/**
 * @param {Promise<Ended>} running
 * @returns {Promise<Ended>}
 */
async function must(running) {
  const ended = await running
  if (ended.status !== 0) throw new Error(`exit status ${ended.status}: ${ended.stdout}\n${ended.stderr}`)
  return ended
}

/**
 * Runs npm; it must succeed.
 * @param {string[]} args
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} [more] more environment variables
 * @returns {Promise<Ended>}
 */
function npm(args, cwd, more = {}) {
  // What an outer `npm test` was told, such as where its prefix is, is not for this one.
  const inherited = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))
  const shell = process.platform === 'win32'
  const [command, ...first] = shell ? ['cmd.exe', '/d', '/s', '/c', 'npm'] : ['npm']
  return must(run(command, [...first, ...args], { cwd, env: { ...Object.fromEntries(inherited), ...more } }))
}

/**
 * Runs a script of an app with Node.js.
 * @param {string} app
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<Ended>}
 */
function node(app, args, env = process.env) {
  return run(process.execPath, args, { cwd: app, env, timeout: 20_000 })
}

module.exports = { NAME, ROOT, Workbench, must, node, npm }
