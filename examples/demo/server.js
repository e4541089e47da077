// @ts-check
'use strict'

// The demo that `npm start` serves: a chat with rooms on the native adapter, and beside it a stampede that shows what the
// adapter is for. PORT (default 3000; 0: any free one) and HOST (default 127.0.0.1) say where.

const { createServer } = require('node:http')
const path = require('node:path')
const { Server } = require('socket.io')
const { createAdapter } = require('../../index.js')
const { serveChat } = require('./chat.js')
const { Stampede } = require('./stampede.js')
const { staticFiles } = require('./static.js')

/** How long an orderly end may take. */
const CLOSING_MS = 5000

/**
 * Pages of other sites may not talk to this server, though a browser lets them try.
 * @param {import('node:http').IncomingMessage} request
 * @param {(error: null, allowed: boolean) => void} answer
 */
function allowRequest(request, answer) {
  const { origin, host } = request.headers
  answer(null, origin === undefined || (URL.canParse(origin) && new URL(origin).host === host))
}

function main() {
  const http = createServer(staticFiles(path.join(__dirname, 'public')))
  const io = new Server(http, { adapter: createAdapter(), allowRequest, maxHttpBufferSize: 16_384 })
  serveChat(io.of('/chat'))
  const stampede = new Stampede(io.of('/stampede'))

  let closing = false
  const close = async () => {
    if (closing) return
    closing = true
    setTimeout(() => process.exit(1), CLOSING_MS).unref()
    await stampede.close()
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
