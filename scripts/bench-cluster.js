// @ts-check
'use strict'

/** `npm run bench:cluster`: makes the project ready and measures servers in a cluster; see `npm run bench:cluster -- --help`. */

const path = require('node:path')
const { ROOT, run } = require('./run')
const { ensureReady, runMain } = require('./setup')

runMain(async () => {
  await ensureReady({ loadgen: true })
  const script = path.join(ROOT, 'bench', 'cluster', 'run.js')
  const { status } = await run(process.execPath, [script, ...process.argv.slice(2)], { ipc: true })
  return status
})
