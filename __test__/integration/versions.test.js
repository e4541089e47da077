'use strict'

const { ADAPTERS } = require('../support/adapters')
const { centralTests } = require('../support/central-tests')
const { servers } = require('../support/server')

const OLDER = ['socket.io-4.7', 'socket.io-4.6']
const WAYS = [
  { way: 'WebSocket' },
  { way: 'long-polling with upgrade', client: { transports: ['polling', 'websocket'] } },
]

describe.each(OLDER)('%s', (version) => {
  describe.each(ADAPTERS)('with the $name', (adapter) => {
    describe.each(WAYS)('over $way', ({ client }) => {
      const open = servers()
      centralTests(() => open(adapter, { version, client }))
    })
  })
})
