// Message queues. `docs/guide/queues.md` tells how they are used.

import type { EventEmitter } from "node:events";
import type { BroadcastOperator, Namespace, Server, Socket } from "socket.io";
import { NativeAdapterError, RedisClusterOptions, RedisOptions, RedisSentinelOptions } from "./index.js";

/** Where messages are kept: `{ path }`, `{ memory: true }` or `{ redis }`. */
export type QueuesOptions = DiskQueuesOptions | MemoryQueuesOptions | RedisQueuesOptions;

/** Messages are kept on the disk, and survive the end of the process, however it ends. */
export interface DiskQueuesOptions {
  /** A directory, made if it is missing. One process at a time has it open; another is refused with `QUEUE_LOCKED`. */
  path: string;
  memory?: false;
  redis?: undefined;

  /**
   * When a `send()` resolves:
   * - `"commit"`: when the message is on the disk (fdatasync). Nothing that was answered is ever lost. The sends of a tick, and those
   *   that come while the disk is busy, share one sync.
   * - `"interval"`: when the system has it; a sync follows within `interval`. The end of the process loses nothing, a loss of power
   *   or a crash of the system the last `interval`.
   * - `"none"`: the same without syncs: a loss of power loses what the system had not written.
   * @default "commit"
   */
  durability?: "commit" | "interval" | "none";

  /**
   * Milliseconds between syncs with `durability: "interval"`, 1 to 60000.
   * @default 1000
   */
  interval?: number;

  /**
   * Bytes of a file of the log, 65536 or more. Space comes back file by file.
   * @default 67108864 (64 MiB)
   */
  segmentBytes?: number;

  /**
   * Spans for sending and processing, and the context of traces in the headers of messages, when the app has `@opentelemetry/api`.
   * @default true
   */
  tracing?: boolean;
}

/** Messages are kept in memory, and are gone when the process ends. */
export interface MemoryQueuesOptions {
  memory: true;
  path?: undefined;
  redis?: undefined;

  /**
   * Spans for sending and processing, and the context of traces in the headers of messages, when the app has `@opentelemetry/api`.
   * @default true
   */
  tracing?: boolean;
}

/** Messages are kept in Redis (7.0 or newer), and all processes with the same server and `key` share them. See `docs/guide/queues-redis.md`. */
export interface RedisQueuesOptions {
  /**
   * A URL, `redis://user:password@host:6379/0`, `rediss://…` (TLS) or `unix:/path`, or the same as an object; nodes of a
   * Redis Cluster; or the sentinels that name the primary. How much it can lose is its own configuration, and a `warning` when that is something.
   */
  redis: string | RedisOptions | RedisClusterOptions | RedisSentinelOptions;
  path?: undefined;
  memory?: false;

  /**
   * The prefix of all keys in Redis: which queues these are. Without braces.
   * @default "socket.io-queues"
   */
  key?: string;

  /**
   * Milliseconds that what is asked waits for Redis, 100 or more; then it rejects with `QUEUE_REDIS_UNREACHABLE`.
   * @default 10000
   */
  timeout?: number;

  /**
   * Spans for sending and processing, and the context of traces in the headers of messages, when the app has `@opentelemetry/api`.
   * @default true
   */
  tracing?: boolean;
}

/**
 * Opens queues. Returns at once: what is asked before they are open waits. Each directory, each call with `memory: true`, and each `key`
 * in a Redis is a world of its own.
 *
 * The process stays alive while a promise of these queues is pending or a worker is open (unless it is `unref()`ed).
 * @throws {QueueError} `QUEUE_OPTION_INVALID`
 */
export function createQueues(options: QueuesOptions): Queues;

/** All queues of one store. */
export interface Queues extends EventEmitter<QueuesEvents> {
  /**
   * The queue of that name, made if there is none; the same object each time.
   *
   * @param name 1 to 200 bytes of letters, digits and `. _ - : /`, not beginning with a dot
   * @param options how it behaves from now on; they are stored with it. Left out: a queue that exists stays as it is.
   * @throws {QueueError} `QUEUE_NAME_INVALID`, `QUEUE_OPTION_INVALID`, `QUEUE_CLOSED`; what `error` told, when the store has failed
   */
  queue<Payload = any, Result = any>(name: string, options?: QueueOptions<Payload>): Queue<Payload, Result>;

