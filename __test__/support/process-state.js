// @ts-check
'use strict'

/**
 * What this process holds: descriptors, writer threads, memory. Linux only, as /proc is.
 */

const fs = require('node:fs')
const v8 = require('node:v8')
const vm = require('node:vm')

/** Descriptors of sockets, pollers and wake-ups; not those of files, which Jest opens as it likes. */
function descriptors() {
  return fs.readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /^(socket|anon_inode):/.test(fs.readlinkSync(`/proc/self/fd/${fd}`))
    } catch {
      // The descriptor with which the folder was read.
      return false
    }
  }).length
}

/** How many threads the engines of this test file have; those of others, in the same process, may have some that end at any time. */
function writerThreads() {
  return allWriterThreads().filter((task) => !before.has(task)).length
}

function allWriterThreads() {
  return fs.readdirSync('/proc/self/task').filter((task) => {
    try {
      return fs.readFileSync(`/proc/self/task/${task}/comm`, 'utf8').startsWith('sio-writer')
    } catch {
      return false
    }
  })
}

v8.setFlagsFromString('--expose-gc')
const gc = /** @type {() => void} */ (vm.runInNewContext('gc'))

gc()
const before = new Set(allWriterThreads())

/** Resident bytes, after what is garbage was collected. */
function memory() {
  gc()
  return process.memoryUsage().rss
}

module.exports = { descriptors, gc, memory, writerThreads }
