'use strict'

// Jobs for browsers or other clients: three workers, one of which is closed in the middle of its job; another one gets it.
//
//   node examples/dispatch.js

const { createQueues } = require('socket.io-native-adapter')
const { Server } = require('socket.io')
const { io: connect } = require('socket.io-client')

async function main() {
  const io = new Server(0)
  const queues = createQueues({ memory: true }) // or { path: './data/queues' }: jobs survive the server
  const jobs = queues.queue('render')

  io.of('/workers').on('connection', (socket) => socket.join('gpu'))
  const dispatcher = jobs.dispatch(io.of('/workers').in('gpu'), { event: 'job', timeout: 5000, prefetch: 1 })
  dispatcher.on('hand-over', ({ reason }) => console.log(`a job moves on: ${reason}`))

  const url = `http://127.0.0.1:${io.httpServer.address().port}/workers`
  const workers = ['Ada', 'Bob', 'Eve'].map((name) => {
    const client = connect(url)
    client.on('job', (payload, meta, ack) => {
      // Eve's tab is closed while she has her first job.
      if (name === 'Eve') return client.disconnect()
      setTimeout(ack, 20, { ok: true, result: `${payload.scene} by ${name}` })
    })
    return client
  })

  const scenes = ['river', 'forest', 'city', 'desert', 'island', 'harbour']
  const results = await Promise.all(scenes.map((scene) => jobs.request({ scene })))
  for (const result of results) console.log(result)
  const { completed, disconnected, handedOver } = dispatcher.stats()
  console.log(`${completed} done, ${disconnected} lost by a disconnect, ${handedOver} handed over`)

  for (const client of workers) client.disconnect()
  await queues.close()
  await io.close()
}

main()