  /**
   * Lets the clients of a namespace send messages: `socket.emit("enqueue", queue, payload, (answer) => …)`, answered with an
   * {@link AcceptAnswer}. Only what `authorize` allows, within limits for each socket.
   * @throws {QueueError} `QUEUE_OPTION_INVALID`, `QUEUE_CLOSED`; what `error` told, when the store has failed
   */
  accept(namespace: Server<any, any, any, any> | Namespace<any, any, any, any>, options: AcceptOptions): Acceptor;

  /** Resolves when the store is open, with what was found there; rejects when it cannot be opened. */
  ready(): Promise<RecoveryReport>;

  /** The names of all queues in the store, also those that this process has not asked for. */
  names(): Promise<string[]>;

  /** What the store holds and has done. */
  stats(): Promise<StoreStats>;

  /** Resolves when everything asked before is done and durable, acknowledgements included. */
  flush(): Promise<void>;

  /**
   * Closes all workers (see {@link Worker.close}), then the store. Every pending promise settles: what was sent is stored; requests, and
   * sends that wait for room, reject with `QUEUE_CLOSED`.
   */
  close(options?: CloseOptions): Promise<void>;
}

export interface QueuesEvents {
  /** The store failed for good. Everything pending was rejected with this error. Without a listener it is a process warning. */
  error: [error: QueueError];
  /** So many events of queues were left out, because the event loop did not take them in time. */
  "events-lost": [count: number];
  /** With `redis`: the connection is lost. It is made again, and what is asked waits meanwhile. */
  down: [error: QueueError];
  /** With `redis`: there is a connection again. */
  up: [];
  /**
   * With `redis`: what the server's configuration can lose (`QUEUE_REDIS_NOT_DURABLE`, `QUEUE_REDIS_EVICTS`, `QUEUE_REDIS_CONFIG_UNKNOWN`), or keys
   * that are not what they should be (`QUEUE_CORRUPT`). Without a listener it is a process warning.
   */
  warning: [warning: QueueError];
  closed: [];
}

export interface CloseOptions {
  /**
   * Milliseconds that running handlers have to finish. What runs then is given back: its `signal` is aborted, and the attempt does
   * not count.
   * @default 10000
   */
  timeout?: number;
}

/** How a queue behaves. Stored with the queue (but for a `backoff` function). */
export interface QueueOptions<Payload = any> {
  /**
   * Deliveries of a message before it is dead, 1 to 65535. Deliveries that were given back do not count; those that a crash of the
   * process ended do.
   * @default 5
   */
  maxAttempts?: number;

  /**
   * How long a failed message waits: always so many milliseconds, a {@link Backoff}, or a function. A function is called with the
   * number of the attempt (from 1), what the handler threw, and the message; it returns milliseconds. Attempts that no handler
   * ended (`maxRunTime`) use the default.
   * @default { type: "exponential", delay: 1000, max: 300000, jitter: 0.2 }
   */
  backoff?: number | Backoff | ((attempt: number, error: unknown, message: Message<Payload>) => number);

  /**
   * The queue into which dead messages go, with their errors. Without, they are removed, and there is only the event.
   * @default none
   */
  deadLetter?: string;

  /**
   * Expired messages go to the dead-letter queue too.
   * @default false
   */
  deadLetterExpired?: boolean;

  /**
   * Milliseconds after which a message that was not delivered expires, if it has no `ttl` of its own.
   * @default none
   */
  ttl?: number;

  /**
   * Most messages of the queue that all workers hold at once.
   * @default no limit
   */
  concurrency?: number;

  /**
   * Most messages of one key held at once. Above 1, order within a key is given up.
   * @default 1
   */
  keyConcurrency?: number;

  /** Most deliveries of the queue in any span of time. @default no limit */
  rate?: Rate;

  /** Most deliveries of one key in any span of time; other keys go on. @default no limit */
  keyRate?: Rate;

  /** Most messages in the queue, held ones included. @default no limit */
  maxLength?: number;

  /** Most bytes in the queue: payloads, headers, keys, and some 20 for each message. @default no limit */
  maxBytes?: number;

  /**
   * What a send to a full queue does:
   * - `"reject"`: it fails with `QUEUE_FULL`;
   * - `"dropOldest"`: the oldest message that is not held makes room;
   * - `"wait"`: it waits, in order, until there is room; it is stored then.
   * @default "reject"
   */
  overflow?: "reject" | "dropOldest" | "wait";

  /**
   * Most bytes of payload, headers and key of one message, at most 1 GiB. Larger ones fail with `QUEUE_MESSAGE_TOO_LARGE`.
   * @default 16777216 (16 MiB)
   */
  maxMessageBytes?: number;

