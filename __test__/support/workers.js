'use strict'

/** Clients that work. */

/** What a client gets: jobs that wait for their answer. */
function jobsOf(client, answer) {
  const jobs = []
  client.on('job', (payload, meta, ack) => {
    jobs.push({ payload, meta, ack })
    if (answer) ack(answer(payload, meta))
  })
  return jobs
}

/** A connected client in a room, or (`null`) in none. */
async function worker(server, answer, room = 'gpu') {
  const client = await server.connect()
  const jobs = jobsOf(client, answer)
  if (room) server.socketOf(client).join(room)
  return { client, jobs }
}

module.exports = { jobsOf, worker }
