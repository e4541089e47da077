// @ts-check
'use strict'

const { setTimeout: sleep } = require('node:timers/promises')

/** @returns {Promise<{ rss: number, heap: number }>} what is in use after a thorough collection */
async function memory() {
  for (let round = 0; round < 3; round += 1) {
    global.gc?.()
    // V8 gives pages back in tasks of their own.
    await sleep(50)
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, heap: heapUsed + external }
}

module.exports = { memory }
