// @ts-check
'use strict'

/** `npm run bench`: makes the project ready and runs the benchmark; see `npm run bench -- --help`. */

const path = require('node:path')
const { ROOT, run } = require('./run')
const { ensureReady, runMain } = require('./setup')

runMain(async () => {
  await ensureReady({ loadgen: true })
  const script = path.join(ROOT, 'bench', 'run.js')
  const { status } = await run(process.execPath, [script, ...process.argv.slice(2)], { ipc: true })
  return status
})
