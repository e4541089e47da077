// @ts-check
'use strict'

const fs = require('node:fs')

/**
 * @param {number | 'self'} pid
 * @returns {number} what the kernel was given for the disk so far; NaN where it does not tell
 */
function bytesWrittenBy(pid) {
  try {
    return Number(/^write_bytes: (\d+)$/m.exec(fs.readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? NaN)
  } catch {
    return NaN
  }
}

/** @returns {Promise<number>} resident bytes without garbage; needs --expose-gc */
async function residentAfterCollection() {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return process.memoryUsage.rss()
}

module.exports = { bytesWrittenBy, residentAfterCollection }
