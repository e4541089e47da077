// @ts-check
'use strict'

const { execFileSync } = require('node:child_process')
const os = require('node:os')

/** The server's, in the rows on one core. */
const FIRST = 0
/** The clients'. */
const LAST = os.availableParallelism() - 1

/** Whether a process can be kept on one processor here. */
const canPin = LAST > FIRST && tryPin()

function tryPin() {
  try {
    execFileSync('taskset', ['-c', `${LAST}`, 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/**
 * @param {number} processor
 * @param {string[]} words a command
 * @returns {string[]} the same, kept on one processor where that is possible
 */
function pinned(processor, words) {
  return canPin ? ['taskset', '-c', `${processor}`, ...words] : words
}

module.exports = { FIRST, LAST, canPin, pinned }
