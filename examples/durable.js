'use strict'

// Emits that wait for a user who is offline, or whose connection breaks.
//
//   node examples/durable.js [directory]
//
// End it with Ctrl-C or kill -9 whenever you like: what was not acknowledged comes the next time.

const { createServer } = require('node:http')
const { Server } = require('socket.io')
const { io: connect } = require('socket.io-client')
const { createAdapter, createQueues, durable } = require('socket.io-native-adapter')

async function main(path) {
  const http = createServer()
  const io = new Server(http, { adapter: createAdapter() })
  const queues = createQueues({ path })
  const d = durable(io, queues)
  io.on('connection', (socket) => socket.join(`user:${socket.handshake.auth.user}`))
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve))

  for (let number = 1; number <= 3; number++) await d.to('user:42').emit('invoice', { number })
  console.log('3 invoices are stored, nobody is there')

  const client = connect(`http://127.0.0.1:${http.address().port}`, { auth: { user: 42 }, reconnectionDelay: 10 })
  const all = new Promise((resolve) => {
    client.on('invoice', ({ number }, meta, ack) => {
      console.log(`invoice ${number}`)
      ack()
      if (number === 4) resolve()
    })
  })
  await new Promise((resolve) => client.once('connect', resolve))
  client.once('disconnect', () => d.to('user:42').emit('invoice', { number: 4 }))
  // The network goes; the client comes back by itself.
  setTimeout(() => client.io.engine.close(), 100)
  await all

  client.disconnect()
  await d.close()
  await io.close()
  await queues.close()
}

main(process.argv[2] ?? './data/durable')
