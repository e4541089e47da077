//! Commands of which there are few, as JSON: what `lib/queues` hands to `control()` of its engine.

use napi::bindgen_prelude::{Error, Result, Status};
use serde::Deserialize;
use socketio_queue::{
    Command, Due, EventMask, MessageAction, MessageId, NewMessage, QueueAction, QueueRef, Schedule, State, Ticket,
    Times, WorkerId,
};

use super::settings::{self, Consuming};

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Control {
    Declare {
        queue: u32,
        name: Box<str>,
        options: Option<Box<settings::Options>>,
    },
    Consume {
        worker: u32,
        queue: u32,
        options: Consuming,
    },
    SetConcurrency {
        worker: u32,
        concurrency: u32,
    },
    CloseWorker {
        worker: u32,
    },
    Subscribe {
        queue: u32,
        events: u16,
    },
    Queues,
    Store,
    Flush,
    #[serde(untagged)]
    Message(OfMessage),
    #[serde(untagged)]
    Queue(OfQueue),
}

#[derive(Deserialize)]
struct OfQueue {
    queue: u32,
    #[serde(flatten)]
    action: Action,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "camelCase")]
enum Action {
    Pause,
    Resume,
    Drain,
    Purge,
    Peek { limit: u32 },
    List { state: Option<Place>, cursor: Box<str>, limit: u32 },
    MoveAll { to: u32, limit: Option<u64> },
    RedriveAll { limit: Option<u64> },
    Stats,
    Options,
    Unschedule { name: Box<str> },
    Schedules,
}

#[derive(Deserialize)]
struct OfMessage {
    queue: u32,
    id: Box<str>,
    #[serde(flatten)]
    action: One,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "camelCase")]
enum One {
    Get,
    Remove,
    Promote,
    Reschedule { at: Option<u64>, after: Option<u64> },
    Move { to: u32 },
    Redrive,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Place {
    Ready,
    Blocked,
    Delayed,
    Active,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repeat {
    name: Box<str>,
    every: Option<u64>,
    cron: Option<Box<str>>,
    tz: Option<Box<str>>,
    limit: Option<u64>,
    until: Option<u64>,
}

/// What the JSON tells to do.
pub fn read(ticket: Ticket, json: &[u8]) -> Result<Command> {
    Ok(match parse(json)? {
        Control::Declare { queue, name, options } => {
            let options = options.map(|options| Box::new((*options).into()));
            Command::Declare { ticket, queue: QueueRef(queue), name, options }
        }
        Control::Consume { worker, queue, options } => {
            Command::Consume { ticket, worker: WorkerId(worker), queue: QueueRef(queue), options: options.into() }
        }
        Control::SetConcurrency { worker, concurrency } => {
            Command::SetConcurrency { worker: WorkerId(worker), concurrency }
        }
        Control::CloseWorker { worker } => Command::CloseWorker { worker: WorkerId(worker), lost: false },
        Control::Subscribe { queue, events } => {
            Command::Subscribe { queue: QueueRef(queue), events: EventMask(events) }
        }
        Control::Queues => Command::Queues { ticket },
        Control::Store => Command::Store { ticket },
        Control::Flush => Command::Flush { ticket },
        Control::Queue(OfQueue { queue, action }) => {
            Command::Queue { ticket, queue: QueueRef(queue), action: of_queue(action)? }
        }
        Control::Message(OfMessage { queue, id, action }) => {
            let id: MessageId = id.parse().map_err(|error| wrong(&error))?;
            Command::Message { ticket, queue: QueueRef(queue), id, action: of_message(action) }
        }
    })
}

/// A schedule's name, and the schedule that sends `message`.
pub fn schedule(json: &[u8], message: NewMessage) -> Result<(Box<str>, Schedule)> {
    let repeat: Repeat = parse(json)?;
    let times = match (repeat.every, repeat.cron) {
        (Some(every), None) => Times::Every(every),
        (None, Some(expression)) => Times::Cron { expression, zone: repeat.tz },
        _ => return Err(wrong(&"expected either `every` or `cron`")),
    };
    Ok((repeat.name, Schedule { times, message, limit: repeat.limit, until: repeat.until }))
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| wrong(&error))
}

fn wrong(detail: &dyn std::fmt::Display) -> Error {
    Error::new(Status::InvalidArg, detail.to_string())
}

fn of_queue(action: Action) -> Result<QueueAction> {
    Ok(match action {
        Action::Pause => QueueAction::Pause,
        Action::Resume => QueueAction::Resume,
        Action::Drain => QueueAction::Drain,
        Action::Purge => QueueAction::Purge,
        Action::Peek { limit } => QueueAction::Peek { limit },
        Action::List { state, cursor, limit } => {
            // Text, since it may need more than the 53 bits of a JavaScript number.
            let cursor = cursor.parse().map_err(|error| wrong(&error))?;
            QueueAction::List { state: state.map(State::from), cursor, limit }
        }
        Action::MoveAll { to, limit } => QueueAction::Move { to: QueueRef(to), limit: limit.unwrap_or(u64::MAX) },
        Action::RedriveAll { limit } => QueueAction::Redrive { limit: limit.unwrap_or(u64::MAX) },
        Action::Stats => QueueAction::Stats,
        Action::Options => QueueAction::Options,
        Action::Unschedule { name } => QueueAction::Unschedule { name },
        Action::Schedules => QueueAction::Schedules,
    })
}

fn of_message(action: One) -> MessageAction {
    match action {
        One::Get => MessageAction::Get,
        One::Remove => MessageAction::Remove,
        One::Promote => MessageAction::Promote,
        One::Reschedule { at, after } => {
            let due = at.map(Due::At).or(after.map(Due::After)).unwrap_or_default();
            MessageAction::Reschedule { due }
        }
        One::Move { to } => MessageAction::Move { to: QueueRef(to) },
        One::Redrive => MessageAction::Redrive,
    }
}

impl From<Place> for State {
    fn from(place: Place) -> Self {
        match place {
            Place::Ready => Self::Ready,
            Place::Blocked => Self::Blocked,
            Place::Delayed => Self::Delayed,
            Place::Active => Self::Active,
        }
    }
}
