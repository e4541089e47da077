// @ts-check
'use strict'

/** The adapter of one namespace in a cluster: what is done here is done on the other servers, too. */

const { NativeAdapter } = require('../adapter')
const { isEmpty, plainOptions, setOptions } = require('./broadcast-options')
const { Cluster } = require('./cluster')
const { createFormat, idsOf, roomsOf } = require('./format')
const { answerRequest } = require('./incoming')

/** @typedef {import('../adapter').BroadcastOptions} BroadcastOptions */
/** @typedef {import('socket.io-adapter').Room} Room */
/** @typedef {import('./format').RequestKind} RequestKind */

class ClusterAdapter extends NativeAdapter {
  /** @type {import('./format').Format} */
  format
  #cluster
  #slot
  /** Connections that the writers may write to, when it is the adapter's turn. @type {import('../connection').Connection[]} */
  #opened = []
  /** Which rooms have channels of their own, if any. */
  #subscribes

  /**
   * @param {any} nsp
   * @param {import('../engine').Engine} engine
   */
  constructor(nsp, engine) {
    super(nsp, engine)
    const settings = /** @type {import('./options').ClusterSettings} */ (engine.settings.cluster)
    this.#cluster = engine.cluster ??= new Cluster(engine, settings, nsp.server.opts?.connectionStateRecovery)
    this.format = createFormat(settings, this.#cluster.uid, nsp.name)
    this.#subscribes = settings.subscriptionMode === 'static' ? undefined : settings.subscriptionMode
    this.#slot = this.#cluster.join(this, this.membership.namespace)
    if (nsp.server.opts?.connectionStateRecovery && settings.mode !== 'streams') warnOfRecovery(settings.mode)
  }

  /** @returns {Promise<void>} once messages of other servers arrive */
  init() {
    return this.#cluster.joined(this.#slot)
  }

  close() {
    this.#cluster.leave(this.#slot)
    super.close()
  }

  /**
   * @param {string} id
   * @param {Set<Room>} rooms
   * @returns {Promise<void> | void} when rooms have channels of their own: once what others send to these arrives
   */
  addAll(id, rooms) {
    const { made } = this.membership
    super.addAll(id, rooms)
    if (!this.#subscribes) return
    const isNew = this.membership.made !== made
    const waiting = this.#cluster.rooms
    if ((isNew || waiting.waiting) && hasChannel(rooms, this.#subscribes)) {
      return waiting.joined(isNew, () => {
        this.membership.settle()
        this.#cluster.touch()
      })
    }
  }

  /**
   * Who writes to the sockets of a connection may have changed. When it is the writers now, what JavaScript still has to write to it
   * of other servers goes first.
   * @param {import('../connection').Connection} connection
   */
  refresh(connection) {
    if (connection.needsJavaScript) super.refresh(connection)
    else if (!this.awaitTurn(connection)) this.takeTurn()
  }

  /** @param {import('../connection').Connection} connection is handed over when it is the adapter's turn @returns false when it gets none any more */
  awaitTurn(connection) {
    this.#opened.push(connection)
    return this.#opened.length > 1 || this.#cluster.turn(this.#slot)
  }

  /** Nothing of other servers is on its way to clients of this server. */
  takeTurn() {
    const opened = this.#opened.splice(0)
    for (const connection of opened) if (connection.has(this)) this.handOver(connection)
  }

  /** @param {import('../connection').Connection} connection the writers write to it from now on */
  handOver(connection) {
    super.refresh(connection)
    this.membership.settle()
  }

  get uid() {
    return this.#cluster.uid
  }

  get cluster() {
    return this.#cluster
  }

  get slot() {
    return this.#slot
  }

  /** @param {any} packet @param {BroadcastOptions} opts */
  broadcast(packet, opts) {
    packet.nsp = this.nsp.name
    const text = this.deliver(packet, opts)
    if (opts.flags?.local) return
    const { rooms, except, flags } = opts
    const only = rooms.size === 1 ? rooms.values().next().value : undefined
    // Others only JavaScript finds: no channel names them.
    const room = typeof only === 'string' || typeof only === 'number' ? String(only) : null
    if (text === null) {
      this.#cluster.calls.packet(this.#slot, this.format.writeBroadcast(packet, plainOptions(opts)), room)
    } else {
      const simple = (rooms.size === 0 || typeof only === 'string') && !except?.size && isEmpty(flags)
      this.#cluster.calls.broadcast(this.#slot, text, room, simple ? null : JSON.stringify(plainOptions(opts)))
    }
    this.#cluster.touch()
  }

  /**
   * @param {any} packet
   * @param {BroadcastOptions} opts
   * @param {(clientCount: number) => void} clientCountCallback
   * @param {(...args: any[]) => void} ack
   */
  broadcastWithAck(packet, opts, clientCountCallback, ack) {
    packet.nsp = this.nsp.name
    if (!opts.flags?.local) {
      const body = { packet, opts: plainOptions(opts) }
      const timeout = opts.flags?.timeout ?? this.#cluster.settings.requestsTimeout
      this.#cluster.requests.follow(this.#slot, (requestId) => this.format.writeRequest('broadcast', body, requestId), timeout, (answer) => {
        if (answer.clientCount !== undefined) clientCountCallback(Number(answer.clientCount) || 0)
        else if (answer.acknowledgement) ack(answer.acknowledgement[0])
      })
    }
    super.broadcastWithAck(packet, opts, clientCountCallback, ack)
  }

  /** @param {BroadcastOptions} opts @returns {Promise<any[]>} */
  async fetchSockets(opts) {
    const local = await super.fetchSockets(opts)
    if (opts.flags?.local) return local
    return this.#gather('fetchSockets', { opts: plainOptions(opts) }, local, ({ sockets }) => sockets)
  }

  /** @param {Set<Room>} rooms @returns {Promise<Set<string>>} */
  async sockets(rooms) {
    const local = await super.sockets(rooms)
    return new Set(await this.#gather('allSockets', { rooms: [...rooms] }, [...local], idsOf))
  }

  /** @returns {Promise<Set<Room>>} the rooms of all servers */
  async allRooms() {
    return new Set(await this.#gather('allRooms', {}, [...this.rooms.keys()], roomsOf))
  }

  /**
   * @param {RequestKind} kind
   * @param {any} body
   * @param {any[]} local
   * @param {(answer: import('./format').Answer) => any} pick a list from an answer
   * @returns {Promise<any[]>}
   */
  #gather(kind, body, local, pick) {
    return new Promise((resolve, reject) => {
      this.#ask(kind, body, (error, answers) => {
        const all = local.concat(...answers.map(pick).filter(Array.isArray))
        if (error === null) return resolve(all)
        error.partial = all
        reject(error)
      })
    })
  }

