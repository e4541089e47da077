'use strict'

const { Server } = require('socket.io')
const { createAdapter } = require('socket.io-native-adapter') // <-

const io = new Server(3000, { adapter: createAdapter() }) // <- the only line that changes

io.on('connection', (socket) => {
  socket.join('news')
  socket.on('news', (text) => io.to('news').emit('news', text)) // microseconds, whatever the size of the room
})
