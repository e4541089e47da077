import type { Adapter, Room } from "socket.io-adapter";
import type { BroadcastOperator, Namespace, Server, Socket } from "socket.io";
import type { QueueErrorCode, Queues } from "./queues.js";

export * from "./durable.js";
export * from "./queues.js";

/** Options of {@link createAdapter}. Each one is validated when `createAdapter()` is called. */
export interface AdapterOptions {
  /**
   * Number of writer threads, 1 to 64.
   * @default one less than the processors, at least 1 and at most 4
   */
  writers?: number;

  /**
   * The most bytes that may wait unsent for one connection, 1024 or more. A single frame may be larger than the limit.
   * @default 16777216 (16 MiB)
   */
  maxBufferedBytes?: number;

  /**
   * What happens to a connection that would pass `maxBufferedBytes`:
   * - `"disconnect"`: it is closed; its sockets get `"disconnect"` with the reason `"transport error"` and an error whose
   *   `code` is `"ERR_CLIENT_TOO_SLOW"`;
   * - `"drop"`: the packet that does not fit is dropped, whole (its attachments with it), and counted in `stats().dropped`.
   * @default "disconnect"
   */
  overflow?: "disconnect" | "drop";

  /**
   * How long, in milliseconds, a closing connection and an ending process wait for clients to take what was already
   * emitted, 0 to 60000. `0` does not wait for clients that are behind.
   * @default 1000
   */
  flushTimeout?: number;

  /**
   * `false` keeps every connection on the compat path: Socket.IO's own way of writing, on the event loop. For a doubt in
   * production; rooms stay native.
   * @default true
   */
  lanes?: boolean;
  /**
   * Write to many connections in one system call by io_uring, where the kernel offers it (Linux 5.6 and later; many containers forbid
   * it). `false`: a system call for each. Default: true.
   */
  ioUring?: boolean;

  /** Makes several servers one, over Redis: see docs/guide/cluster.md. */
  cluster?: ClusterOptions;
}

/** How servers are connected with each other. */
export interface ClusterOptions {
  /**
   * Where Redis is: `redis://user:password@host:6379/0`, `rediss://…` (TLS), `unix:///path?db=0`, or the parts. Or nodes of
   * a Redis Cluster, or the sentinels that name the primary.
   */
  redis: string | RedisOptions | RedisClusterOptions | RedisSentinelOptions;
  /**
   * `"pubsub"`: the format of `createAdapter()` of `@socket.io/redis-adapter`, whose servers and emitters can be in the same cluster.
   * `"sharded"`: that of its `createShardedAdapter()`, for Redis 7.0 and later. `"streams"`: that of `@socket.io/redis-streams-adapter`
   * and its emitter. Nothing is lost while Redis is away, and connection state recovery works across servers.
   * @default "pubsub"
   */
  mode?: "pubsub" | "sharded" | "streams";
  /**
   * Of mode `"sharded"`, as in `createShardedAdapter()`, and the same on all servers. `"static"`: each server gets all messages.
   * `"dynamic"`: messages for one room only where it has members, except rooms whose name has 20 characters, as the ids of sockets
   * have. `"dynamic-private"`: those, too.
   * @default "dynamic"
   */
  subscriptionMode?: "static" | "dynamic" | "dynamic-private";
  /** The prefix of all channels: servers with the same one are one cluster. @default "socket.io" */
  key?: string;
  /** Another name of `key`, as in the JavaScript adapters of modes `"sharded"` and `"streams"`. */
  channelPrefix?: string;
  /** How long other servers have for an answer, in ms. @default 5000 */
  requestsTimeout?: number;
  /** The most that waits while Redis is away; the oldest messages go first, and are counted in `stats().cluster.outboxDropped`. */
  outbox?: {
    /** @default 10000 */
    messages?: number;
    /** @default 16777216 (16 MiB) */
    bytes?: number;
  };
  /** Mode `"streams"`: the key of the stream, or before the number of each. @default "socket.io" */
  streamName?: string;
  /** Mode `"streams"`: over how many streams the namespaces are spread; the same on all servers. @default 1 */
  streamCount?: number;
  /** Mode `"streams"`: `true` is refused (`ERR_CLUSTER_UNSUPPORTED`). @default false */
  useShardedPubSub?: boolean;
  /** Mode `"streams"`: about so many entries are kept in a stream. @default 10000 */
  maxLen?: number;
  /** Mode `"streams"`: so many entries are read at once. @default 100 */
  readCount?: number;
  /** Mode `"streams"`: how long one command waits for entries, in ms. @default 5000 */
  blockTimeInMs?: number;
  /** Mode `"streams"`: the prefix of the keys of sessions. @default "sio:session:" */
  sessionKeyPrefix?: string;
  /** Mode `"streams"`: data never has bytes, and is not looked through for them. @default false */
  onlyPlaintext?: boolean;
}

