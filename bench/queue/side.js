// @ts-check
'use strict'

/** Measures one side in a process of its own and sends what it found to its parent. Arguments: JSON. */

const { openBullmq } = require('./drivers/bullmq')
const { openNative } = require('./drivers/native')
const { measureAll } = require('./measures')

const { side, folder, seconds } = JSON.parse(process.argv[2])

async function main() {
  const driver = side === 'bullmq' ? await openBullmq({ folder }) : await openNative({ folder, store: side })
  try {
    const figures = await measureAll(/** @type {any} */ (driver), { seconds })
    process.send?.({ figures })
  } finally {
    await driver.close()
  }
}

main()
