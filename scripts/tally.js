// @ts-check
'use strict'

/**
 * What a run of tests came to.
 * @typedef {object} Tally
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 */

/**
 * @param {Tally[]} tallies
 * @returns {Tally}
 */
function sum(tallies) {
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const tally of tallies) {
    total.passed += tally.passed
    total.failed += tally.failed
    total.skipped += tally.skipped
  }
  return total
}

/**
 * The line that ends `npm test`.
 * @param {Tally} tally
 * @returns {string}
 */
function closingLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

/**
 * Reads the lines with which cargo ends each test program.
 * @param {string} output
 * @param {number} status what cargo exited with
 * @returns {Tally}
 */
function cargoTally(output, status) {
  const tally = { passed: 0, failed: 0, skipped: 0 }
  // Colours may stand between the words.
  const plain = output.replace(/\u001b\[[0-9;]*m/g, '')
  for (const [, passed, failed, ignored] of plain.matchAll(
    /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    tally.passed += Number(passed)
    tally.failed += Number(failed)
    tally.skipped += Number(ignored)
  }
  return atLeastOneFailed(tally, status)
}

/**
 * @param {string | undefined} report what Jest wrote to its output file
 * @param {number} status what Jest exited with
 * @returns {Tally}
 */
function jestTally(report, status) {
  if (report === undefined) return atLeastOneFailed({ passed: 0, failed: 0, skipped: 0 }, status)
  const result = JSON.parse(report)
  const tally = {
    passed: result.numPassedTests,
    // A file that does not load has no tests to count.
    failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
    skipped: result.numPendingTests + result.numTodoTests,
  }
  return atLeastOneFailed(tally, status)
}

/**
 * A run that failed without a failing test (it did not compile, a process died) is a failure too.
 * @param {Tally} tally
 * @param {number} status
 * @returns {Tally}
 */
function atLeastOneFailed(tally, status) {
  return status !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally
}

module.exports = { cargoTally, closingLine, jestTally, sum }
