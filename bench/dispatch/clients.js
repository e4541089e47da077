// @ts-check
'use strict'

/** Clients that answer each event at once, and read no more of it than they need. Arguments: port, how many. */

const { WebSocket } = require('ws')

const [port, count] = process.argv.slice(2).map(Number)
let connected = 0

for (let n = 0; n < count; n++) {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`, { perMessageDeflate: false })
  ws.on('message', (data) => {
    const text = String(data)
    if (text === '2') return ws.send('3')
    if (text.startsWith('0')) return ws.send('40')
    if (text.startsWith('40') && ++connected === count) return void process.send?.('connected')
    const id = /^42(\d+)/.exec(text)?.[1]
    if (id) ws.send(`43${id}[{"ok":true}]`)
  })
}

process.on('disconnect', () => process.exit())
