// @ts-check
'use strict'

const { version } = require('../../package.json')
const { HELP, UsageError, readArguments } = require('./arguments')

const STATUS = { FAILED: 1, USAGE: 2, LOCKED: 3 }

/**
 * @param {string[]} args
 * @returns {Promise<number>} the exit status
 */
async function main(args) {
  // Who reads has closed: `| head`.
  process.stdout.on('error', () => {})
  try {
    const call = readArguments(args)
    if (call.what !== 'queues') {
      process.stdout.write(call.what === 'help' ? HELP : `${version}\n`)
      return 0
    }
    // Only now: help needs no binary.
    const { run } = require('./commands')
    const { answer, text, status = 0 } = await run(call)
    process.stdout.write(call.json ? `${JSON.stringify(answer)}\n` : text)
    return status
  } catch (error) {
    return failed(/** @type {any} */ (error), args.includes('--json'))
  }
}

/**
 * @param {any} error
 * @param {boolean} json
 */
function failed(error, json) {
  const { code = 'ERROR', message = String(error) } = error
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`)
  process.stderr.write(`${message}\n`)
  if (error instanceof UsageError) {
    process.stderr.write('See --help.\n')
    return STATUS.USAGE
  }
  return code === 'QUEUE_LOCKED' ? STATUS.LOCKED : STATUS.FAILED
}

module.exports = { main }