/** How an emitter reaches the servers of a cluster: `redis`, `mode` and `key` as these have them. */
export interface EmitterOptions extends Omit<ClusterOptions, "requestsTimeout" | "outbox"> {
  /** The most that waits for Redis; the oldest messages go first, and are counted in `stats().outboxDropped`. */
  outbox?: {
    /** @default 100000 */
    messages?: number;
    /** @default 67108864 (64 MiB) */
    bytes?: number;
  };
}

/** Whom an emitter means, and how. Each step gives another one. */
export interface EmitterOperator {
  /** Those in any of these rooms. */
  to(room: Room | Room[]): EmitterOperator;
  in(room: Room | Room[]): EmitterOperator;
  /** Those in none of these rooms. */
  except(room: Room | Room[]): EmitterOperator;
  /** May be lost on a client that is behind. */
  readonly volatile: EmitterOperator;
  compress(compress: boolean): EmitterOperator;
  /** Hands an event over; it is published soon. Throws `ERR_RESERVED_EVENT` for Socket.IO's own names. */
  emit(event: string, ...args: any[]): true;
  socketsJoin(rooms: Room | Room[]): void;
  socketsLeave(rooms: Room | Room[]): void;
  /** @param close their connections, too. Default: false. */
  disconnectSockets(close?: boolean): void;
  /** An event of the servers, without an answer. */
  serverSideEmit(event: string, ...args: any[]): void;
}

/** Reaches the clients of a cluster from a process without Socket.IO. Does not keep the process alive. */
export interface Emitter extends EmitterOperator {
  /** The same for a namespace. All share one connection. */
  of(nsp: string): Emitter;
  on(event: "cluster:down", listener: (error: NativeAdapterError) => void): this;
  on(event: "cluster:up", listener: () => void): this;
  once(event: "cluster:down", listener: (error: NativeAdapterError) => void): this;
  once(event: "cluster:up", listener: () => void): this;
  off(event: "cluster:down" | "cluster:up", listener: (...args: any[]) => void): this;
  stats(): ClusterStats;
  /**
   * Resolves when Redis has all that was emitted. Rejects with `ERR_CLUSTER_UNREACHABLE` after `timeout` ms (default: 5000), and with
   * `ERR_CLUSTER_LOST` when something was lost since the last call.
   */
  flush(options?: { timeout?: number }): Promise<void>;
  /** The same, and ends the connection. */
  close(options?: { timeout?: number }): Promise<void>;
}

/** An emitter for processes without Socket.IO: see docs/guide/cluster.md. */
export function createEmitter(options: EmitterOptions): Emitter;

/** A Redis Cluster. */
export interface RedisClusterOptions extends Pick<RedisOptions, "username" | "password" | "tls"> {
  /** URLs of some nodes, which are asked for the others. User and TLS of the first are those of all. */
  cluster: (string | RedisOptions)[];
}

