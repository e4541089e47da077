// @ts-check
'use strict'

/** `npm run soak`: makes the project ready and runs the soak; see `npm run soak -- --help`. */

const path = require('node:path')
const { ROOT, run } = require('./run')
const { ensureReady, runMain } = require('./setup')

runMain(async () => {
  await ensureReady({ loadgen: true })
  const script = path.join(ROOT, '__test__', 'chaos', 'soak.js')
  const { status } = await run(process.execPath, [script, ...process.argv.slice(2)])
  return status
})
