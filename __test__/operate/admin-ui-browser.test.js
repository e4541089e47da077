'use strict'

// The pages of @socket.io/admin-ui, used as an operator uses them.

const http = require('node:http')
const path = require('node:path')
const express = require('express')
const { stats } = require('../..')
const { ADAPTERS } = require('../support/adapters')
const { Admin } = require('../support/admin')
const { describeInBrowser } = require('../support/browser')
const { next, record, sync, until } = require('../support/events')
const { servers } = require('../support/server')

const PAGES = path.join(path.dirname(require.resolve('@socket.io/admin-ui/package.json')), 'ui', 'dist')

jest.setTimeout(60_000)

// Here, so that the pages are closed before their server.
const open = servers()

/** Runs in the page: when its latest statistics are from, and what it charts, summed by kind. */
function charted() {
  const { main, servers } = document.querySelector('.v-application').__vue__.$store.state
  const sums = { bytesIn: 0, bytesOut: 0, packetsIn: 0, packetsOut: 0 }
  for (const { type, count } of main.aggregatedEvents) sums[type] += count
  return { uptime: servers.servers[0]?.uptime ?? 0, ...sums }
}

describeInBrowser('the admin UI in a browser', (pages) => {
  describe.each(ADAPTERS.slice(0, 2))('on the $name', (adapter) => {
    async function opened() {
      const listen = () => http.createServer(express().use(express.static(PAGES)))
      const server = await open(adapter, { javaScript: true, listen })
      const admin = new Admin(server.io)
      const clients = await server.connectAll(3)
      const page = await pages.open(server.url)
      await page.getByLabel('Server URL').fill(server.url)
      await page.getByRole('button', { name: 'Connect' }).click()
      await connected(page)
      const go = (where) => page.locator('nav').getByRole('link', { name: where }).click()
      const row = (...texts) => texts.reduce((rows, hasText) => rows.filter({ hasText }), page.locator('main').getByRole('row'))
      return { io: server.io, admin, page, clients, sockets: server.socketsOf(clients), go, row }
    }

    const connected = (page) => page.locator('header').getByText('connected', { exact: true }).first().waitFor()

    /** Once the page has the next statistics. */
    async function shown(page, admin) {
      const { uptime } = await admin.nextStats()
      const counted = admin.counted()
      await page.waitForFunction(`(${charted})().uptime >= ${uptime}`)
      return { page: await page.evaluate(charted), counted }
    }

    test('shows who is connected, and what goes in and out', async () => {
      const { io, admin, page, clients, go, row } = await opened()
      await row('WebSocket').getByRole('heading', { name: '4' }).waitFor()
      if (adapter.lanes) await until('all have a lane that is observed', () => stats(io).lanes === 4 && stats(io).observed === 4)
      // What was counted before it was there, it was not told.
      const before = await shown(page, admin)
      io.emit('hello', 'é'.repeat(500))
      clients[0].emit('up', 1)
      await sync(io, clients)
      const after = await shown(page, admin)
      const added = (type) => [after.page[type] - before.page[type], after.counted[type] - before.counted[type]]
      for (const type of ['bytesIn', 'bytesOut', 'packetsIn', 'packetsOut']) expect([type, added(type)[0]]).toEqual([type, added(type)[1]])
      expect(added('bytesIn')[0]).toBeGreaterThanOrEqual('2["up",1]'.length)
      expect(added('bytesOut')[0]).toBeGreaterThan(3 * 1000)
      await go('Events')
      await row('up', clients[0].id, 'Event received').waitFor()
      for (const { id } of clients) await row('hello', id, 'Event sent').waitFor()
      await go('Sockets')
      for (const { id } of clients) await row(id, 'WebSocket').waitFor()
    })

    test('a socket is made to join a room and to leave it', async () => {
      const { io, page, clients, sockets, go, row } = await opened()
      const received = clients.map(record)
      await go('Sockets')
      await row(clients[0].id).click()
      await page.getByLabel('Join a room').fill('blue')
      await page.keyboard.press('Enter')
      // The button beside it has a picture only.
      await page.getByLabel('Join a room').locator('xpath=following::button').first().click()
      await row('blue').waitFor()
      expect([...sockets[0].rooms]).toEqual([sockets[0].id, 'blue'])
      io.to('blue').emit('to the room', 1)
      await sync(io, clients)
      expect(received).toEqual([[['to the room', 1]], [], []])
      sockets[1].join('blue')
      await go('Rooms')
      await row('blue', 'Public', '2').waitFor()
      await go('Sockets')
      await row(clients[0].id).click()
      await row('blue').getByRole('button').click()
      await go('Rooms')
      await row('blue', 'Public', '1').waitFor()
      expect([...sockets[0].rooms]).toEqual([sockets[0].id])
    })

    test('a client is disconnected', async () => {
      const { page, clients, go, row } = await opened()
      const [id, other] = clients.map((client) => client.id)
      await go('Sockets')
      const ended = next(clients[0], 'disconnect')
      await row(id).getByRole('button').click()
      expect((await ended)[0]).toBe('io server disconnect')
      await go('Sockets')
      await row(other).waitFor()
      await row(id).waitFor({ state: 'detached' })
      await go('Dashboard')
      await row('WebSocket').getByRole('heading', { name: '3' }).waitFor()
      expect(clients.map(({ connected }) => connected)).toEqual([false, true, true])
      await connected(page)
    })
  })
})
