// @ts-check
'use strict'

// The demo that `npm start` serves: a chat with rooms on the native adapter, and beside it a stampede that shows what the
// adapter is for; on a second page, a queue whose workers are browser tabs. PORT (default 3000; 0: any free one) and HOST (default 127.0.0.1) say where.

const { createServer } = require('node:http')
const path = require('node:path')
const { Server } = require('socket.io')
const { createAdapter } = require('../../index.js')
const { serveChat } = require('./chat.js')
const { dashboard } = require('./dashboard.js')
const { Jobs } = require('./jobs.js')
const { JOBS } = require('./limits.js')
const { Stampede } = require('./stampede.js')
const { staticFiles } = require('./static.js')

/** How long an orderly end may take. */
const CLOSING_MS = 5000

/**
 * Pages of other sites may not talk to this server, though a browser lets them try.
 * @param {import('node:http').IncomingMessage} request
 */
function isOwn({ headers: { origin, host } }) {
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)
}

function main() {
  const pages = staticFiles(path.join(__dirname, 'public'))
  // Before Socket.IO's own: it takes its requests out.
  const http = createServer((request, response) => {
    const isBoard = /^\/queues(?:[/?]|$)/.test(request.url ?? '')
    if (isBoard && !isOwn(request)) response.writeHead(403).end()
    else if (isBoard) board.handle(request, response)
    else pages(request, response)
  })
  const io = new Server(http, {
    adapter: createAdapter(),
    allowRequest: (request, answer) => answer(null, isOwn(request)),
    maxHttpBufferSize: 16_384,
  })
  serveChat(io.of('/chat'))
  const stampede = new Stampede(io.of('/stampede'))
  const jobs = new Jobs(io.of('/jobs'), io.of('/workers'))
  const board = dashboard(jobs.queue)
  if (board.missing) console.error(board.missing)
  io.of('/jobs').on('connection', (socket) => socket.emit('about', { bounds: JOBS, dashboard: !board.missing }))

  let closing = false
  const close = async () => {
    if (closing) return
    closing = true
    setTimeout(() => process.exit(1), CLOSING_MS).unref()
    await Promise.all([stampede.close(), jobs.close()])
    await io.close()
    process.exit()
  }
  process.once('SIGINT', close).once('SIGTERM', close).once('disconnect', close)

  const host = process.env.HOST ?? '127.0.0.1'
  http.once('error', (error) => {
    console.error(`Cannot listen: ${error.message}. Choose another port: PORT=3001 npm start`)
    process.exit(1)
  })
  http.listen(Number(process.env.PORT ?? 3000), host, () => {
    const { port } = /** @type {import('node:net').AddressInfo} */ (http.address())
    console.log(`The demo is at http://${host.includes(':') ? `[${host}]` : host}:${port}/ (Ctrl+C ends it)`)
  })
}

main()
