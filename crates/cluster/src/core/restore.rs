//! Sessions, and clients that come back. What the index of a namespace does not reach is read from the stream: in one pass for all
//! that wait for it, which the index keeps.

use std::time::Instant;

use bytes::Bytes;
use socketio_rooms::RoomKey;

use super::Core;
use super::entries::older;
use crate::event::Event;
use crate::incoming::packed_rooms;
use crate::msgpack::{Reader, Token};
use crate::streams::log::Raw;
use crate::streams::{Id, Missed};

/// So many entries are read at once.
pub(crate) const CHUNK: usize = 1000;
/// More sessions do not wait for Redis.
const MOST_SAVED: usize = 100_000;

/// Somebody has come back.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) slot: u32,
    pub(crate) ticket: u32,
    pub(crate) key: String,
    pub(crate) stream: String,
    pub(crate) offset: Id,
}

/// The same, with a session.
#[derive(Debug)]
struct Known {
    ticket: u32,
    session: Bytes,
    rooms: Vec<RoomKey>,
    offset: Id,
}

/// A reading of the part of a stream that an index does not have.
#[derive(Debug)]
pub(super) struct Pass {
    stream: String,
    from: Id,
    until: Id,
    found: Vec<(Missed, Vec<RoomKey>, Vec<RoomKey>)>,
    waiting: Vec<Known>,
}

/// What to read of a stream for a namespace.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) slot: u32,
    pub(crate) stream: String,
    pub(crate) from: Id,
    pub(crate) until: Id,
}

/// The rooms of a session: base64 of `{sid, pid, rooms, data}`.
fn rooms_of(session: &[u8]) -> Option<Vec<RoomKey>> {
    let mut reader = Reader::new(session);
    let Token::Map(fields) = reader.token()? else { return None };
    let (mut rooms, mut opaque) = (None, false);
    for _ in 0..fields {
        let key = reader.text()?;
        let value = reader.skip()?;
        if key == b"rooms" {
            let list = rooms.insert(Vec::new());
            packed_rooms(value, list, &mut opaque)?;
        }
    }
    rooms
}

impl Core {
    pub(super) fn save(&mut self, sessions: Vec<(String, Option<String>, u64)>) {
        for (key, session, milliseconds) in sessions {
            if self.sessions.len() < MOST_SAVED || self.sessions.contains_key(&key) {
                self.sessions.insert(key, (session, milliseconds));
            }
        }
    }

    /// Redis did not take these: they are saved later, unless there are newer ones.
    pub(crate) fn save_again(&mut self, sessions: Vec<(String, Option<String>, u64)>) {
        for (key, session, milliseconds) in sessions {
            if self.sessions.len() < MOST_SAVED {
                self.sessions.entry(key).or_insert((session, milliseconds));
            }
        }
    }

    /// Some of those that are to be saved.
    pub(crate) fn take_sessions(&mut self, most: usize) -> Vec<(String, Option<String>, u64)> {
        let keys: Vec<_> = self.sessions.keys().take(most).cloned().collect();
        let taken = keys.into_iter().filter_map(|key| self.sessions.remove_entry(&key));
        taken.map(|(key, (session, milliseconds))| (key, session, milliseconds)).collect()
    }

    pub(super) fn restore(&mut self, slot: u32, ticket: u32, key: String, offset: Id) {
        match self.places.get(&slot) {
            Some(place) if self.reading && place.recovery.is_some() => {
                let stream = self.config.streams.streams.of(&place.nsp);
                self.restoring.insert(ticket);
                self.restores.push(Job { slot, ticket, key, stream, offset });
            }
            _ => self.restored(ticket, None),
        }
    }

    fn restored(&mut self, ticket: u32, session: Option<(Bytes, Vec<Missed>)>) {
        self.restoring.remove(&ticket);
        self.events.push(Event::Restored(ticket, session));
    }

