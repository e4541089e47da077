//! Answers of which there are few, as JSON. Payloads are not in it: they follow, one part each.

use serde_json::{Map, Value, json};
use socketio_queue::{
    Backoff, Error, EventKind, Histogram, Message, MessageInfo, Overflow, QueueOptions, QueueStats, Rate,
    RecoveryReport, ScheduleInfo, State, StoreStats, Times, Verified,
};

use super::effects::{Block, lease_end};

pub fn error(error: &Error) -> Value {
    json!({ "code": error.code(), "message": error.to_string() })
}

pub fn report(report: &RecoveryReport) -> Value {
    json!({
        "messages": report.messages,
        "queues": report.queues,
        "replayed": report.replayed,
        "tornBytes": report.torn_bytes,
        "quarantined": report.quarantined,
        "millis": report.millis,
    })
}

/// What most messages do not have; `None` if this one does not.
pub fn details(message: &Message) -> Option<Value> {
    let times = message.deliver_at.is_some() || message.expires_at.is_some();
    if !times && message.origin.is_none() && message.schedule.is_none() {
        return None;
    }
    Some(json!({
        "deliverAt": message.deliver_at,
        "expiresAt": message.expires_at,
        "origin": message.origin,
        "schedule": message.schedule,
    }))
}

pub fn page(messages: &[MessageInfo], next: Option<u64>) -> Value {
    let messages: Vec<Value> = messages.iter().map(info).collect();
    json!({ "items": messages, "next": next.map(|next| next.to_string()) })
}

fn info(info: &MessageInfo) -> Value {
    let message = &info.message;
    let history: Vec<Value> = info
        .history
        .iter()
        .map(|attempt| json!({ "attempt": attempt.number, "failedAt": attempt.failed_at, "error": attempt.error }))
        .collect();
    let state = match info.state {
        State::Ready => "ready",
        State::Blocked => "blocked",
        State::Delayed => "delayed",
        State::Active => "active",
    };
    json!({
        "id": message.id.to_string(),
        "sentAt": message.id.millis(),
        "state": state,
        "attempts": info.attempts,
        "history": history,
        "content": message.content,
        "priority": message.priority,
        "key": message.key(),
        "headers": text(message.headers()),
        "deliverAt": message.deliver_at,
        "expiresAt": message.expires_at,
        "origin": message.origin,
        "schedule": message.schedule,
    })
}

pub fn schedules(schedules: &[ScheduleInfo]) -> Value {
    let schedules: Vec<Value> = schedules.iter().map(schedule).collect();
    json!({ "items": schedules, "next": null })
}

fn schedule(info: &ScheduleInfo) -> Value {
    let (every, cron, zone) = match &info.schedule.times {
        Times::Every(millis) => (Some(millis), None, None),
        Times::Cron { expression, zone } => (None, Some(expression), zone.as_ref()),
    };
    let message = &info.schedule.message;
    json!({
        "name": info.name,
        "every": every,
        "cron": cron,
        "tz": zone,
        "limit": info.schedule.limit,
        "until": info.schedule.until,
        "next": info.next,
        "sent": info.sent,
        "skipped": info.skipped,
        "content": message.content,
        "priority": message.priority,
        "key": message.key,
        "headers": text(&message.headers),
    })
}

pub fn stats(stats: &QueueStats) -> Value {
    let counters = [
        ("ready", stats.ready),
        ("blocked", stats.blocked),
        ("delayed", stats.delayed),
        ("active", stats.active),
        ("bytes", stats.bytes),
        ("waitingSends", stats.waiting_sends),
        ("keys", stats.keys),
        ("workers", stats.workers),
        ("sent", stats.sent),
        ("duplicates", stats.duplicates),
        ("delivered", stats.delivered),
        ("completed", stats.completed),
        ("failed", stats.failed),
        ("retried", stats.retried),
        ("dead", stats.dead),
        ("expired", stats.expired),
        ("dropped", stats.dropped),
        ("rejected", stats.rejected),
        ("leasesEnded", stats.leases_ended),
        ("quarantined", stats.quarantined),
    ];
    let mut all: Map<String, Value> = counters.iter().map(|(name, count)| ((*name).into(), (*count).into())).collect();
    all.insert("paused".into(), stats.paused.into());
    all.insert("oldestReady".into(), stats.oldest_ready.into());
    all.insert("waitTime".into(), histogram(&stats.wait_time));
    all.insert("runTime".into(), histogram(&stats.run_time));
    all.into()
}

