// @ts-check
'use strict'

/**
 * Each metric: its name by the conventions of Prometheus, and where its value comes from.
 *
 * @typedef {object} Family
 * @property {string} name without the prefix; counters end in `_total`
 * @property {'counter' | 'gauge' | 'histogram'} type
 * @property {string} help
 * @property {(reading: any) => unknown} value a number (or a boolean), numbers by label, or a histogram of the engine
 * @property {string} [label] of numbers by label
 * @property {number} [unit] seconds of one unit of the engine's histogram
 */

const MILLISECOND = 0.001
const MICROSECOND = 0.000_001

/** @type {(name: string, help: string, value: (reading: any) => unknown, label?: string) => Family} */
const gauge = (name, help, value, label) => ({ name, type: 'gauge', help, value, label })

/** @type {(name: string, help: string, value: (reading: any) => unknown) => Family} */
const counter = (name, help, value) => ({ name: `${name}_total`, type: 'counter', help, value })

/** @type {(name: string, help: string, unit: number, value: (reading: any) => unknown) => Family} */
const histogram = (name, help, unit, value) => ({ name: `${name}_seconds`, type: 'histogram', help, unit, value })

/** Of `stats(io)`. */
const ADAPTER = [
  gauge('sockets', 'Sockets of all namespaces.', (of) => of.sockets),
  gauge('rooms', "Rooms of all namespaces, each socket's own included.", (of) => of.rooms),
  gauge('writer_threads', 'Threads that write to connections.', (of) => of.writers),
  gauge('lanes', 'Connections whose frames the writer threads write.', (of) => of.lanes),
  gauge('compat_connections', 'Connections on the compat path, by reason.', (of) => of.compatReasons, 'reason'),
  gauge('observed_lanes', 'Lanes whose broadcasts pass through JavaScript.', (of) => of.observed),
  gauge('parked_lanes', 'Lanes whose client does not keep up.', (of) => of.parkedLanes),
  gauge('buffered_bytes', 'Bytes that wait in parked lanes.', (of) => of.bufferedBytes),
  counter('frames', 'WebSocket frames that the kernel took from writer threads.', (of) => of.frames),
  counter('sent_bytes', 'Bytes that the kernel took from writer threads.', (of) => of.bytes),
  counter('system_calls', 'System calls that wrote them.', (of) => of.systemCalls),
  counter('batched_frames', 'Frames that left many to a system call.', (of) => of.batched),
  counter('dropped_packets', 'Packets dropped: volatile ones, and those past maxBufferedBytes.', (of) => of.dropped),
  counter('conflated_packets', 'Packets that took the place of an older one.', (of) => of.conflated),
  counter('slow_disconnects', 'Connections closed for passing maxBufferedBytes.', (of) => of.slowDisconnects),
  counter('descriptor_failures', 'Lanes that found no file descriptor.', (of) => of.descriptorFailures),
]

/** Of `stats(io).cluster`. */
const CLUSTER = [
  gauge('cluster_connected', '1 while connected to Redis and subscribed.', (of) => of.connected),
  counter('cluster_reconnects', 'Connections that were made again.', (of) => of.reconnects),
  gauge('cluster_lag_seconds', 'Time of a sign of life to come back through Redis.', (of) => of.lag * MILLISECOND),
  gauge('cluster_stream_lag_seconds', 'How far the end of a stream is ahead of what was read.', (of) => of.streamLag * MILLISECOND),
  counter('cluster_published_messages', 'Messages that Redis has confirmed.', (of) => of.published),
  counter('cluster_published_bytes', 'Bytes of these.', (of) => of.publishedBytes),
  counter('cluster_unconfirmed_messages', 'Messages on their way when a connection was lost.', (of) => of.unconfirmed),
  counter('cluster_rewritten_messages', 'Entries of a stream that were written again, as they had not arrived.', (of) => of.rewritten),
  gauge('cluster_outbox_messages', 'Messages that wait for Redis.', (of) => of.outbox),
  gauge('cluster_outbox_bytes', 'Bytes of these.', (of) => of.outboxBytes),
  counter('cluster_outbox_dropped_messages', 'Messages dropped because the outbox was full.', (of) => of.outboxDropped),
  counter('cluster_received_messages', 'Messages that came.', (of) => of.received),
  counter('cluster_received_bytes', 'Bytes of these.', (of) => of.receivedBytes),
  counter('cluster_skipped_messages', 'Messages for rooms that are not here, and own ones.', (of) => of.skipped),
  counter('cluster_native_messages', 'Broadcasts of others that the event loop had no part in.', (of) => of.native),
  counter('cluster_woken_messages', 'Messages that the event loop was woken for.', (of) => of.woken),
  counter('cluster_malformed_messages', 'Messages that could not be read.', (of) => of.malformed),
  counter('cluster_inbound_dropped_messages', 'Messages dropped because the event loop did not take them.', (of) => of.inboundDropped),
  counter('cluster_trimmed_messages', 'Entries of a stream that were trimmed before they were read.', (of) => of.trimmed),
  counter('cluster_requests', 'Requests to other servers.', (of) => of.requests),
  gauge('cluster_pending_requests', 'Those that wait for answers.', (of) => of.requestsPending),
  counter('cluster_incomplete_requests', 'Those that not all servers answered.', (of) => of.requestsIncomplete),
  counter('cluster_served_requests', 'Requests of other servers that were done here.', (of) => of.requestsServed),
]

