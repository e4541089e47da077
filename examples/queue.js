'use strict'

// Mails in a queue on the disk: order per customer, retries, dead letters, a request with its answer.
//
//   node examples/queue.js [directory]
//
// End it with Ctrl-C whenever you like, even with kill -9: what was sent and not processed is there the next time.

const { createQueues } = require('socket.io-native-adapter')

async function main(path) {
  const queues = createQueues({ path })
  const found = await queues.ready()
  console.log(`${found.messages} messages from the last time`)

  const mail = queues.queue('mail', {
    maxAttempts: 3,
    backoff: { type: 'exponential', delay: 20 },
    deadLetter: 'mail.dead',
  })
  mail.on('retried', ({ attempt, error, delay }) => console.log(`attempt ${attempt}: ${error}, again in ${delay} ms`))
  mail.on('dead', ({ error, deadLetter }) => console.log(`given up: ${error}, kept in ${deadLetter}`))

  const worker = mail.consume(
    async ({ payload, headers, attempt }, { progress }) => {
      progress({ attempt })
      if (!payload.to.includes('@')) throw new Error(`no address: ${payload.to}`)
      console.log(`to ${payload.to}: ${payload.text} (${headers.trace ?? 'no trace'})`)
      return { accepted: true }
    },
    { concurrency: 50, maxRunTime: 10_000 },
  )

  // Resolves when it is on the disk. Messages with one key are processed in order.
  await mail.send({ to: 'ada@example.com', text: 'welcome' }, { key: 'ada', headers: { trace: 't-1' }, dedupId: 'welcome ada' })
  await mail.sendBatch([
    { payload: { to: 'ada@example.com', text: 'your invoice' }, key: 'ada' },
    { payload: { to: 'nobody', text: 'never read' } },
    { payload: { to: 'bob@example.com', text: 'a reminder' }, delay: 50, priority: 3 },
  ])

  const answer = await mail.request({ to: 'eve@example.com', text: 'are you there?' }, { timeout: 5000 })
  console.log('answer', answer)

  await mail.drain()
  const { completed, retried, dead } = await mail.stats()
  console.log(`${completed} processed, ${retried} tried again, ${dead} dead`)

  await worker.close()
  await queues.close()
}

main(process.argv[2] ?? './data/queues')