/** A primary that Redis Sentinel watches: the sentinels are asked where it is, each time a connection is made. */
export interface RedisSentinelOptions extends Pick<RedisOptions, "username" | "password" | "database" | "db" | "tls"> {
  /** `"host:26379"`, or the parts. They are asked in this order, a second each at most. */
  sentinels: (string | { host: string; port?: number })[];
  /** What they call the primary, for example `"mymaster"`. */
  name: string;
  /** For the sentinels; `username` and `password` are for the primary. */
  sentinelUsername?: string;
  sentinelPassword?: string;
  /** For connections to the sentinels; `tls` is for the primary. @default false */
  sentinelTls?: RedisOptions["tls"];
}

/** One Redis server. */
export interface RedisOptions {
  /** @default "127.0.0.1" */
  host?: string;
  /** @default 6379 */
  port?: number;
  /** A Unix socket, in place of host and port. */
  path?: string;
  username?: string;
  password?: string;
  /** @default 0 */
  database?: number;
  /** Another name of `database`. */
  db?: number;
  /** `true`, or PEM texts of the authorities to trust and of a certificate to show. @default false */
  tls?: boolean | { ca?: string; cert?: string; key?: string };
}

/** A reading of a cluster's connection. Counters only grow; `connected`, `outbox` and `outboxBytes` are of this moment. */
export interface ClusterStats {
  /** 1 while connected and subscribed, else 0. */
  connected: number;
  /** How often the connection was made again. */
  reconnects: number;
  /** Messages that Redis has confirmed. */
  published: number;
  publishedBytes: number;
  /** Messages on their way when the connection was lost: they have arrived or not, and are not sent again. */
  unconfirmed: number;
  /** Messages that wait for Redis. */
  outbox: number;
  outboxBytes: number;
  /** Messages dropped because the outbox was full. */
  outboxDropped: number;
  received: number;
  receivedBytes: number;
  /** Messages for namespaces and rooms that are not here, and our own. */
  skipped: number;
  /** Broadcasts of other servers that the event loop had no part in. */
  native: number;
  /** Messages that the event loop was woken for. */
  woken: number;
  /** Messages that could not be read, and were ignored. */
  malformed: number;
  /** Messages dropped because the event loop did not take them. */
  inboundDropped: number;
  /** Entries of a stream that were trimmed (`maxLen`) before this server could read them. */
  trimmed: number;
  /** Entries that had not arrived when a connection was lost, and were written again. */
  rewritten: number;
  /**
   * How long the latest sign of life of this server took to come back through Redis, in ms; while it is missing, for how long. Of an
   * emitter: how long Redis took to answer. Measured each second.
   */
  lag: number;
  /** How far the end of a stream is ahead of what was read, in ms of its ids, as of the latest second. 0 without streams. */
  streamLag: number;
}

/** The same of a server, which asks others. */
export interface ServerClusterStats extends ClusterStats {
  /** Requests to other servers: `fetchSockets()`, `serverSideEmit()` with an acknowledgement, broadcasts with acknowledgements and others. */
  requests: number;
  /** Those that wait for answers at this moment. */
  requestsPending: number;
  /** Those that ended with a `ClusterIncompleteError`. */
  requestsIncomplete: number;
  /** Requests of other servers that were done here, those without answers included. */
  requestsServed: number;
}

/**
 * Why the packets of a connection are written by JavaScript (the compat path):
 * - `polling`: HTTP long-polling (it moves to a lane when it upgrades to WebSocket);
 * - `webtransport`: WebTransport;
 * - `tls`: the TLS session belongs to Node.js (end TLS at a proxy to get lanes);
 * - `deflate`: per-message deflate was negotiated with context take-over (set `perMessageDeflate: { serverNoContextTakeover: true }`);
 * - `base64`: the client asked for base64 instead of binary frames;
 * - `engine`: another WebSocket engine than `ws`, or a version of it with another shape;
 * - `patched`: a monitoring tool replaced methods that a lane would bypass;
 * - `opening`: bytes of this connection still wait in Node.js; the lane opens when they have left;
 * - `descriptor`: no file descriptor could be had (`EMFILE`), or the stream has none;
 * - `platform`: no lanes on this operating system (Windows);
 * - `off`: the option `lanes: false`;
 * - `foreign`: another adapter instance owns the lane of this connection.
 */
