'use strict'

const { childServers } = require('../support/child-server')
const { until } = require('../support/events')
const { BOTH } = require('../support/live-server')

const start = childServers()

/** Runs the fixture; returns what was called and what was uncaught, in order. */
async function run(...args) {
  const server = start('throwing-callbacks.js', args)
  const client = await server.raw()
  client.emit('go')
  await client.event('last')
  await server.message(({ called }) => called === 'last')
  const of = (key) => server.messages.filter((message) => message[key]).map((message) => message[key])
  await until('the errors are uncaught', () => of('uncaught').length >= args.length - 1)
  return { called: of('called'), uncaught: of('uncaught') }
}

describe.each(BOTH)('an app that throws, with the $name', ({ native }) => {
  test('in a write callback of ws: it is uncaught, and takes no other callback with it', async () => {
    const { called, uncaught } = await run(native ? 'native' : 'stock', 'ws callback')
    expect(called).toEqual(['before', 'ws callback', 'after', 'last'])
    expect(uncaught).toEqual(['ws callback'])
  })
})

describe('an app that throws, with lanes', () => {
  test('in a callback of Engine.IO: the connection goes on, which stock would leave stuck', async () => {
    const { called, uncaught } = await run('native', 'ws callback', 'engine callback')
    expect(called).toEqual(['before', 'ws callback', 'after', 'engine callback', 'last'])
    expect(uncaught).toEqual(['ws callback', 'engine callback'])
  })
})