  /**
   * Milliseconds during which a second message with the same `dedupId` is not sent.
   * @default 300000
   */
  dedupWindow?: number;

  /**
   * Most `dedupId`s remembered, some 80 bytes of memory each; beyond, the oldest are forgotten early.
   * @default 1000000
   */
  dedupMax?: number;
}

/** Up to `jitter` (0 to 1) of a delay is taken away at random. */
export type Backoff =
  | {
      type: "fixed";
      /** Milliseconds. */
      delay: number;
      /** @default 0 */
      jitter?: number;
    }
  | {
      type: "exponential";
      /** Milliseconds after the first attempt; doubles with each. */
      delay: number;
      /** Milliseconds, at most. @default 300000 */
      max?: number;
      /** @default 0 */
      jitter?: number;
    };

/** At most `max` deliveries in any `per` milliseconds. */
export interface Rate {
  max: number;
  per: number;
}

/** A payload is what JSON can hold, a text, or bytes, alone or anywhere in it. A consumer gets the same back; bytes as a Buffer. */
export interface Queue<Payload = any, Result = any> extends EventEmitter<QueueEvents> {
  readonly name: string;
  /** The queues of the same store. */
  readonly queues: Queues;

  /**
   * Sends a message. Resolves when it is stored, as durably as the store was opened for.
   * @throws {QueueError} (rejects) `QUEUE_FULL`, `QUEUE_DISK_FULL`, `QUEUE_MESSAGE_TOO_LARGE`, `QUEUE_PAYLOAD_INVALID`,
   *   `QUEUE_OPTION_INVALID`, `QUEUE_CLOSED`
   */
  send(payload: Payload, options?: SendOptions): Promise<Receipt>;

  /**
   * Sends messages in one commit. Resolves with what became of each, in order: a message that was refused does not stop the others.
   */
  sendBatch(messages: Iterable<{ payload: Payload } & SendOptions>): Promise<(Receipt | Refusal)[]>;

  /**
   * Sends a message and waits for what its consumer returns.
   * @throws {RequestError} (rejects) `QUEUE_REQUEST_TIMEOUT`; `QUEUE_REQUEST_FAILED` when the last attempt has failed
   */
  request(payload: Payload, options?: RequestOptions): Promise<Result>;

  /**
   * Processes messages. One that resolves is acknowledged, one that rejects is tried again later, or dead after the last attempt.
   * @throws {QueueError} `QUEUE_OPTION_INVALID`, `QUEUE_CLOSED`; what `error` told, when the store has failed
   */
  consume(handler: Handler<Payload, Result>, options?: WorkerOptions & { batch?: undefined }): Worker<Payload>;
  /** The same for batches: one call for up to `batch.size` messages. Those not settled one by one share the outcome of the call. */
  consume(handler: BatchHandler<Payload>, options: WorkerOptions & { batch: Batch }): Worker<Payload>;

  /**
   * Gives the messages to connected sockets: each to exactly one of those that the operator names, as an event with an acknowledgement.
   * `docs/guide/dispatch.md` tells more.
   * @param operator a namespace or a broadcast operator: `io`, `io.of("/workers")`, `io.in("gpu").except("busy")`. Sockets of this process.
   * @throws {QueueError} `QUEUE_OPTION_INVALID`, `QUEUE_CLOSED`; what `error` told, when the store has failed
   */
  dispatch(operator: SocketOperator, options: DispatchOptions): Dispatcher<Payload>;

  /** No deliveries until {@link resume}, also after a restart. What is held stays held. */
  pause(): Promise<void>;
  resume(): Promise<void>;

  /** Resolves when the queue has no message left, delayed ones included. Stops nothing: end the producers first. */
  drain(): Promise<void>;

  /** Removes all messages that are not held. Resolves with their number. */
  purge(): Promise<number>;

  /** The messages that would be delivered next, without delivering them. @param limit 1 to 1000; default 10 */
  peek(limit?: number): Promise<MessageInfo<Payload>[]>;

  /** Messages page by page. Who asks with `next` until there is none sees each message that stays in that state exactly once. */
  list(options?: ListOptions): Promise<{ messages: MessageInfo<Payload>[]; next?: string }>;

  /** A message, or `undefined` when it is not in this queue (any more). */
  get(id: string): Promise<MessageInfo<Payload> | undefined>;

  /** Removes a message that is not held. Rejects with `QUEUE_MESSAGE_NOT_FOUND` or `QUEUE_MESSAGE_HELD`, as the next ones do. */
  remove(id: string): Promise<void>;

