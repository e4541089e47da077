// @ts-check
'use strict'

/** `npm run bench:queue`: makes the project ready and runs the benchmark of the queues; see `npm run bench:queue -- --help`. */

const path = require('node:path')
const { ROOT, run } = require('./run')
const { ensureReady, runMain } = require('./setup')

runMain(async () => {
  await ensureReady()
  const script = path.join(ROOT, 'bench', 'queue', 'run.js')
  const { status } = await run(process.execPath, [script, ...process.argv.slice(2)], { ipc: true })
  return status
})