export type CompatReason =
  | "polling"
  | "webtransport"
  | "tls"
  | "deflate"
  | "base64"
  | "engine"
  | "patched"
  | "opening"
  | "descriptor"
  | "platform"
  | "off"
  | "foreign";

/** A reading of the engine of one Socket.IO server. Counters only grow; the others are of this moment. */
export interface AdapterStats {
  /** Writer threads that run (none before the first lane opens). */
  writers: number;
  /** Rooms of all namespaces, each socket's own room included. */
  rooms: number;
  /** Sockets of all namespaces. */
  sockets: number;
  /** Connections whose frames the writer threads write. */
  lanes: number;
  /** Connections on the compat path. */
  compat: number;
  /** The same by reason; reasons without a connection are left out. */
  compatReasons: Partial<Record<CompatReason, number>>;
  /** Lanes whose broadcasts pass through JavaScript because something listens to their packets. */
  observed: number;
  /** Lanes whose client does not keep up: the kernel took no more, and bytes wait. */
  parkedLanes: number;
  /** Bytes that wait in parked lanes. */
  bufferedBytes: number;
  /** Counter: WebSocket frames that the kernel took, whole. */
  frames: number;
  /** Counter: bytes that the kernel took. */
  bytes: number;
  /** Counter: system calls that wrote them. `frames / systemCalls` is the batching. */
  systemCalls: number;
  /** Counter: frames that left many to a system call, by io_uring. 0 where the kernel does not offer it. */
  batched: number;
  /** Counter: packets dropped: volatile ones, and with `overflow: "drop"` those past `maxBufferedBytes`. */
  dropped: number;
  /** Counter: packets that took the place of an older one, see {@link conflate}. */
  conflated: number;
  /** Counter: connections closed for passing `maxBufferedBytes`. */
  slowDisconnects: number;
  /** Counter: lanes that could not be opened for want of a file descriptor. */
  descriptorFailures: number;
  /** Of a server with the option `cluster`. */
  cluster?: ServerClusterStats;
}

/** What `new Server({ adapter })` and `io.adapter()` take: Socket.IO makes one for each namespace. */
export type AdapterConstructor = typeof Adapter;

/**
 * Makes the adapter for `new Server(port, { adapter: createAdapter() })` or `io.adapter(createAdapter())`.
 * @throws {NativeAdapterError} `ERR_INVALID_OPTION`; `ERR_NATIVE_BINDING` when there is no binary for this platform
 */
export function createAdapter(options?: AdapterOptions): AdapterConstructor;

/**
 * Reads what the engine of a server does. Costs microseconds; safe to poll.
 * @throws {NativeAdapterError} `ERR_NOT_NATIVE_ADAPTER` when `io` does not use this adapter
 */
export function stats(io: Server): AdapterStats;

/**
 * Metrics for Prometheus of a server, of queues, or of both. When the app has `prom-client`, they join its registry; otherwise `text()`
 * writes them. Read when they are asked for; `docs/guide/operating.md` lists them.
 * @throws {QueueError} `QUEUE_OPTION_INVALID`
 * @throws {NativeAdapterError} `ERR_NOT_NATIVE_ADAPTER` when `io` does not use this adapter
 */
export function metrics(io: Server<any, any, any, any> | null | undefined, queues?: Queues | null, options?: MetricsOptions): Metrics;

export interface MetricsOptions {
  /** A `Registry` of `prom-client`; `null`: none. @default prom-client's own, when the app has it */
  register?: MetricsRegistry | null;
  /** What names begin with. @default "socketio_" */
  prefix?: string;
  /** Most queues that have metrics of their own, 0 to 100000; `queues_left_out` counts the others. @default 200 */
  maxQueues?: number;
}