  /** Makes a delayed message ready. */
  promote(id: string): Promise<void>;

  /** Changes when a waiting message is due. @param when milliseconds from now, or a Date */
  reschedule(id: string, when: number | Date): Promise<void>;

  /** Moves a message to another queue, where it begins anew. */
  move(id: string, to: string | Queue<any, any>): Promise<void>;

  /** Moves all messages that are not held. Resolves with their number. */
  moveAll(to: string | Queue<any, any>, options?: LimitOptions): Promise<number>;

  /** Moves a dead letter back to the queue in which it died. */
  redrive(id: string): Promise<void>;

  /** Moves all dead letters back. Resolves with their number. */
  redriveAll(options?: LimitOptions): Promise<number>;

  /**
   * Sends a message again and again, also after a restart. One is left out while the one before is not processed; those of the time
   * in which no process ran are not made up for. Replaces the repetition of that name.
   */
  repeat(name: string, times: RepeatTimes, payload: Payload, options?: RepeatSendOptions): Promise<void>;

  /** Ends a repetition. Resolves with whether there was one. */
  cancelRepeat(name: string): Promise<boolean>;

  /** The repetitions, and what they have done. */
  repeats(): Promise<RepeatInfo<Payload>[]>;

  /** Counters, ages and latencies. */
  stats(): Promise<QueueStats>;

  /** How it behaves, as it is stored, defaults included. In the place of a `backoff` function is what stands in for it. */
  options(): Promise<QueueOptions<Payload>>;
}

export interface SendOptions {
  /** Texts that travel beside the payload. */
  headers?: Record<string, string>;
  /** Messages with one key are processed one at a time, in the order of sending. 1 to 1024 bytes. */
  key?: string;
  /** 0 to 255; higher is delivered earlier. Within a key, order goes first. @default 0 */
  priority?: number;
  /** Milliseconds until it may be delivered. */
  delay?: number;
  /** When it may be delivered: a Date, or milliseconds since 1970. */
  deliverAt?: Date | number;
  /** Milliseconds after which it expires, if it was not delivered before. @default the queue's */
  ttl?: number;
  /** A second message with this id within the queue's `dedupWindow` is not sent. 1 to 1024 bytes. */
  dedupId?: string;
}

export type RepeatSendOptions = Omit<SendOptions, "delay" | "deliverAt" | "dedupId">;

/** That a message is stored. */
export interface Receipt {
  /** 16 hexadecimal digits; those of later messages sort behind. */
  id: string;
  /** It was not sent, because the one with this id has the same `dedupId`. */
  duplicate: boolean;
}

/** Why one message of a batch was not stored. */
export interface Refusal {
  error: QueueError;
}

export interface RequestOptions extends SendOptions {
  /** Milliseconds. @default 30000 */
  timeout?: number;
  /** Then remove the message, unless it is held. @default true */
  cancel?: boolean;
  /** Called with what the consumer passes to `progress()`. */
  onProgress?: (data: any) => void;
}

export type Handler<Payload = any, Result = any> = (message: Message<Payload>, context: Context) => Result | PromiseLike<Result>;
export type BatchHandler<Payload = any> = (messages: Message<Payload>[], context: Context) => unknown;

/** What a handler gets beside its message. */
export interface Context {
  /** Aborted when the lease ends before the handler: `maxRunTime` has passed, or the worker was closed and did not wait longer. */
  readonly signal: AbortSignal;
  /** Tells the requester, and listeners of the queue's event `progress`, how far it is. Throws when the lease has ended. */
  readonly progress: (data: unknown) => void;
  /** Moves the end of `maxRunTime` to so many milliseconds from now, if that is later. Rejects when the lease has ended. */
  readonly extend: (millis: number) => Promise<void>;
}

/**
 * A message that a worker holds.
 *
 * It can be settled by the handler before it returns; what the handler returns or throws then has no effect. Each of the methods
 * resolves when that is durable, and rejects with `QUEUE_LEASE_ENDED`, without effect, when the message is not held any more.
 */
