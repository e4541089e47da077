// @ts-check
'use strict'

/** `npm start`: makes the project ready and runs the demo, on the port in PORT (3000 by default). */

const path = require('node:path')
const { ROOT, run } = require('./run')
const { ensureReady, runMain } = require('./setup')

runMain(async () => {
  await ensureReady({ loadgen: true })
  const { status } = await run(process.execPath, [path.join(ROOT, 'examples', 'demo', 'server.js')], { ipc: true })
  return status
})