    /// The session of somebody who has come back, if there is one, and whether the stream has the entry of its offset.
    pub(crate) fn session(&mut self, job: Job, session: Option<Vec<u8>>, exists: bool, now: Instant) {
        let ticket = job.ticket;
        if self.look_up(job, session, exists, now).is_none() {
            self.restored(ticket, None);
        }
    }

    /// `None`: it is not restored.
    fn look_up(&mut self, job: Job, session: Option<Vec<u8>>, exists: bool, now: Instant) -> Option<()> {
        let Job { slot, ticket, stream, offset, .. } = job;
        let session = crate::streams::data_bytes(&session?)?.into_owned();
        let rooms = rooms_of(&session)?;
        let recovery = self.places.get(&slot)?.recovery.clone()?;
        let mut log = recovery.lock();
        // What was written without an offset may be missed once more.
        if !(exists || log.index.has(offset)) || !log.is_exact() {
            return None;
        }
        let session = Bytes::from(session);
        if log.index.reaches(offset) {
            let missed = log.tell(ticket, rooms, offset, now);
            drop(log);
            self.restored(ticket, Some((session, missed)));
            return Some(());
        }
        let until = log.index.from();
        drop(log);
        let known = Known { ticket, session, rooms, offset };
        match self.passes.get_mut(&slot) {
            Some(pass) => pass.waiting.push(known),
            None => self.begin_pass(slot, stream, until, vec![known]),
        }
        Some(())
    }

    fn begin_pass(&mut self, slot: u32, stream: String, until: Id, waiting: Vec<Known>) {
        let Some(from) = waiting.iter().map(|known| known.offset).min() else { return };
        self.sections.push(Section { slot, stream: stream.clone(), from, until });
        self.passes.insert(slot, Pass { stream, from, until, found: Vec::new(), waiting });
    }

    /// Entries of a section, in order.
    pub(crate) fn section(&mut self, section: &Section, entries: &[Raw], now: Instant) {
        let Some(mut pass) = self.passes.remove(&section.slot) else { return };
        let place = self.places.get(&section.slot);
        let Some((recovery, nsp)) = place.and_then(|place| Some((place.recovery.clone()?, &place.nsp))) else {
            return pass.waiting.into_iter().for_each(|known| self.restored(known.ticket, None));
        };
        pass.found.extend(entries.iter().filter_map(|raw| older(raw, nsp)));
        if let (Some(last), true) = (entries.last(), entries.len() >= CHUNK) {
            let (slot, stream, from, until) = (section.slot, pass.stream.clone(), last.id.next(), pass.until);
            self.sections.push(Section { slot, stream, from, until });
            self.passes.insert(slot, pass);
            return;
        }
        let mut log = recovery.lock();
        log.index.extend_back(pass.from.previous(), pass.until, pass.found.drain(..).rev());
        let (ready, rest): (Vec<_>, Vec<_>) = pass.waiting.into_iter().partition(|known| known.offset >= pass.from);
        let answers: Vec<_> = ready
            .into_iter()
            .map(|Known { ticket, session, rooms, offset }| {
                // It may be more than the index can hold.
                let reaches = log.index.reaches(offset);
                (ticket, reaches.then(|| (session, log.tell(ticket, rooms, offset, now))))
            })
            .collect();
        let until = log.index.from();
        drop(log);
        for (ticket, answer) in answers {
            self.restored(ticket, answer);
        }
        self.begin_pass(section.slot, pass.stream, until, rest);
    }

    /// Whether nothing is to be written.
    pub(crate) fn is_idle(&self) -> bool {
        self.outbox.is_empty() && self.sessions.is_empty()
    }

    /// The connection is lost: nobody's session is found any more.
    pub(crate) fn end_restores(&mut self) {
        self.passes.clear();
        self.sections.clear();
        self.restores.clear();
        for ticket in std::mem::take(&mut self.restoring) {
            self.restored(ticket, None);
        }
    }
}