export interface Message<Payload = any> {
  readonly id: string;
  /** Bytes are a view of a larger buffer: copy what is kept for long. */
  readonly payload: Payload;
  readonly headers: Readonly<Record<string, string>>;
  readonly key: string | undefined;
  readonly priority: number;
  /** 1 for the first delivery. */
  readonly attempt: number;
  /** Larger than that of any earlier delivery of this message: a fencing token for other systems. */
  readonly token: number;
  /** Milliseconds since 1970. */
  readonly sentAt: number;
  /** When it was to be delivered, if it was delayed; milliseconds since 1970. */
  readonly deliverAt: number | undefined;
  /** Milliseconds since 1970. */
  readonly expiresAt: number | undefined;
  /** The queue in which it died, if this is a dead letter. */
  readonly origin: string | undefined;
  /** The repetition that sent it. */
  readonly schedule: string | undefined;
  /** It is processed. @param result for the requester, if there is one */
  ack(result?: unknown): Promise<void>;
  /** It failed. */
  nack(error: unknown, options?: NackOptions): Promise<void>;
  /** It was not processed: it is delivered again first, and the attempt does not count. */
  release(): Promise<void>;
}

export interface NackOptions {
  /** Milliseconds until the next attempt, in place of the queue's backoff. */
  delay?: number;
  /** No more attempts. @default false */
  dead?: boolean;
}

export interface WorkerOptions {
  /** Most handlers that run at once, 1 to 100000. With `batch`, most batches. @default 1 */
  concurrency?: number;
  /**
   * Messages (or batches) held beside those that are processed, so that a handler finds the next one there. For handlers that take
   * less than a millisecond; other workers do not get what is prefetched. Not with `maxRunTime`.
   * @default 0
   */
  prefetch?: number;
  /**
   * A lease is kept by the engine's own thread as long as this process lives: a blocked event loop loses none. Milliseconds that
   * leases outlive a worker that is lost without being closed.
   * @default 30000
   */
  visibilityTimeout?: number;
  /** Milliseconds after which a handler counts as failed, whatever it does; see {@link Context.signal}. @default no limit */
  maxRunTime?: number;
  /** Process messages in batches. @default one by one */
  batch?: Batch | undefined;
  /** Closes the worker when it is aborted. */
  signal?: AbortSignal;
}

/** A batch is delivered with `size` messages, or with fewer when the first has waited `wait` milliseconds. One message of a key at most. */
export interface Batch {
  /** 1 to 10000. */
  size: number;
  /** @default 0: what is there */
  wait?: number;
}

/** Consumes a queue. Keeps the process alive until it is closed, unless it is `unref()`ed. */
export interface Worker<Payload = any> extends EventEmitter<WorkerEvents<Payload>> {
  readonly queue: Queue<Payload, any>;
  /** Handlers that run. */
  readonly running: number;
  /** Takes no more messages, waits until the handlers that run are done and their acknowledgements durable, and gives back the rest. */
  close(options?: CloseOptions): Promise<void>;
  ref(): this;
  unref(): this;
}

export interface WorkerEvents<Payload = any> {
  /** A lease ended before its handler did. */
  "lease-ended": [message: Message<Payload>, error: LeaseEndedError];
  /** The worker could not be registered, or a `backoff` function threw. Without a listener it is a process warning. */
  error: [error: Error];
  closed: [];
}

/** Whose sockets are meant. */
export type SocketOperator = Server<any, any, any, any> | Namespace<any, any, any, any> | BroadcastOperator<any, any>;

export interface DispatchOptions {
  /** The event that is emitted, with the payload, a {@link JobMeta} and the function that takes the client's {@link JobAnswer}. */
  event: string;
  /**
   * Milliseconds that a socket has for its answer. Then the attempt has failed, and the message goes to another socket at once. The slow
   * one keeps a place taken until it answers after all (which has no effect), or for as long again.
   * @default 30000
   */
  timeout?: number;
  /** Most unanswered messages of a socket, 1 to 10000. @default 1 */
  prefetch?: number;
  /**
   * Who gets the next message: the socket with the fewest unanswered ones; one after the other; or, `"sticky"`, the socket that had the
   * messages with the same key before, as long as it is there (others: least-loaded). 100,000 keys are remembered.
   * @default "least-loaded"
   */
  strategy?: "least-loaded" | "round-robin" | "sticky";
  /**
   * How often a message may lose its socket by a disconnect without having used up an attempt, 0 to 65535. Beyond, each counts as a
   * failed attempt, with the queue's backoff: it may be the message that ends its workers.
   * @default 5
   */
  maxDisconnects?: number;
  /** Most bytes of a result, as JSON. An answer with a larger one counts as a failed attempt. @default 1048576 (1 MiB) */
  maxResultBytes?: number;
}

