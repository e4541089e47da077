// @ts-check
'use strict'

/** The adapter of one namespace in a cluster: what is done here is done on the other servers, too, in the format of redis-adapter. */

const { NativeAdapter } = require('../adapter')
const { Cluster } = require('./cluster')
const { encode } = require('./msgpack')
const { answerRequest, TYPE } = require('./incoming')

/** @typedef {import('../adapter').BroadcastOptions} BroadcastOptions */
/** @typedef {import('socket.io-adapter').Room} Room */

class ClusterAdapter extends NativeAdapter {
  #cluster
  #slot

  /**
   * @param {any} nsp
   * @param {import('../engine').Engine} engine
   */
  constructor(nsp, engine) {
    super(nsp, engine)
    const settings = /** @type {import('./options').ClusterSettings} */ (engine.settings.cluster)
    this.#cluster = engine.cluster ??= new Cluster(engine, settings)
    this.#slot = this.#cluster.join(this, this.number)
    if (nsp.server.opts?.connectionStateRecovery) warnOfRecovery()
  }

  /** @returns {Promise<void>} once messages of other servers arrive */
  init() {
    return this.#cluster.joined(this.#slot)
  }

  close() {
    this.#cluster.leave(this.#slot)
    super.close()
  }

  get uid() {
    return this.#cluster.uid
  }

