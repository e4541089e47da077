//! Checkpoints: the index as bytes, in slices, and back. And what a store asks while it compacts.
//!
//! A chunk begins with the version and a section. Chunks are independent of each other, but come in order.

use super::Machine;
use super::fail::HELD_TOO_LONG;
use super::repeat::Repeat;
use super::slab::{HISTORY, WALL};
use crate::record::{self, Change, Kind, Reader, VERSION, Writer};
use crate::{Damaged, Index, Location, MessageId, State};

/// A chunk is closed when it is as long as this.
const CHUNK: usize = 64 * 1024;

const GENESIS: u8 = 0;
const QUEUES: u8 = 1;
const MESSAGES: u8 = 2;
const DEDUP: u8 = 3;

const DUE: u8 = 1;
const EXPIRES: u8 = 2;
const KEY: u8 = 4;
const ERRORS: u8 = 8;

/// How far a checkpoint has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    section: u8,
    /// The next queue or slot.
    index: u32,
    /// The next dedup id of the queue.
    position: u64,
}

impl Machine {
    fn write_genesis(&self, writer: &mut Writer<'_>) {
        writer.number(VERSION.into());
        writer.raw(&self.secret);
        writer.number(self.newest.0);
    }

    /// A queue and its schedules, as the records that made them.
    fn write_queue(&self, index: u32, chunk: &mut Vec<u8>) {
        let Some(queue) = self.queues.get(index as usize) else { return };
        let mut record = Vec::new();
        let mut put = |change: &Change, chunk: &mut Vec<u8>| {
            change.write(&mut record);
            Writer::new(chunk).bytes(&record);
        };
        let options = Box::new(queue.options.clone());
        put(&Change::Queue { queue: index, name: queue.name.clone(), options, paused: queue.paused }, chunk);
        for (name, Repeat { schedule, state, .. }) in &queue.repeats {
            let (name, schedule) = (name.clone(), Box::new(schedule.clone()));
            put(&Change::Schedule { queue: index, name, schedule, state: *state }, chunk);
        }
    }

    fn write_message(&self, slot: u32, last: &mut u64, writer: &mut Writer<'_>) {
        let entry = self.slab.at(slot);
        if entry.is_free() {
            return;
        }
        let due = match entry.state() {
            Some(State::Delayed) if entry.has(WALL) => self.dates.time_at(entry.prev),
            Some(State::Delayed) => self.delays.time_at(entry.prev).map(|at| {
                let left = at.saturating_sub(self.now.mono);
                self.now.wall.saturating_add(left)
            }),
            _ => None,
        };
        // In the next life nobody holds it: one whose time has come goes.
        let expires = self.expiries.time_at(entry.expiry).map(|at| if at == HELD_TOO_LONG { 0 } else { at });
        let key = self.keys.get(entry.key);
        let errors = self.histories.get(&slot).filter(|_| entry.has(HISTORY));
        let flag = |present: bool, bit: u8| if present { bit } else { 0 };
        writer.number(entry.id().0.wrapping_sub(*last));
        *last = entry.id().0;
        writer.byte(
            flag(due.is_some(), DUE)
                | flag(expires.is_some(), EXPIRES)
                | flag(key.is_some(), KEY)
                | flag(errors.is_some(), ERRORS),
        );
        writer.number(entry.queue.into());
        writer.byte(entry.priority);
        writer.number(entry.attempts.into());
        let place = Some((entry.location(), entry.len));
        for (at, len) in place.into_iter().chain(errors.copied()) {
            writer.number(at.segment.into());
            writer.number(at.offset.into());
            writer.number(len.into());
        }
        for number in [due, expires].into_iter().flatten() {
            writer.number(number);
        }
        if let Some(key) = key {
            writer.raw(&key.hash.to_le_bytes());
        }
    }

    pub(super) fn replay_chunk(&mut self, chunk: &[u8]) -> Result<(), Damaged> {
        let mut reader = Reader::new(chunk);
        let reader = &mut reader;
        if reader.byte()? != VERSION {
            return Err(Damaged);
        }
        let section = reader.byte()?;
        let mut last = 0_u64;
        while !reader.is_empty() {
            match section {
                GENESIS => {
                    let version = reader.small()?;
                    let secret = reader.take(16)?.try_into().map_err(|_| Damaged)?;
                    self.replay_change(Change::Genesis { version, secret }, Location::default(), 0)?;
                    self.newest = self.newest.max(MessageId(reader.number()?));
                }
                QUEUES => {
                    let change = Change::read(reader.bytes()?)?;
                    self.replay_change(change, Location::default(), 0)?;
                }
                MESSAGES => self.read_entry(&mut last, reader)?,
                DEDUP => {
                    let (queue, hash) = (reader.small()?, reader.fixed128()?);
                    last = last.wrapping_add(reader.number()?);
                    self.replaying.seen.push((queue, hash, MessageId(last)));
                }
                _ => return Err(Damaged),
            }
        }
        Ok(())
    }