/// As `settings.rs` reads them.
pub fn options(options: &QueueOptions) -> Value {
    let rate = |rate: &Rate| json!({ "max": rate.max, "per": rate.per });
    json!({
        "maxAttempts": options.max_attempts,
        "backoff": match &options.backoff {
            Backoff::Fixed { delay, jitter } => json!({ "type": "fixed", "delay": delay, "jitter": jitter }),
            Backoff::Exponential { delay, max, jitter } => {
                json!({ "type": "exponential", "delay": delay, "max": max, "jitter": jitter })
            }
        },
        "deadLetter": options.dead_letter,
        "deadLetterExpired": options.dead_letter_expired,
        "ttl": options.ttl,
        "concurrency": options.concurrency,
        "keyConcurrency": options.key_concurrency,
        // Not an option of an app's queue: to declare one anew with it is refused, not done without it.
        "byInterest": options.by_interest.then_some(true),
        "keyMaxLength": options.key_max_length,
        "rate": options.rate.as_ref().map(rate),
        "keyRate": options.key_rate.as_ref().map(rate),
        "maxLength": options.max_length,
        "maxBytes": options.max_bytes,
        "overflow": match options.overflow {
            Overflow::Reject => "reject",
            Overflow::DropOldest => "dropOldest",
            Overflow::Wait => "wait",
        },
        "maxMessageBytes": options.max_message_bytes,
        "dedupWindow": options.dedup_window,
        "dedupMax": options.dedup_max,
    })
}

pub fn store(stats: &StoreStats) -> Value {
    json!({
        "bytes": stats.bytes,
        "liveBytes": stats.live_bytes,
        "segments": stats.segments,
        "appendedBytes": stats.appended_bytes,
        "movedBytes": stats.moved_bytes,
        "commits": stats.commits,
        "syncs": stats.sync_time.count(),
        "syncTime": histogram(&stats.sync_time),
        "quarantined": stats.quarantined,
        "full": stats.full,
    })
}

pub fn verified(verified: &Verified) -> Value {
    let file = |file: &socketio_queue::VerifiedFile| {
        let damaged = |(offset, bytes): &(u64, u64)| json!({ "offset": offset, "bytes": bytes });
        json!({
            "name": file.name,
            "bytes": file.bytes,
            "records": file.records,
            "damaged": file.damaged.iter().map(damaged).collect::<Vec<_>>(),
            "tornBytes": file.torn,
        })
    };
    json!({
        "files": verified.files.iter().map(file).collect::<Vec<_>>(),
        "bytes": verified.bytes,
        "records": verified.records,
    })
}

fn histogram(histogram: &Histogram) -> Value {
    json!({
        "count": histogram.count(),
        "sum": histogram.sum,
        "p50": histogram.quantile(0.5),
        "p90": histogram.quantile(0.9),
        "p99": histogram.quantile(0.99),
        "buckets": histogram.buckets,
    })
}

/// What belongs to an event beside its message.
pub fn event(kind: &EventKind, block: &mut Block) {
    match kind {
        EventKind::Delivered(attempt) => block.word((*attempt).into()),
        EventKind::Completed(data) | EventKind::Progress(data) => block.part(data),
        EventKind::LeaseEnded(reason) => block.word(lease_end(*reason)),
        EventKind::Retried { attempt, error, delay } => {
            block.word((*attempt).into());
            block.part(error.as_bytes());
            block.number(*delay);
        }
        EventKind::Dead { attempt, error, queue } => {
            block.word((*attempt).into());
            block.part(error.as_bytes());
            // A name is never empty.
            block.part(queue.as_deref().unwrap_or_default().as_bytes());
        }
        _ => {}
    }
}

/// JavaScript has written it as UTF-8; `None` when there is none.
fn text(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}