  /** @param {any} packet @param {BroadcastOptions} opts */
  broadcast(packet, opts) {
    packet.nsp = this.nsp.name
    const text = this.deliver(packet, opts)
    if (opts.flags?.local) return
    const { rooms, except, flags } = opts
    const only = rooms.size === 1 ? rooms.values().next().value : undefined
    const room = only === undefined ? null : String(only)
    if (text === null) {
      const { type, data, nsp } = packet
      const rest = { rooms: [...rooms], except: [...(except ?? [])], flags: flags ?? {} }
      this.#cluster.calls.packet(this.#slot, encode([this.uid, { type, data, nsp }, rest]), room)
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
      const { type, data, nsp } = packet
      const request = { uid: this.uid, type: TYPE.BROADCAST, packet: { type, data, nsp }, opts: plainOptions(opts) }
      const timeout = opts.flags?.timeout ?? this.#cluster.settings.requestsTimeout
      this.#cluster.follow(this.#slot, (requestId) => encode({ ...request, requestId }), timeout, (answer) => {
        if (answer.type === TYPE.BROADCAST_CLIENT_COUNT) clientCountCallback(Number(answer.clientCount) || 0)
        else if (answer.type === TYPE.BROADCAST_ACK) ack(answer.packet)
      })
    }
    super.broadcastWithAck(packet, opts, clientCountCallback, ack)
  }

  /** @param {BroadcastOptions} opts @returns {Promise<any[]>} */
  async fetchSockets(opts) {
    const local = await super.fetchSockets(opts)
    if (opts.flags?.local) return local
    const request = { type: TYPE.REMOTE_FETCH, opts: { rooms: [...opts.rooms], except: [...(opts.except ?? [])] } }
    return this.#gather('fetchSockets', request, local, ({ sockets }) => sockets)
  }

  /** @param {Set<Room>} rooms @returns {Promise<Set<string>>} */
  async sockets(rooms) {
    const local = await super.sockets(rooms)
    const request = { type: TYPE.SOCKETS, rooms: [...rooms] }
    return new Set(await this.#gather('allSockets', request, [...local], ({ sockets }) => sockets))
  }

  /** @returns {Promise<Set<Room>>} the rooms of all servers */
  async allRooms() {
    return new Set(await this.#gather('allRooms', { type: TYPE.ALL_ROOMS }, [...this.rooms.keys()], ({ rooms }) => rooms))
  }

  /**
   * @param {string} what
   * @param {any} request
   * @param {any[]} local
   * @param {(answer: any) => any} pick a list from an answer
   * @returns {Promise<any[]>}
   */
  #gather(what, request, local, pick) {
    return new Promise((resolve, reject) => {
      this.#cluster.ask(this.#slot, what, request, (error, answers) => {
        const all = local.concat(...answers.map(pick).filter(Array.isArray))
        if (error === null) return resolve(all)
        error.partial = all
        reject(error)
      })
    })
  }

  /** @param {BroadcastOptions} opts @param {Room[]} rooms */
  addSockets(opts, rooms) {
    super.addSockets(opts, rooms)
    this.#tell(TYPE.REMOTE_JOIN, opts, { rooms: [...rooms] })
  }

  /** @param {BroadcastOptions} opts @param {Room[]} rooms */
  delSockets(opts, rooms) {
    super.delSockets(opts, rooms)
    this.#tell(TYPE.REMOTE_LEAVE, opts, { rooms: [...rooms] })
  }

  /** @param {BroadcastOptions} opts @param {boolean} close */
  disconnectSockets(opts, close) {
    super.disconnectSockets(opts, close)
    this.#tell(TYPE.REMOTE_DISCONNECT, opts, { close })
  }

  /** @param {number} type @param {BroadcastOptions} opts @param {object} rest */
  #tell(type, opts, rest) {
    if (opts.flags?.local) return
    const { rooms, except } = plainOptions(opts)
    this.#cluster.tell(this.#slot, { type, opts: { rooms, except }, ...rest })
  }

  /** @returns {Promise<number>} of this namespace, this server included */
  async serverCount() {
    const { count } = await this.#cluster.census(this.#slot)
    return Math.max(1, count ?? 1)
  }

  /** @param {any[]} packet `[event, ...arguments, acknowledgement?]` */
  serverSideEmit(packet) {
    const last = packet[packet.length - 1]
    const type = TYPE.SERVER_SIDE_EMIT
    if (typeof last !== 'function') return this.#cluster.tell(this.#slot, { type, data: packet })
    this.#cluster.ask(this.#slot, 'serverSideEmit', { type, data: packet.slice(0, -1) }, (error, answers) => {
      const values = answers.map(({ data }) => data)
      if (error) error.partial = values
      last(error, values)
    })
  }

  /** A client that comes back to another server would miss what it missed: no session is kept. */
  persistSession() {}

  /** @returns {any} */
  restoreSession() {
    return null
  }

  /** A broadcast of another server that JavaScript writes: to the sockets at `indexes`, or to all that it means. @param {any} message @param {Uint32Array | null} indexes */
  remoteBroadcast(message, indexes) {
    if (!Array.isArray(message)) return
    const [, packet, opts] = message
    if (packet?.type !== 2 || !Array.isArray(packet.data) || (packet.nsp ?? '/') !== this.nsp.name) return
    if (indexes === null) return void this.deliver(packet, setOptions(opts))
    this.deliverTo(packet, setOptions(opts).flags, indexes)
  }

  /** A request of another server. @param {any} request */
  remoteRequest(request) {
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
      const { requestId, uid } = request
      const to = typeof uid === 'string' && uid !== 'emitter' ? uid : null
      const whole = { ...answer, requestId, uid: this.uid }
      const payload = answer.type === TYPE.BROADCAST_ACK ? encode(whole) : JSON.stringify(whole)
      this.#cluster.calls.answer(this.#slot, payload, to)
      this.#cluster.touch()
    })
  }
}

/** @param {BroadcastOptions} opts */
function plainOptions({ rooms, except, flags }) {
  return { rooms: [...rooms], except: [...(except ?? [])], flags: flags ?? {} }
}

/** As it came, each part may be missing or anything. @param {any} opts @returns {BroadcastOptions} */
function setOptions(opts) {
  const set = (/** @type {unknown} */ list) => new Set(Array.isArray(list) ? list : [])
  const flags = typeof opts?.flags === 'object' && opts.flags !== null ? opts.flags : {}
  return { rooms: set(opts?.rooms), except: set(opts?.except), flags }
}

/** @param {any} flags */
function isEmpty(flags) {
  for (const flag in flags) if (flags[flag] !== undefined) return false
  return true
}

let warned = false

function warnOfRecovery() {
  if (warned) return
  warned = true
  const code = 'ERR_CLUSTER_RECOVERY'
  const message = 'connectionStateRecovery does nothing with cluster mode "pubsub": other servers do not know the sessions'
  process.emitWarning(message, { code })
}

module.exports = { ClusterAdapter }