/** What a client gets beside the payload. */
export interface JobMeta {
  id: string;
  /** 1 for the first. */
  attempt: number;
  headers: Record<string, string>;
  /** If the message has one. */
  key?: string;
}

/**
 * What a client answers: nothing, or `{ ok: true, result }`: it is done. `{ error }`, or `{ ok: false }`: it is tried again with the queue's
 * backoff. Anything else is the result itself.
 */
export type JobAnswer<Result = any> = { ok: true; result?: Result } | { ok: false } | { error: unknown } | Result | undefined | null;

/** Gives the messages of a queue to sockets. Keeps the process alive until it is closed, unless it is `unref()`ed. */
export interface Dispatcher<Payload = any> extends EventEmitter<DispatcherEvents> {
  readonly queue: Queue<Payload, any>;
  readonly paused: boolean;
  stats(): DispatcherStats;
  /** Takes no more messages. What sockets have goes on. */
  pause(): this;
  resume(): this;
  /** Takes no more messages, waits for the answers to those that sockets have, and gives back the rest; their attempt does not count. */
  close(options?: CloseOptions): Promise<void>;
  ref(): this;
  unref(): this;
}

export interface DispatcherEvents {
  /** A socket gets messages from now on. */
  join: [socket: Socket<any, any, any, any>];
  /** A socket gets no more: it has left the rooms, or is disconnected. */
  leave: [socket: Socket<any, any, any, any>];
  /** A message went on to another socket. `millis`: from the loss to now, the wait for a socket with room included. */
  "hand-over": [event: HandOver];
  /** An answer came after `timeout`, and had no effect. */
  "late-answer": [event: { id: string; socket: Socket<any, any, any, any> }];
  /** It could not be registered, or a function of the app threw. Without a listener it is a process warning. */
  error: [error: Error];
  closed: [];
}

export interface HandOver {
  id: string;
  from: Socket<any, any, any, any>;
  to: Socket<any, any, any, any>;
  reason: "disconnect" | "timeout";
  millis: number;
}

export interface DispatcherStats {
  /** Sockets that get messages. */
  sockets: number;
  /** Messages that they may have at once, less the places of those that did not answer in time. */
  slots: number;
  /** Messages that wait for an answer. */
  inFlight: number;
  /** `"sticky"`: messages that wait for their own socket. */
  waiting: number;
  /** Counter: messages emitted. */
  dispatched: number;
  /** Counter: answers that settled their message. */
  completed: number;
  /** Counter: answers that were errors. */
  failed: number;
  /** Counter: messages that went on to another socket. */
  handedOver: number;
  /** Counter: messages whose socket was disconnected. */
  disconnected: number;
  /** Counter: messages that were not answered in time. */
  timedOut: number;
  /** Counter: answers without effect. */
  lateAnswers: number;
}

/** What the clients of a namespace may send. Nobody may unless this says so. */
export interface AcceptOptions {
  /** The event that clients emit. @default "enqueue" */
  event?: string;
  /** The names of the queues. */
  queues: string[];
  /** Decides about each message; nothing but `true` lets it through. What it throws is a process warning, and a refusal. */
  authorize(socket: Socket<any, any, any, any>, queue: string, payload: any): boolean | PromiseLike<boolean>;
  /** Most messages of a socket in a span of time, refused ones included. @default { max: 100, per: 1000 } */
  rateLimit?: Rate;
  /** Most messages of a socket that are not answered yet. @default 100 */
  maxInFlight?: number;
  /** Most bytes of a payload, as JSON. @default 65536 (64 KiB) */
  maxBytes?: number;
  /** Which options of a message clients may give, as an object behind the payload. @default none */
  allow?: ("key" | "dedupId")[];
}

/**
 * What a client is answered: that its message is stored, or why it is not: one of these codes, or that of a {@link QueueError} such as
 * `QUEUE_FULL`.
 */
export type AcceptAnswer = { ok: true; id: string; duplicate: boolean } | { ok: false; code: AcceptCode | QueueErrorCode; message: string };

export type AcceptCode =
  | "ACCEPT_INVALID"
  | "ACCEPT_QUEUE_UNKNOWN"
  | "ACCEPT_OPTION_NOT_ALLOWED"
  | "ACCEPT_RATE_LIMITED"
  | "ACCEPT_TOO_MANY_IN_FLIGHT"
  | "ACCEPT_TOO_LARGE"
  | "ACCEPT_NOT_AUTHORIZED"
  | "ACCEPT_FAILED";

