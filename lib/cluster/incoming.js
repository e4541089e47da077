// @ts-check
'use strict'

/** Requests of other servers, whatever the format. */

/** @typedef {import('./format').Request} Request */

/**
 * Does what another server asks. Requests without an id want no answer.
 * @param {import('./adapter').ClusterAdapter} adapter
 * @param {any} local what acts on this server alone
 * @param {Request} request
 * @param {import('../adapter').BroadcastOptions} opts of the request
 * @param {(answer: any) => void} answer
 */
function answerRequest(adapter, local, request, opts, answer) {
  const { kind, one } = request
  const reply = request.requestId === undefined ? () => {} : answer
  // Only a list names rooms.
  const names = Array.isArray(request.rooms) ? request.rooms : []
  switch (kind) {
    case 'allSockets':
      return local.sockets(new Set(names)).then((/** @type {Set<string>} */ ids) => reply({ sockets: [...ids] }))
    case 'allRooms':
      return reply({ rooms: [...adapter.rooms.keys()] })
    case 'join':
      if (!one) return local.addSockets(opts, names)
      return oneSocket(adapter, one, reply, (socket) => socket.join(one.room))
    case 'leave':
      if (!one) return local.delSockets(opts, names)
      return oneSocket(adapter, one, reply, (socket) => socket.leave(one.room))
    case 'disconnect':
      if (!one) return local.disconnectSockets(opts, Boolean(request.close))
      return oneSocket(adapter, one, reply, (socket) => socket.disconnect(request.close))
    case 'fetchSockets':
      return local.fetchSockets(opts).then((/** @type {any[]} */ sockets) => reply({ sockets: sockets.map(details) }))
    case 'serverSideEmit':
      return serverSideEmit(adapter, request, reply)
    case 'broadcast': {
      const { packet } = request
      if (packet?.type !== 2 || !Array.isArray(packet.data)) return
      return local.broadcastWithAck(
        packet,
        opts,
        (/** @type {number} */ clientCount) => reply({ clientCount }),
        (/** @type {unknown} */ value) => reply({ packet: value }),
      )
    }
  }
}

/**
 * @param {import('./adapter').ClusterAdapter} adapter
 * @param {{ sid: any }} one
 * @param {(answer: any) => void} reply
 * @param {(socket: any) => void} act
 */
function oneSocket(adapter, { sid }, reply, act) {
  const socket = adapter.nsp.sockets.get(sid)
  if (!socket) return
  act(socket)
  reply({})
}

/**
 * @param {import('./adapter').ClusterAdapter} adapter
 * @param {Request} request
 * @param {(answer: any) => void} reply
 */
function serverSideEmit(adapter, { data, requestId }, reply) {
  if (!Array.isArray(data)) return
  const nsp = /** @type {any} */ (adapter.nsp)
  if (requestId === undefined) return nsp._onServerSideEmit(data)
  let called = false
  const acknowledge = (/** @type {unknown} */ value) => {
    if (called) return
    called = true
    reply({ data: value })
  }
  nsp._onServerSideEmit([...data, acknowledge])
}

/** What another server knows of a socket. @param {any} socket */
function details({ id, handshake, rooms, data }) {
  // express-session's store has cycles.
  const { sessionStore, ...rest } = handshake
  return { id, handshake: rest, rooms: [...rooms], data }
}

module.exports = { answerRequest }
