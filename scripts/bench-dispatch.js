// @ts-check
'use strict'

/** `npm run bench:dispatch`: makes the project ready and measures dispatching to sockets; see `npm run bench:dispatch -- --help`. */

const path = require('node:path')
const { ROOT, run } = require('./run')
const { ensureReady, runMain } = require('./setup')

runMain(async () => {
  await ensureReady()
  const script = path.join(ROOT, 'bench', 'dispatch', 'run.js')
  const { status } = await run(process.execPath, [script, ...process.argv.slice(2)], { ipc: true })
  return status
})