export interface Acceptor {
  /** `accepted` and `refused` are counters. */
  stats(): { sockets: number; accepted: number; refused: number };
  /** Nothing is accepted any more. */
  close(): void;
}

/** What happens in a queue, whichever worker does it. Only what somebody listens to is reported. */
export interface QueueEvents {
  sent: [event: { id: string }];
  delivered: [event: { id: string; attempt: number }];
  completed: [event: { id: string; result: any }];
  /** An attempt failed; the next is in `delay` milliseconds. */
  retried: [event: { id: string; attempt: number; error: string; delay: number }];
  /** There are no more attempts. `deadLetter`: the queue in which it is now; without, it was removed. */
  dead: [event: { id: string; attempt: number; error: string; deadLetter: string | undefined }];
  expired: [event: { id: string }];
  /** It made room for a newer one. */
  dropped: [event: { id: string }];
  "lease-ended": [event: { id: string; reason: "expired" | "maxRunTime" }];
  progress: [event: { id: string; progress: any }];
  removed: [event: { id: string }];
  /** Its record on the disk could not be read, and was set aside in a file. */
  quarantined: [event: { id: string }];
  paused: [event: {}];
  resumed: [event: {}];
  /** The queue became empty. */
  drained: [event: {}];
}

export type MessageState =
  /** Waits for a worker. */
  | "ready"
  /** Waits for an earlier message with the same key. */
  | "blocked"
  /** Waits for its time. */
  | "delayed"
  /** A worker holds it. */
  | "active";

/** A message as it is stored. Times are milliseconds since 1970. */
export interface MessageInfo<Payload = any> {
  id: string;
  payload: Payload;
  headers: Record<string, string>;
  key?: string;
  priority: number;
  state: MessageState;
  /** How often it was delivered. */
  attempts: number;
  /** The errors of failed attempts: the first and the latest 15. */
  history: { attempt: number; failedAt: number; error: string }[];
  sentAt: number;
  /** When it is due, while it is delayed: also by `reschedule()`, or by the backoff of an attempt that failed. Otherwise when it was sent for. */
  deliverAt?: number;
  expiresAt?: number;
  /** The queue in which it died, if this is a dead letter. */
  origin?: string;
  /** The repetition that sent it. */
  schedule?: string;
}

export interface ListOptions {
  /** @default any */
  state?: MessageState;
  /** The `next` of the page before. */
  cursor?: string;
  /** 1 to 1000. A page may have fewer messages, even none, and still have a `next`. @default 100 */
  limit?: number;
}

export interface LimitOptions {
  /** At most so many. @default all */
  limit?: number;
}

/** When a message is sent again and again. */
export type RepeatTimes = (
  | {
      /** Milliseconds; first when they have passed. */
      every: number;
      cron?: undefined;
      tz?: undefined;
    }
  | {
      /** Five fields such as `0 9 * * MON-FRI`, or six with seconds. */
      cron: string;
      /** A time zone such as `Europe/Berlin`. @default "UTC" */
      tz?: string;
      every?: undefined;
    }
) & {
  /** Ends after so many messages. */
  limit?: number;
  /** Ends then: a Date, or milliseconds since 1970. */
  until?: Date | number;
};

export interface RepeatInfo<Payload = any> {
  name: string;
  payload: Payload;
  headers: Record<string, string>;
  key?: string;
  priority: number;
  every?: number;
  cron?: string;
  tz?: string;
  limit?: number;
  until?: number;
  /** The next time, in milliseconds since 1970; left out when there is none. */
  next?: number;
  /** Messages sent. */
  sent: number;
  /** Left out because the one before was not processed. */
  skipped: number;
}

/** A queue in numbers. Counters start with the process. */
export interface QueueStats {
  ready: number;
  blocked: number;
  delayed: number;
  active: number;
  /** Bytes of all of them. */
  bytes: number;
  /** Sends that wait for room. */
  waitingSends: number;
  /** Keys that have messages. */
  keys: number;
  workers: number;
  paused: boolean;
  /** Milliseconds since the sending of the message that is next in line; `null` when none is. */
  oldestReady: number | null;
  /** Counter: messages stored. */
  sent: number;
  /** Counter: sends left out by `dedupId`. */
  duplicates: number;
  /** Counter: deliveries. */
  delivered: number;
  /** Counter: acknowledgements. */
  completed: number;
  /** Counter: failed attempts, those whose lease ended included. */
  failed: number;
  /** Counter: attempts that were tried again. */
  retried: number;
  /** Counter: messages that died. */
  dead: number;
  /** Counter: messages that expired. */
  expired: number;
  /** Counter: messages that made room. */
  dropped: number;
  /** Counter: sends refused because the queue was full. */
  rejected: number;
  /** Counter: leases that ended without having been settled. */
  leasesEnded: number;
  /** Counter: messages set aside because their record could not be read. */
  quarantined: number;
  /** Milliseconds from when a message was due to its first delivery. */
  waitTime: Histogram;
  /** Milliseconds from delivery to acknowledgement. */
  runTime: Histogram;
}