/** @param {any} stats */
const states = ({ ready, blocked, delayed, active }) => ({ ready, blocked, delayed, active })

/** Of `queue.stats()`; each with the label `queue`. */
const QUEUE = [
  gauge('queue_messages', 'Messages in a queue, by state.', states, 'state'),
  gauge('queue_bytes', 'Bytes of the messages in a queue.', (of) => of.bytes),
  gauge('queue_keys', 'Keys that have messages.', (of) => of.keys),
  gauge('queue_workers', 'Workers of this process.', (of) => of.workers),
  gauge('queue_waiting_sends', 'Sends that wait for room.', (of) => of.waitingSends),
  gauge('queue_paused', '1 while a queue is paused.', (of) => of.paused),
  gauge('queue_oldest_ready_seconds', 'Age of the message that is next in line; 0 when none is.', (of) => (of.oldestReady ?? 0) / 1000),
  counter('queue_sent', 'Messages stored.', (of) => of.sent),
  counter('queue_duplicates', 'Sends left out by their dedupId.', (of) => of.duplicates),
  counter('queue_delivered', 'Deliveries.', (of) => of.delivered),
  counter('queue_completed', 'Acknowledgements.', (of) => of.completed),
  counter('queue_failed', 'Failed attempts.', (of) => of.failed),
  counter('queue_retried', 'Attempts that were tried again.', (of) => of.retried),
  counter('queue_dead', 'Messages that died.', (of) => of.dead),
  counter('queue_expired', 'Messages that expired.', (of) => of.expired),
  counter('queue_dropped', 'Messages that made room for newer ones.', (of) => of.dropped),
  counter('queue_rejected', 'Sends refused because the queue was full.', (of) => of.rejected),
  counter('queue_leases_ended', 'Leases that ended without having been settled.', (of) => of.leasesEnded),
  counter('queue_quarantined', 'Messages whose record could not be read.', (of) => of.quarantined),
  histogram('queue_wait', 'From when a message was due to its first delivery.', MILLISECOND, (of) => of.waitTime),
  histogram('queue_run', 'From delivery to acknowledgement.', MILLISECOND, (of) => of.runTime),
]

/** Of `queues.stats()`. */
const STORE = [
  gauge('queues', 'Queues in the store.', (of) => of.queues),
  gauge('queues_left_out', 'Queues without metrics of their own, because of maxQueues.', (of) => of.leftOut),
  gauge('store_bytes', 'Bytes that the store occupies.', (of) => of.bytes),
  gauge('store_live_bytes', 'Bytes of records that are still needed.', (of) => of.liveBytes),
  gauge('store_segments', 'Files of the log.', (of) => of.segments),
  gauge('store_full', '1 while the disk has no room for messages.', (of) => of.full),
  counter('store_appended_bytes', 'Bytes appended to the log.', (of) => of.appendedBytes),
  counter('store_moved_bytes', 'Bytes moved by compaction.', (of) => of.movedBytes),
  counter('store_commits', 'Commits.', (of) => of.commits),
  counter('store_quarantined_records', 'Records set aside because they were damaged.', (of) => of.quarantined),
  histogram('store_sync', 'Time of a sync to the disk.', MICROSECOND, (of) => of.syncTime),
]

module.exports = { ADAPTER, CLUSTER, QUEUE, STORE }
