//! Answers of commands that only look.

use bytes::Bytes;
use rustc_hash::FxHashMap;
use socketio_queue::{Histogram, MessageInfo, QueueStats, ScheduleInfo};

use crate::{record, schedules};

/// Messages, five parts each. One that cannot be read is left out: it is set aside when it is to be delivered.
pub(crate) fn messages(parts: &[Bytes]) -> Vec<MessageInfo> {
    let five = |part: &[Bytes]| record::info(part.to_vec().try_into().ok()?);
    parts.chunks_exact(5).filter_map(five).collect()
}

pub(crate) fn schedules(parts: &[Bytes]) -> Vec<ScheduleInfo> {
    let four = |part: &[Bytes]| schedules::info(part.to_vec().try_into().ok()?);
    parts.chunks_exact(4).filter_map(four).collect()
}

/// As `ops.stats` in `script/look.lua` tells it.
pub(crate) fn stats(parts: &[Bytes]) -> QueueStats {
    let number = |part: Option<&Bytes>| {
        let text = std::str::from_utf8(part?).ok()?;
        text.parse::<f64>().ok().map(crate::frames::whole)
    };
    let at = |index: usize| number(parts.get(index)).unwrap_or(0);
    let mut counters = FxHashMap::default();
    for pair in parts.get(10..).unwrap_or_default().chunks_exact(2) {
        if let [name, value] = pair {
            counters.insert(name.clone(), number(Some(value)).unwrap_or(0));
        }
    }
    let count = |name: &str| counters.get(name.as_bytes()).copied().unwrap_or(0);
    let histogram = |name: &str| {
        let mut histogram = Histogram { sum: count(&format!("{name}Sum")), ..Histogram::default() };
        for (index, bucket) in histogram.buckets.iter_mut().enumerate() {
            *bucket = count(&format!("{name}{index}"));
        }
        histogram
    };
    let (ready, delayed, active, all) = (at(0), at(1), at(2), at(3));
    QueueStats {
        ready,
        blocked: all.saturating_sub(ready + delayed + active),
        delayed,
        active,
        bytes: at(4),
        waiting_sends: at(5),
        keys: at(6),
        workers: at(7),
        paused: at(8) == 1,
        oldest_ready: number(parts.get(9)),
        sent: count("sent"),
        duplicates: count("duplicates"),
        delivered: count("delivered"),
        completed: count("completed"),
        failed: count("failed"),
        retried: count("retried"),
        dead: count("dead"),
        expired: count("expired"),
        dropped: count("dropped"),
        rejected: count("rejected"),
        leases_ended: count("leasesEnded"),
        quarantined: count("quarantined"),
        wait_time: histogram("wait"),
        run_time: histogram("run"),
    }
}
