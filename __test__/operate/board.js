'use strict'

/** A dashboard of bull-board in front of queues, as an app mounts it. */

const { once } = require('node:events')
const { createServer } = require('node:http')
const { createBullBoard } = require('@bull-board/api')
const { ExpressAdapter } = require('@bull-board/express')
const express = require('express')
const { QueueAdapter } = require('../../bull-board')

const opened = []

/** Its address, and `call` for its API. Every answer is checked against bull-board's own schemas. */
async function board(queues, options, uiConfig) {
  const serverAdapter = new ExpressAdapter()
  serverAdapter.setBasePath('/queues')
  createBullBoard({
    queues: queues.map((queue) => new QueueAdapter(queue, options)),
    serverAdapter,
    options: { validateResponses: true, ...(uiConfig && { uiConfig }) },
  })
  const app = express()
  app.use('/queues', serverAdapter.getRouter())
  const server = createServer(app).listen(0, '127.0.0.1')
  opened.push(server)
  await once(server, 'listening')
  const url = `http://127.0.0.1:${server.address().port}/queues`
  const call = async (method, path, body) => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/api${path}`, { method, headers, body: body && JSON.stringify(body) })
    const text = await response.text()
    const answer = text === '' ? undefined : JSON.parse(text)
    if (!response.ok) throw Object.assign(new Error(`${method} ${path}: ${response.status} ${text}`), { status: response.status, answer })
    return answer
  }
  return { url, call }
}

afterEach(async () => {
  for (const server of opened.splice(0)) {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
})

module.exports = { board }
