//! Writes a block of effects, as `lib/queues/effects.js` reads it: numbers in words, texts and bytes without anything between.
//!
//! The first word is the number of words, itself included. Then each effect: its kind, and what belongs to it. A number beyond 32
//! bits takes two words, the low one first. A part takes one word, its length, and its bytes. What is rare is a part of JSON.

use socketio_queue::{Delivery, Effect, Error, LeaseEnd, Outcome, Receipt};

use super::answers;

/// What an effect is: its first word.
mod kind {
    pub const OPENED: u32 = 0;
    pub const FAILED: u32 = 1;
    pub const DONE: u32 = 2;
    pub const SENT: u32 = 3;
    pub const SENT_BATCH: u32 = 4;
    pub const ANSWER: u32 = 5;
    pub const PAGE: u32 = 6;
    pub const REFUSED: u32 = 7;
    pub const DELIVER: u32 = 8;
    pub const LEASE_ENDED: u32 = 9;
    pub const WORKER_CLOSED: u32 = 10;
    pub const REPLIED: u32 = 11;
    pub const PROGRESS: u32 = 12;
    pub const EVENT: u32 = 13;
    pub const EVENTS_LOST: u32 = 14;
    pub const CLOSED: u32 = 15;
    pub const CONNECTION: u32 = 16;
    pub const WARNING: u32 = 17;
}

/// What a delivery has.
mod has {
    pub const KEY: u32 = 1;
    pub const HEADERS: u32 = 2;
    pub const DETAILS: u32 = 4;
    /// Each byte of the payload is a character.
    pub const ASCII: u32 = 8;
}

/// In the place of a receipt of a message that was not sent.
const NOT_SENT: u32 = 2;

/// In the place of the number of words: there are more than the given array takes. The next word is their number.
pub const MORE: u32 = u32::MAX;

/// Effects in their written form.
#[derive(Debug, Default)]
pub struct Block {
    words: Vec<u32>,
    bytes: Vec<u8>,
}

impl Block {
    /// Writes the effects down.
    pub fn of(effects: Vec<Effect>) -> Self {
        let mut block = Self { words: Vec::with_capacity(1 + effects.len() * 5), bytes: Vec::new() };
        block.word(0);
        for effect in effects {
            block.effect(effect);
        }
        let words = length(block.words.len());
        if let Some(first) = block.words.first_mut() {
            *first = words;
        }
        block
    }

    /// Copies the words, or says that there are more.
    pub fn copy_words(&self, to: &mut [u32]) -> bool {
        if let Some(place) = to.get_mut(..self.words.len()) {
            place.copy_from_slice(&self.words);
            return true;
        }
        if let Some(place) = to.get_mut(..2) {
            place.copy_from_slice(&[MORE, length(self.words.len())]);
        }
        false
    }