/** A store in numbers. Counters start with the process. */
export interface StoreStats {
  /** Bytes that it occupies, of the disk or of memory. */
  bytes: number;
  /** Bytes of records that are still needed. */
  liveBytes: number;
  /** Files of the log; with `memory`, records. */
  segments: number;
  /** Counter: bytes appended, moved ones included. */
  appendedBytes: number;
  /** Counter: bytes moved by compaction. */
  movedBytes: number;
  /** Counter: commits. */
  commits: number;
  /** Counter: syncs to the disk. */
  syncs: number;
  /** Microseconds that they took. */
  syncTime: Histogram;
  /** Counter: records set aside because they were damaged. */
  quarantined: number;
  /** The disk has no room for messages. */
  full: boolean;
}

/** Values in buckets of powers of two: bucket 0 has zeros, bucket n those from 2^(n-1) to 2^n - 1. Percentiles are upper ends of buckets. */
export interface Histogram {
  count: number;
  sum: number;
  p50: number | null;
  p90: number | null;
  p99: number | null;
  buckets: number[];
}

/** What opening a store found. */
export interface RecoveryReport {
  messages: number;
  queues: number;
  /** Records read after the last checkpoint. */
  replayed: number;
  /** Bytes at the end of the log that no commit had covered; they were cut. */
  tornBytes: number;
  /** Damaged records, which were set aside in files. */
  quarantined: number;
  millis: number;
}

/** The stable `code` of a {@link QueueError}. */
export type QueueErrorCode =
  | "QUEUE_CLOSED"
  | "QUEUE_CORRUPT"
  | "QUEUE_DISK_FULL"
  | "QUEUE_FORMAT_NEWER"
  | "QUEUE_FULL"
  | "QUEUE_INTERNAL"
  | "QUEUE_LEASE_ENDED"
  | "QUEUE_LOCKED"
  | "QUEUE_MESSAGE_CORRUPT"
  | "QUEUE_MESSAGE_HELD"
  | "QUEUE_MESSAGE_NOT_FOUND"
  | "QUEUE_MESSAGE_TOO_LARGE"
  | "QUEUE_NAME_INVALID"
  | "QUEUE_NOT_FOUND"
  | "QUEUE_OPTION_INVALID"
  | "QUEUE_PAYLOAD_INVALID"
  | "QUEUE_REDIS_AUTH"
  | "QUEUE_REDIS_CONFIG"
  | "QUEUE_REDIS_CONFIG_UNKNOWN"
  | "QUEUE_REDIS_EVICTS"
  | "QUEUE_REDIS_FULL"
  | "QUEUE_REDIS_NOT_DURABLE"
  | "QUEUE_REDIS_OLD"
  | "QUEUE_REDIS_REFUSED"
  | "QUEUE_REDIS_REPLICA"
  | "QUEUE_REDIS_SENTINEL"
  | "QUEUE_REDIS_UNREACHABLE"
  | "QUEUE_REQUEST_FAILED"
  | "QUEUE_REQUEST_TIMEOUT"
  | "QUEUE_STORE_FAILED"
  | "QUEUE_TOO_MANY"
  | "QUEUE_UNSUPPORTED"
  | "QUEUE_WORKER_NOT_FOUND";

/** What goes wrong with queues. Test `code`: `instanceof` fails across realms. */
export class QueueError extends NativeAdapterError {
  readonly code: QueueErrorCode;
}

/** The queue is full (`QUEUE_FULL`), or the disk is (`QUEUE_DISK_FULL`), or the memory of Redis (`QUEUE_REDIS_FULL`). */
export class QueueFullError extends QueueError {}

/** The message is not held any more, so nothing was done (`QUEUE_LEASE_ENDED`). */
export class LeaseEndedError extends QueueError {}

/** A request was not answered in time (`QUEUE_REQUEST_TIMEOUT`), or its message failed for good (`QUEUE_REQUEST_FAILED`). */
export class RequestError extends QueueError {}