  /**
   * @param {RequestKind} kind
   * @param {any} body
   * @param {(error: import('../errors').ClusterIncompleteError | null, answers: any[]) => void} end
   */
  #ask(kind, body, end) {
    this.#cluster.requests.ask(this.#slot, kind, (requestId) => this.format.writeRequest(kind, body, requestId), end)
  }

  /** @param {BroadcastOptions} opts @param {Room[]} rooms */
  addSockets(opts, rooms) {
    super.addSockets(opts, rooms)
    this.#tell('join', opts, { rooms: [...rooms] })
  }

  /** @param {BroadcastOptions} opts @param {Room[]} rooms */
  delSockets(opts, rooms) {
    super.delSockets(opts, rooms)
    this.#tell('leave', opts, { rooms: [...rooms] })
  }

  /** @param {BroadcastOptions} opts @param {boolean} close */
  disconnectSockets(opts, close) {
    super.disconnectSockets(opts, close)
    this.#tell('disconnect', opts, { close })
  }

  /** @param {RequestKind} kind @param {BroadcastOptions} opts @param {object} rest */
  #tell(kind, opts, rest) {
    if (opts.flags?.local) return
    this.#cluster.tell(this.#slot, this.format.writeRequest(kind, { opts: plainOptions(opts), ...rest }))
  }

  /** @returns {Promise<number>} of this namespace, this server included */
  async serverCount() {
    const { count, before } = await this.#cluster.census(this.#slot)
    // While a connection is lost there are not fewer: who waits for the answers of all waits.
    return Math.max(1, count ?? 0, before ?? 0)
  }

  /** @param {any[]} packet `[event, ...arguments, acknowledgement?]` */
  serverSideEmit(packet) {
    const last = packet[packet.length - 1]
    const kind = 'serverSideEmit'
    if (typeof last !== 'function') return this.#cluster.tell(this.#slot, this.format.writeRequest(kind, { data: packet }))
    this.#ask(kind, { data: packet.slice(0, -1) }, (error, answers) => {
      const values = answers.map(({ data }) => data)
      if (error) error.partial = values
      last(error, values)
    })
  }

  /** A client that comes back to another server would miss what it missed: no session is kept. @param {any} _session */
  persistSession(_session) {}

  /** @param {string} _pid @param {string} _offset @returns {any} */
  restoreSession(_pid, _offset) {
    return null
  }

  /** A broadcast of another server that JavaScript writes: to the sockets at `indexes`, or to all that it means. @param {Buffer} payload @param {Uint32Array | null} indexes */
  remoteBroadcast(payload, indexes) {
    const { packet, opts, offset } = this.format.readBroadcast(payload) ?? {}
    if (packet?.type !== 2 || !Array.isArray(packet.data) || packet.nsp !== this.nsp.name) return
    if (offset) packet.data.push(offset)
    if (indexes === null) return this.deliverRemote(packet, setOptions(opts), offset)
    this.deliverTo(packet, setOptions(opts).flags, indexes)
  }

  /** A broadcast of another server to all that it means. @param {any} packet @param {BroadcastOptions} opts @param {string} [_offset] of it */
  deliverRemote(packet, opts, _offset) {
    super.deliver(packet, opts)
  }

  /** A request of another server. @param {Buffer} payload */
  remoteRequest(payload) {
    const request = this.format.readRequest(payload)
    if (!request) return
    const local = {
      sockets: (/** @type {Set<Room>} */ rooms) => super.sockets(rooms),
      fetchSockets: (/** @type {BroadcastOptions} */ opts) => super.fetchSockets(opts),
      addSockets: (/** @type {BroadcastOptions} */ opts, /** @type {Room[]} */ rooms) => super.addSockets(opts, rooms),
      delSockets: (/** @type {BroadcastOptions} */ opts, /** @type {Room[]} */ rooms) => super.delSockets(opts, rooms),
      disconnectSockets: (/** @type {BroadcastOptions} */ opts, /** @type {boolean} */ close) =>
        super.disconnectSockets(opts, close),
      broadcastWithAck: (/** @type {any[]} */ ...args) => /** @type {any} */ (super.broadcastWithAck)(...args),
    }
    answerRequest(this, local, request, setOptions(request.opts), (answer) => {
      this.#cluster.calls.answer(this.#slot, this.format.writeAnswer(request, answer), request.from)
      this.#cluster.touch()
    })
    // What waited for this is for the rooms as they are now, and may be looked at before the tick ends.
    this.membership.settle()
  }
}

/** The JavaScript adapter takes each text of so many characters for a socket's id, which has no channel. */
const ID_LENGTH = 20

/** @param {Set<Room>} rooms @param {string} subscribes */
function hasChannel(rooms, subscribes) {
  if (subscribes === 'dynamic-private') return true
  for (const room of rooms) if (typeof room !== 'string' || room.length !== ID_LENGTH) return true
  return false
}

let warned = false

/** @param {string} mode */
function warnOfRecovery(mode) {
  if (warned) return
  warned = true
  const code = 'ERR_CLUSTER_RECOVERY'
  const message = `connectionStateRecovery does nothing with cluster mode "${mode}": other servers do not know the sessions`
  process.emitWarning(message, { code })
}

module.exports = { ClusterAdapter }
