// @ts-check
'use strict'

const { spawn } = require('node:child_process')
const path = require('node:path')

const ROOT = path.join(__dirname, '..')

/**
 * @typedef {object} Finished
 * @property {number} status its exit status; 128 and more when a signal ended it
 * @property {string} output what it printed on its standard output, where `tee` was asked for
 */

/**
 * Runs a command in the project's root with our input and output, and hands it the signals that end us.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, tee?: boolean, ipc?: boolean }} [options] `tee`: also keep what it prints;
 *   `ipc`: a Node.js child gets `'disconnect'` when we are gone, however we ended
 * @returns {Promise<Finished>}
 */
function run(command, args, { env = process.env, tee = false, ipc = false } = {}) {
  return new Promise((resolve, reject) => {
    const output = tee ? 'pipe' : 'inherit'
    const child = spawn(command, args, {
      cwd: ROOT,
      env,
      stdio: ipc ? ['inherit', output, 'inherit', 'ipc'] : ['inherit', output, 'inherit'],
    })
    /** @type {Buffer[]} */
    const chunks = []
    child.stdout?.on('data', (chunk) => {
      chunks.push(chunk)
      process.stdout.write(chunk)
    })
    const stopForwarding = forwardSignals(child)
    child.once('error', (error) => {
      stopForwarding()
      reject(error)
    })
    child.once('close', (code, signal) => {
      stopForwarding()
      resolve({ status: code ?? signalStatus(signal), output: Buffer.concat(chunks).toString() })
    })
  })
}

/**
 * @param {NodeJS.Signals | null} signal
 * @returns {number} the exit status by which shells tell of it
 */
function signalStatus(signal) {
  return 128 + (signal ? require('node:os').constants.signals[signal] : 0)
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @returns {() => void} ends the forwarding
 */
function forwardSignals(child) {
  const terminate = () => child.kill('SIGTERM')
  // A terminal's Ctrl-C reaches the child by itself.
  const interrupt = () => process.stdin.isTTY || child.kill('SIGINT')
  process.on('SIGTERM', terminate)
  process.on('SIGINT', interrupt)
  return () => {
    process.off('SIGTERM', terminate)
    process.off('SIGINT', interrupt)
  }
}

/**
 * Runs npm, which is a script that each system starts in its own way.
 * @param {string[]} args
 * @returns {Promise<Finished>}
 */
function npm(args) {
  const script = process.env.npm_execpath
  if (script && /npm-cli\.c?js$/.test(script)) return run(process.execPath, [script, ...args])
  return process.platform === 'win32' ? run('cmd.exe', ['/d', '/s', '/c', 'npm', ...args]) : run('npm', args)
}

module.exports = { ROOT, npm, run }
