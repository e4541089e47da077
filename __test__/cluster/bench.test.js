'use strict'

/** The benchmark of clusters runs, and its figures are there. What they are is not a test's business. */

const { execFile } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { promisify } = require('node:util')
const { describeWithRedis } = require('../support/redis')

const BENCH = path.join(__dirname, '..', '..', 'bench')

describeWithRedis('bench:cluster', () => {
  test.each([
    [['--rows', 'recipients,elsewhere,flood', '--modes', 'pubsub', '--clients', '20'], ['pubsub js', 'pubsub native'], 'floodPerSecond'],
    [['--rows', 'recipients', '--modes', 'streams', '--clients', '20'], ['streams js', 'streams native'], 'latencyP50'],
    [['--rows', 'recovery', '--modes', 'streams', '--sides', 'native', '--clients', '1'], ['streams native'], 'recoveryTime'],
    [['--rows', 'outage', '--modes', 'pubsub', '--sides', 'native', '--outage', '300', '--clients', '1'], ['pubsub native'], 'outageLocal'],
  ])('%j', async (options, sides, figure) => {
    const name = `local-smoke-${process.pid}`
    const args = [path.join(BENCH, 'cluster', 'run.js'), '--seconds', '0.3', '--name', name, ...options]
    const file = path.join(BENCH, 'results', `${name}.json`)
    try {
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 110_000 })
      const { medians } = JSON.parse(fs.readFileSync(file, 'utf8'))
      expect(Object.keys(medians)).toEqual(sides)
      for (const side of sides) {
        expect(medians[side][figure]).toBeGreaterThan(0)
        for (const value of Object.values(medians[side])) expect(value).toEqual(expect.any(Number))
        expect(stdout).toContain(`mode ${side.split(' ')[0]}`)
      }
    } finally {
      fs.rmSync(file, { force: true })
    }
  }, 120_000)
})
