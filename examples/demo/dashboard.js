'use strict'

const NEEDED = ['@bull-board/api', '@bull-board/express', 'express']
const MISSING = `The dashboard at /queues needs packages that are not installed: npm install ${NEEDED.join(' ')}`

/** @typedef {import('node:http').RequestListener} RequestListener */

/**
 * bull-board in front of a queue, at `/queues`.
 * @param {import('../../queues').Queue<any, any>} queue
 * @returns {{ handle: RequestListener, missing?: string }} `missing`: why there is none
 */
function dashboard(queue) {
  if (!NEEDED.every(isInstalled)) return { handle: refuse, missing: MISSING }
  const { createBullBoard } = require('@bull-board/api')
  const { ExpressAdapter } = require('@bull-board/express')
  const express = require('express')
  const { QueueAdapter } = require('../../bull-board.js')

  const serverAdapter = new ExpressAdapter()
  serverAdapter.setBasePath('/queues')
  createBullBoard({ queues: [new QueueAdapter(queue, { recentCompleted: 100 })], serverAdapter })
  const app = express().disable('x-powered-by')
  // No other site may show it inside its own page, and have it clicked at.
  app.use((_request, response, next) => {
    response.setHeader('x-frame-options', 'DENY')
    next()
  })
  app.use('/queues', serverAdapter.getRouter())
  return { handle: app }
}

/** @param {string} name */
function isInstalled(name) {
  try {
    return require.resolve(name) !== ''
  } catch {
    return false
  }
}

/** @type {RequestListener} */
function refuse(_request, response) {
  response.writeHead(501, { 'content-type': 'text/plain; charset=utf-8' }).end(`${MISSING}\n`)
}

module.exports = { dashboard }
