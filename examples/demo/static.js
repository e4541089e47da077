// @ts-check
'use strict'

const fs = require('node:fs')
const path = require('node:path')

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const HEADERS = {
  'cache-control': 'no-cache',
  'content-security-policy': "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/**
 * Serves the files of one flat directory. The list is read once: a path that is not on it does not exist, so none can
 * lead out of the directory.
 * @param {string} directory
 * @returns {import('node:http').RequestListener}
 */
function staticFiles(directory) {
  const files = new Map()
  for (const name of fs.readdirSync(directory)) {
    const type = TYPES[/** @type {keyof typeof TYPES} */ (path.extname(name))]
    if (type !== undefined) files.set(`/${name}`, { type, path: path.join(directory, name) })
  }
  files.set('/', files.get('/index.html'))

  return (request, response) => {
    const file = files.get((request.url ?? '').split('?')[0])
    if (file === undefined) return refuse(response, 404, 'Not found')
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'Method not allowed')
    fs.readFile(file.path, (error, body) => {
      if (error) return refuse(response, 500, 'Cannot read the file')
      response.writeHead(200, { ...HEADERS, 'content-type': file.type, 'content-length': body.length })
      response.end(request.method === 'HEAD' ? undefined : body)
    })
  }
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {number} status
 * @param {string} text
 */
function refuse(response, status, text) {
  response.writeHead(status, { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' })
  response.end(`${text}\n`)
}

module.exports = { staticFiles }