    fn read_entry(&mut self, last: &mut u64, reader: &mut Reader<'_>) -> Result<(), Damaged> {
        let place = |reader: &mut Reader<'_>| -> Result<(Location, u32), Damaged> {
            let (segment, offset) = (reader.small()?, reader.small()?);
            Ok((Location { segment, offset }, reader.small()?))
        };
        *last = last.wrapping_add(reader.number()?);
        let id = MessageId(*last);
        let flags = reader.byte()?;
        let queue = reader.small()?;
        let (priority, attempts) = (reader.byte()?, reader.small()?);
        let (at, len) = place(reader)?;
        // Its record may come only later: the checkpoint was written while queues were made.
        self.known_queue(queue)?;
        let slot = self.replay_entry(id, queue, at, len)?;
        let entry = self.slab.at_mut(slot);
        (entry.priority, entry.attempts) = (priority, attempts);
        if flags & ERRORS != 0 {
            let errors = place(reader)?;
            self.slab.at_mut(slot).set(HISTORY, true);
            self.histories.insert(slot, errors);
        }
        if flags & DUE != 0 {
            self.replaying.due.insert(slot, reader.number()?);
        }
        if flags & EXPIRES != 0 {
            self.replaying.expires.insert(slot, reader.number()?);
        }
        if flags & KEY != 0 {
            self.replaying.keys.insert(slot, reader.fixed128()?);
        }
        Ok(())
    }

    /// Writes the next chunk of a section. Returns whether the section has ended.
    fn write_chunk(&mut self, chunk: &mut Vec<u8>) -> bool {
        let start = chunk.len();
        let Cursor { section, mut index, mut position } = self.cursor;
        chunk.extend_from_slice(&[VERSION, section]);
        let mut last = 0;
        let queues = u32::try_from(self.queues.len()).unwrap_or(u32::MAX);
        let end = match section {
            GENESIS => 1,
            MESSAGES => self.slab.slots(),
            _ => queues,
        };
        while index < end && chunk.len() - start < CHUNK {
            match section {
                GENESIS => self.write_genesis(&mut Writer::new(chunk)),
                QUEUES => self.write_queue(index, chunk),
                MESSAGES => self.write_message(index, &mut last, &mut Writer::new(chunk)),
                _ => {
                    let Some(queue) = self.queues.get(index as usize) else { break };
                    let (from, seen) = queue.dedup.from(position);
                    let mut count = 0;
                    for seen in seen.take(CHUNK / 24) {
                        let mut writer = Writer::new(chunk);
                        writer.number(index.into());
                        writer.raw(&seen.hash.to_le_bytes());
                        writer.number(seen.id.0.wrapping_sub(last));
                        last = seen.id.0;
                        count += 1;
                    }
                    position = from + count;
                    if count > 0 {
                        continue;
                    }
                    position = 0;
                }
            }
            index += 1;
        }
        (self.cursor.index, self.cursor.position) = (index, position);
        index >= end
    }
}

impl Index for Machine {
    fn is_live(&self, record: &[u8], at: Location) -> bool {
        let Some((kind, id)) = record::content(record) else { return false };
        let Some(slot) = self.ids.get(id, &self.slab) else { return false };
        match kind {
            Kind::Message => self.slab.at(slot).location() == at,
            _ => self.histories.get(&slot).is_some_and(|(place, _)| *place == at),
        }
    }

    fn moved(&mut self, record: &[u8], from: Location, to: Location) {
        self.relocate(record, Some(from), to);
    }

    fn snapshot(&mut self, cursor: u64, chunk: &mut Vec<u8>) -> Option<u64> {
        if cursor == 0 {
            self.cursor = Cursor::default();
        }
        if self.write_chunk(chunk) {
            self.cursor = Cursor { section: self.cursor.section + 1, index: 0, position: 0 };
        }
        (self.cursor.section <= DEDUP).then_some(cursor + 1)
    }

    fn len(&self) -> u64 {
        self.slab.len().into()
    }
}
