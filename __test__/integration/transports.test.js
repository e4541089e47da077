'use strict'

const { ADAPTERS } = require('../support/adapters')
const { centralTests } = require('../support/central-tests')
const { servers } = require('../support/server')
const { TRANSPORTS } = require('../support/transports')

/** Without lanes, all WebSockets are the same to the adapter. */
const WITHOUT_LANES = ['WebSocket', 'long-polling']

describe.each(ADAPTERS)('with the $name', (adapter) => {
  const all = adapter.lanes || !adapter.native
  const transports = TRANSPORTS.filter(({ name }) => all || WITHOUT_LANES.includes(name))

  describe.each(transports)('over $name', (transport) => {
    const open = servers()
    centralTests(() => open(adapter, transport), transport)
  })
})