    /// The bytes, if there are any.
    pub fn into_bytes(self) -> Option<Vec<u8>> {
        (!self.bytes.is_empty()).then_some(self.bytes)
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Opened(Ok(report)) => {
                self.word(kind::OPENED);
                self.json(&answers::report(&report));
            }
            Effect::Opened(Err(error)) | Effect::Failed(error) => {
                self.word(kind::FAILED);
                self.error(&error);
            }
            Effect::Done { ticket, result: Ok(outcome) } => self.outcome(length(ticket.0), outcome),
            Effect::Done { ticket, result: Err(error) } | Effect::Replied { ticket, result: Err(error) } => {
                self.words.extend([kind::REFUSED, length(ticket.0)]);
                self.error(&error);
            }
            Effect::Deliver { worker, deliveries } => {
                self.words.extend([kind::DELIVER, worker.0, length(deliveries.len())]);
                for delivery in &deliveries {
                    self.delivery(delivery);
                }
            }
            Effect::LeaseEnded { worker, lease, reason } => {
                self.words.extend([kind::LEASE_ENDED, worker.0]);
                self.number(lease.token.0);
                self.word(lease_end(reason));
            }
            Effect::WorkerClosed { worker } => self.words.extend([kind::WORKER_CLOSED, worker.0]),
            Effect::Replied { ticket, result: Ok(result) } => {
                self.words.extend([kind::REPLIED, length(ticket.0)]);
                self.part(&result);
            }
            Effect::Progress { ticket, data } => {
                self.words.extend([kind::PROGRESS, length(ticket.0)]);
                self.part(&data);
            }
            Effect::Event(event) => {
                self.words.extend([kind::EVENT, event.queue.0, event.kind.number().into()]);
                self.number(event.id.0);
                answers::event(&event.kind, self);
            }
            Effect::EventsLost(count) => {
                self.word(kind::EVENTS_LOST);
                self.number(count);
            }
            Effect::Closed => self.word(kind::CLOSED),
            Effect::Connection(state) => {
                self.words.extend([kind::CONNECTION, state.is_ok().into()]);
                if let Err(error) = state {
                    self.error(&error);
                }
            }
            Effect::Warning(warning) => {
                self.word(kind::WARNING);
                self.json(&serde_json::json!({ "code": warning.code, "message": warning.message }));
            }
            // An effect that this version of the binding does not know answers nothing that it asked.
            _ => {}
        }
    }

    fn outcome(&mut self, ticket: u32, outcome: Outcome) {
        match outcome {
            Outcome::Sent(receipt) => {
                self.words.extend([kind::SENT, ticket]);
                self.receipt(receipt);
            }
            Outcome::SentBatch(results) => {
                self.words.extend([kind::SENT_BATCH, ticket, length(results.len())]);
                for result in results {
                    match result {
                        Ok(receipt) => self.receipt(receipt),
                        Err(error) => {
                            self.word(NOT_SENT);
                            self.error(&error);
                        }
                    }
                }
            }
            Outcome::Page { messages, next } => {
                self.words.extend([kind::PAGE, ticket]);
                self.json(&answers::page(&messages, next));
                for info in &messages {
                    self.part(info.message.payload());
                }
            }
            Outcome::Message(info) => {
                self.words.extend([kind::PAGE, ticket]);
                self.json(&answers::page(std::slice::from_ref(&*info), None));
                self.part(info.message.payload());
            }
            Outcome::Schedules(schedules) => {
                self.words.extend([kind::PAGE, ticket]);
                self.json(&answers::schedules(&schedules));
                for info in &schedules {
                    self.part(&info.schedule.message.payload);
                }
            }
            Outcome::Count(count) => self.answer(ticket, &count.into()),
            Outcome::Stats(stats) => self.answer(ticket, &answers::stats(&stats)),
            Outcome::Options(options) => self.answer(ticket, &answers::options(&options)),
            Outcome::Store(stats) => self.answer(ticket, &answers::store(&stats)),
            Outcome::Names(names) => self.answer(ticket, &names.iter().map(ToString::to_string).collect()),
            // Done, or an outcome that this version of the binding has not asked for.
            _ => self.words.extend([kind::DONE, ticket]),
        }
    }

    /// Whether it is a duplicate, then the id.
    fn receipt(&mut self, receipt: Receipt) {
        self.word(receipt.duplicate.into());
        self.number(receipt.id.0);
    }

    fn delivery(&mut self, delivery: &Delivery) {
        let message = &delivery.message;
        let (key, headers, payload) = (message.key(), message.headers(), message.payload());
        let details = answers::details(message);
        let flag = |is, flag| if is { flag } else { 0 };
        let flags = flag(key.is_some(), has::KEY)
            | flag(!headers.is_empty(), has::HEADERS)
            | flag(details.is_some(), has::DETAILS)
            | flag(payload.is_ascii(), has::ASCII);
        self.number(message.id.0);
        self.number(delivery.token.0);
        let [attempt, more] = delivery.attempt.to_le_bytes();
        self.words.extend([u32::from_le_bytes([attempt, more, message.content, message.priority]), flags]);
        self.part(payload);
        if let Some(key) = key {
            self.part(key.as_bytes());
        }
        if !headers.is_empty() {
            self.part(headers);
        }
        if let Some(details) = details {
            self.json(&details);
        }
    }

    fn error(&mut self, error: &Error) {
        self.json(&answers::error(error));
    }

    pub(super) fn part(&mut self, part: &[u8]) {
        self.word(length(part.len()));
        self.bytes.extend_from_slice(part);
    }

    pub(super) fn number(&mut self, number: u64) {
        self.words.extend([length(number & u64::from(u32::MAX)), length(number >> 32)]);
    }

    pub(super) fn word(&mut self, word: u32) {
        self.words.push(word);
    }

    fn answer(&mut self, ticket: u32, value: &serde_json::Value) {
        self.words.extend([kind::ANSWER, ticket]);
        self.json(value);
    }

    fn json(&mut self, value: &serde_json::Value) {
        self.part(value.to_string().as_bytes());
    }
}

/// Lengths of what is in memory, and tickets that JavaScript gave, fit.
fn length<T: TryInto<u32>>(length: T) -> u32 {
    length.try_into().unwrap_or(u32::MAX)
}

/// The number of a reason why a lease ended.
pub(super) fn lease_end(reason: LeaseEnd) -> u32 {
    match reason {
        LeaseEnd::Expired => 0,
        LeaseEnd::RunTime => 1,
    }
}