/** What `metrics()` needs of a `Registry` of `prom-client`. */
export interface MetricsRegistry {
  readonly contentType: string;
  metrics(): Promise<string>;
  registerMetric(metric: any): void;
  removeSingleMetric(name: string): void;
}

export interface Metrics {
  /** The registry that they joined: `text()` has the app's own metrics, too. */
  readonly register: MetricsRegistry | undefined;
  /** For the header `Content-Type`. */
  readonly contentType: string;
  /** The text of a scrape. Rejects when the queues are closed. */
  text(): Promise<string>;
  /** Takes them out of the registry. */
  unregister(): void;
}

/**
 * For state of which only the newest value matters (prices, positions): a client that is behind keeps only the newest packet
 * with a key, in the place of the oldest, so it sees the latest state and costs one packet a key. Clients that keep up get every
 * packet, and so does each client on the compat path. Cannot be combined with acknowledgements.
 *
 * `conflate(io.to("ticks"), "BTC").emit("price", 42)`
 *
 * @param target `io`, a namespace, `io.to(room)`, or a socket (which means that socket)
 * @throws {InvalidOptionError} when the key is not a text or is empty
 */
export function conflate(
  target: Server<any, any, any, any> | Namespace<any, any, any, any> | BroadcastOperator<any, any> | Socket<any, any, any, any>,
  key: string,
): BroadcastOperator<any, any>;

/**
 * How many bytes wait for the client of a socket: 0 while it keeps up. The adapter of its namespace emits `"socket-slow"` and
 * `"socket-caught-up"`, with the socket's id, when that changes.
 */
export function bufferedBytes(socket: Socket<any, any, any, any>): number;

/** The stable `code` of a {@link NativeAdapterError}. */
export type ErrorCode =
  | "ERR_CLIENT_TOO_SLOW"
  | "ERR_CLUSTER_AUTH"
  | "ERR_CLUSTER_CLOSED"
  | "ERR_CLUSTER_CONFIG"
  | "ERR_CLUSTER_INCOMPLETE"
  | "ERR_CLUSTER_LOST"
  | "ERR_CLUSTER_MODE"
  | "ERR_CLUSTER_REFUSED"
  | "ERR_CLUSTER_REPLICA"
  | "ERR_CLUSTER_SENTINEL"
  | "ERR_CLUSTER_UNREACHABLE"
  | "ERR_CLUSTER_UNSUPPORTED"
  | "ERR_CLUSTER_VERSION"
  | "ERR_CONNECTION_LOST"
  | "ERR_INVALID_NAMESPACE"
  | "ERR_INVALID_OPTION"
  | "ERR_MISSING_PACKAGE"
  | "ERR_NATIVE_BINDING"
  | "ERR_NATIVE_FAILURE"
  | "ERR_NO_ACKNOWLEDGEMENTS"
  | "ERR_NOT_NATIVE_ADAPTER"
  | "ERR_READ_ONLY"
  | "ERR_RESERVED_EVENT"
  | QueueErrorCode;

/** The base of every error of this package. Test `code`: `instanceof` fails across realms. */
export class NativeAdapterError extends Error {
  readonly code: ErrorCode;
  readonly cause?: unknown;
}

/** An option of a wrong type or range (`ERR_INVALID_OPTION`). */
export class InvalidOptionError extends NativeAdapterError {}

/** The binary of this platform is missing or does not load (`ERR_NATIVE_BINDING`). */
export class NativeBindingError extends NativeAdapterError {}

/** The client did not take what it was sent, and passed `maxBufferedBytes` (`ERR_CLIENT_TOO_SLOW`). */
export class ClientTooSlowError extends NativeAdapterError {}

/** Not every server of the cluster has answered (`ERR_CLUSTER_INCOMPLETE`). */
export class ClusterIncompleteError extends NativeAdapterError {
  /** The servers without an answer, as far as they are known: `host:pid`. */
  readonly missing: string[];
  /** What this server and those that answered have: sockets, rooms, or values. */
  readonly partial: any[];
}

/** The version of this package. */
export const version: string;
