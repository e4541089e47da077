//! Reads a block of commands, as `lib/queues/block.js` writes it: numbers in words, texts and bytes without anything between.
//!
//! A number beyond 32 bits takes two words, the low one first. A part takes one word, its length, and its bytes. A message is: its
//! flags, content and priority in one word; its payload; then, as the flags say, key, dedup id, headers, when it is due, its ttl.

use bytes::Bytes;
use napi::bindgen_prelude::{Error, Result, Status, Uint8Array};
use socketio_queue::{
    Command, Due, Lease, MessageId, NewMessage, QueueAction, QueueRef, Request, Settle, Ticket, Token, WorkerId,
};

use super::control;

/// The ticket of a command that nobody waits for.
const NOBODY: Ticket = Ticket(0);

/// What a command is: its first word.
mod op {
    pub const SEND: u32 = 0;
    pub const SEND_BATCH: u32 = 1;
    pub const REQUEST: u32 = 2;
    pub const ACK: u32 = 3;
    pub const NACK: u32 = 4;
    pub const RELEASE: u32 = 5;
    pub const EXTEND: u32 = 6;
    pub const PROGRESS: u32 = 7;
    pub const CONTROL: u32 = 8;
    pub const SCHEDULE: u32 = 9;
    pub const INTEREST: u32 = 10;
}

/// What a message has.
mod has {
    pub const KEY: u32 = 1;
    pub const DEDUP_ID: u32 = 2;
    pub const HEADERS: u32 = 4;
    pub const AFTER: u32 = 8;
    pub const AT: u32 = 16;
    pub const TTL: u32 = 32;
    /// The payload is the next attachment.
    pub const ATTACHED: u32 = 64;
}

/// What a nack has.
const DELAY: u32 = 1;
const DEAD: u32 = 2;

/// The commands in a block. Its bytes are copied once, all together; payloads are parts of that copy.
pub fn read(words: &[u32], bytes: &[u8], attachments: Vec<Uint8Array>) -> Result<Vec<Command>> {
    let mut block = Block {
        words: words.iter().copied(),
        bytes: Bytes::copy_from_slice(bytes),
        attachments: attachments.into_iter(),
    };
    let mut commands = Vec::with_capacity(words.len() / 5);
    while let Some(op) = block.words.next() {
        let command = block.command(op).ok_or_else(|| {
            Error::new(Status::InvalidArg, format!("expected a whole command of kind {op}, got the end of the block"))
        })?;
        commands.push(command?);
    }
    Ok(commands)
}

struct Block<'a> {
    words: std::iter::Copied<std::slice::Iter<'a, u32>>,
    bytes: Bytes,
    attachments: std::vec::IntoIter<Uint8Array>,
}

/// `None`: the block ended too early.
impl Block<'_> {
    fn command(&mut self, op: u32) -> Option<Result<Command>> {
        Some(Ok(match op {
            op::SEND => Command::Send { ticket: self.ticket()?, queue: self.queue()?, message: self.message()? },
            op::SEND_BATCH => {
                let (ticket, queue, count) = (self.ticket()?, self.queue()?, self.word()?);
                let messages = (0..count).map(|_| self.message()).collect::<Option<_>>()?;
                Command::SendBatch { ticket, queue, messages }
            }
            op::REQUEST => {
                let (ticket, queue) = (self.ticket()?, self.queue()?);
                let request = Request { timeout: self.number()?, cancel: self.word()? != 0 };
                Command::Request { ticket, queue, message: self.message()?, request }
            }
            op::ACK => {
                let (ticket, lease) = (self.ticket()?, self.lease()?);
                settle(ticket, lease, Settle::Ack { result: self.part()? })
            }
            op::NACK => {
                let (ticket, lease, flags) = (self.ticket()?, self.lease()?, self.word()?);
                let delay = if flags & DELAY == 0 { None } else { Some(self.number()?) };
                let outcome = Settle::Nack { error: self.text()?, delay, dead: flags & DEAD != 0 };
                settle(ticket, lease, outcome)
            }
            op::RELEASE => settle(self.ticket()?, self.lease()?, Settle::Release),
            op::EXTEND => {
                let (ticket, lease) = (self.ticket()?, self.lease()?);
                Command::Extend { ticket: Some(ticket), lease, millis: self.number()? }
            }
            op::PROGRESS => Command::Progress { lease: self.lease()?, data: self.part()? },
            op::CONTROL => {
                let ticket = self.ticket()?;
                return Some(control::read(ticket, &self.part()?));
            }
            op::SCHEDULE => {
                let (ticket, queue, settings) = (self.ticket()?, self.queue()?, self.part()?);
                let message = self.message()?;
                return Some(control::schedule(&settings, message).map(|(name, schedule)| {
                    let action = QueueAction::Schedule { name, schedule: Box::new(schedule) };
                    Command::Queue { ticket, queue, action }
                }));
            }
            op::INTEREST => {
                let ticket = self.ticket()?;
                let (worker, wanted) = (WorkerId(self.word()?), self.word()? != 0);
                Command::Interest { ticket: (ticket != NOBODY).then_some(ticket), worker, key: self.text()?, wanted }
            }
            _ => return Some(Err(Error::new(Status::InvalidArg, format!("expected a kind of command, got {op}")))),
        }))
    }

    fn message(&mut self) -> Option<NewMessage> {
        let head = self.word()?;
        let flags = head & 0xffff;
        let [_, _, content, priority] = head.to_le_bytes();
        let payload =
            if flags & has::ATTACHED == 0 { self.part()? } else { Bytes::copy_from_slice(&self.attachments.next()?) };
        let key = if flags & has::KEY == 0 { None } else { Some(self.text()?) };
        let dedup_id = if flags & has::DEDUP_ID == 0 { None } else { Some(self.text()?) };
        let headers = if flags & has::HEADERS == 0 { Bytes::new() } else { self.part()? };
        let due = if flags & has::AFTER != 0 {
            Due::After(self.number()?)
        } else if flags & has::AT != 0 {
            Due::At(self.number()?)
        } else {
            Due::Now
        };
        let ttl = if flags & has::TTL == 0 { None } else { Some(self.number()?) };
        Some(NewMessage { payload, headers, content, priority, due, ttl, key, dedup_id })
    }

    fn word(&mut self) -> Option<u32> {
        self.words.next()
    }

    fn number(&mut self) -> Option<u64> {
        let (low, high) = (self.word()?, self.word()?);
        Some(u64::from(high) << 32 | u64::from(low))
    }

    fn ticket(&mut self) -> Option<Ticket> {
        Some(Ticket(self.word()?.into()))
    }

    fn queue(&mut self) -> Option<QueueRef> {
        Some(QueueRef(self.word()?))
    }

    fn lease(&mut self) -> Option<Lease> {
        Some(Lease { id: MessageId(self.number()?), token: Token(self.number()?) })
    }

    fn part(&mut self) -> Option<Bytes> {
        let length = self.word()? as usize;
        (length <= self.bytes.len()).then(|| self.bytes.split_to(length))
    }

    /// JavaScript has written it as UTF-8.
    fn text(&mut self) -> Option<Box<str>> {
        let part = self.part()?;
        Some(String::from_utf8_lossy(&part).into())
    }
}

fn settle(ticket: Ticket, lease: Lease, outcome: Settle) -> Command {
    Command::Settle { ticket: (ticket != NOBODY).then_some(ticket), lease, outcome }
}
