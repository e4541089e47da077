//! Schedules: what Redis keeps of them, and when they are next.

use std::time::Instant;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use socketio_queue::{Clockwork, Due, MessageId, NewMessage, Schedule, ScheduleInfo, Times};

use crate::core::Core;
use crate::op::{Arg, Then};
use crate::record;

/// What is later than this fell into a time in which nobody ran, and is left out.
const LATE: u64 = 5_000;

/// As JSON; numbers are texts, since those of Lua have 14 digits.
pub(crate) fn settings(schedule: &Schedule) -> String {
    let times = match &schedule.times {
        Times::Every(millis) => format!("every {millis}"),
        Times::Cron { expression, zone } => format!("cron {expression}|{}", zone.as_deref().unwrap_or_default()),
    };
    let mut all = json!({ "times": times, "sent": 0, "skipped": 0 });
    if let (Some(limit), Some(all)) = (schedule.limit, all.as_object_mut()) {
        all.insert("limit".into(), limit.to_string().into());
    }
    if let (Some(until), Some(all)) = (schedule.until, all.as_object_mut()) {
        all.insert("until".into(), until.to_string().into());
    }
    all.to_string()
}

fn times(settings: &Map<String, Value>) -> Option<Times> {
    let text = settings.get("times")?.as_str()?;
    if let Some(every) = text.strip_prefix("every ") {
        return every.parse().ok().map(Times::Every);
    }
    let (expression, zone) = text.strip_prefix("cron ")?.rsplit_once('|')?;
    Some(Times::Cron { expression: expression.into(), zone: (!zone.is_empty()).then(|| zone.into()) })
}

/// A schedule as `script/look.lua` tells of it.
pub(crate) fn info(parts: [Bytes; 4]) -> Option<ScheduleInfo> {
    let [name, next, settings, template] = parts;
    let settings: Map<String, Value> = serde_json::from_slice(&settings).ok()?;
    let number = |name: &str| settings.get(name).and_then(|value| value.as_str()?.parse().ok());
    let count = |name: &str| settings.get(name).and_then(Value::as_u64).unwrap_or(0);
    Some(ScheduleInfo {
        name: String::from_utf8_lossy(&name).into(),
        schedule: Schedule {
            times: times(&settings)?,
            message: message(&template)?,
            limit: number("limit"),
            until: number("until"),
        },
        next: std::str::from_utf8(&next).ok().and_then(|next| next.parse::<f64>().ok()).map(crate::frames::whole),
        sent: count("sent"),
        skipped: count("skipped"),
    })
}

/// The message of a template: its ttl, and a record from the priority on.
fn message(template: &Bytes) -> Option<NewMessage> {
    let space = template.iter().position(|byte| *byte == b' ')?;
    let ttl: u64 = std::str::from_utf8(template.get(..space)?).ok()?.parse().ok()?;
    let record = [b"1 0 0 ", template.get(space + 1..)?].concat();
    let read = record::read(MessageId(0), record.into())?;
    Some(NewMessage {
        payload: Bytes::copy_from_slice(read.payload()),
        headers: Bytes::copy_from_slice(read.headers()),
        content: read.content,
        priority: read.priority,
        due: Due::Now,
        ttl: (ttl > 0).then_some(ttl),
        key: read.key().map(Into::into),
        dedup_id: None,
    })
}

impl Core {
    /// Schedules that are due: queue, name, time, settings of each. Other instances may be about to send them too: one will.
    pub(crate) fn fire(&mut self, due: &[Bytes], now: Instant) {
        self.asked_schedules = false;
        let time = self.time(now);
        for one in due.chunks_exact(4) {
            let [queue, name, at, settings] = one else { continue };
            let Some(at) = std::str::from_utf8(at).ok().and_then(|at| at.parse::<f64>().ok()) else { continue };
            let at = crate::frames::whole(at);
            let settings: Option<Map<String, Value>> = serde_json::from_slice(settings).ok();
            let clockwork = settings.as_ref().and_then(times).and_then(|times| Clockwork::new(&times).ok());
            // One that nobody understands ends.
            let next = clockwork.and_then(|clockwork| clockwork.next(time.max(at), at));
            let args = vec![
                Arg::Word("fire"),
                Arg::Bytes(queue.clone()),
                Arg::Bytes(name.clone()),
                Arg::Number(at),
                next.map_or(Arg::Word(""), Arg::Number),
                Arg::Number((time.saturating_sub(at) <= LATE).into()),
            ];
            self.push(args, Then::Nothing, now);
        }
    }
}
