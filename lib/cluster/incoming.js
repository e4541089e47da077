// @ts-check
'use strict'

/** Requests of other servers, in the format of redis-adapter. */

/** What a message is. */
const TYPE = {
  SOCKETS: 0,
  ALL_ROOMS: 1,
  REMOTE_JOIN: 2,
  REMOTE_LEAVE: 3,
  REMOTE_DISCONNECT: 4,
  REMOTE_FETCH: 5,
  SERVER_SIDE_EMIT: 6,
  BROADCAST: 7,
  BROADCAST_CLIENT_COUNT: 8,
  BROADCAST_ACK: 9,
}

/**
 * Does what another server asks. Requests without an id want no answer.
 * @param {import('./adapter').ClusterAdapter} adapter
 * @param {any} local what acts on this server alone
 * @param {any} request
 * @param {import('../adapter').BroadcastOptions} opts of the request
 * @param {(answer: any) => void} answer
 */
function answerRequest(adapter, local, request, opts, answer) {
  const { type, rooms = [], requestId } = request
  const reply = requestId === undefined ? () => {} : answer
  // Only a list names rooms.
  const names = Array.isArray(rooms) ? rooms : []
  switch (type) {
    case TYPE.SOCKETS:
      return local.sockets(new Set(names)).then((/** @type {Set<string>} */ ids) => reply({ sockets: [...ids] }))
    case TYPE.ALL_ROOMS:
      return reply({ rooms: [...adapter.rooms.keys()] })
    case TYPE.REMOTE_JOIN:
      if (request.opts) return local.addSockets(opts, names)
      return oneSocket(adapter, request, reply, (socket) => socket.join(request.room))
    case TYPE.REMOTE_LEAVE:
      if (request.opts) return local.delSockets(opts, names)
      return oneSocket(adapter, request, reply, (socket) => socket.leave(request.room))
    case TYPE.REMOTE_DISCONNECT:
      if (request.opts) return local.disconnectSockets(opts, Boolean(request.close))
      return oneSocket(adapter, request, reply, (socket) => socket.disconnect(request.close))
    case TYPE.REMOTE_FETCH:
      return local.fetchSockets(opts).then((/** @type {any[]} */ sockets) => reply({ sockets: sockets.map(details) }))
    case TYPE.SERVER_SIDE_EMIT:
      return serverSideEmit(adapter, request, reply)
    case TYPE.BROADCAST: {
      const { packet } = request
      if (packet?.type !== 2 || !Array.isArray(packet.data)) return
      return local.broadcastWithAck(
        packet,
        opts,
        (/** @type {number} */ clientCount) => reply({ type: TYPE.BROADCAST_CLIENT_COUNT, clientCount }),
        (/** @type {unknown} */ value) => reply({ type: TYPE.BROADCAST_ACK, packet: value }),
      )
    }
  }
}

/**
 * @param {import('./adapter').ClusterAdapter} adapter
 * @param {any} request
 * @param {(answer: any) => void} reply
 * @param {(socket: any) => void} act
 */
function oneSocket(adapter, request, reply, act) {
  const socket = adapter.nsp.sockets.get(request.sid)
  if (!socket) return
  act(socket)
  reply({})
}

/**
 * @param {import('./adapter').ClusterAdapter} adapter
 * @param {any} request
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
    reply({ type: TYPE.SERVER_SIDE_EMIT, data: value })
  }
  nsp._onServerSideEmit([...data, acknowledge])
}

/** What another server knows of a socket. @param {any} socket */
function details({ id, handshake, rooms, data }) {
  // express-session's store has cycles.
  const { sessionStore, ...rest } = handshake
  return { id, handshake: rest, rooms: [...rooms], data }
}

module.exports = { TYPE, answerRequest }
