//! A command on its way to the script, and what its answer means.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use socketio_queue::{MessageId, Request, Ticket, Token, WorkerId};

/// An argument of a script's command.
#[derive(Clone, Debug)]
pub(crate) enum Arg {
    Word(&'static str),
    Name(Arc<str>),
    Text(Box<str>),
    Bytes(Bytes),
    Number(u64),
}

impl Arg {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Word(word) => word.len(),
            Self::Name(name) => name.len(),
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Number(_) => 8,
        }
    }

    pub(crate) fn write(&self, command: &mut redis::Cmd) {
        match self {
            Self::Word(word) => command.arg(*word),
            Self::Name(name) => command.arg(&**name),
            Self::Text(text) => command.arg(&**text),
            Self::Bytes(bytes) => command.arg(&bytes[..]),
            Self::Number(number) => command.arg(*number),
        };
    }
}

impl From<MessageId> for Arg {
    fn from(id: MessageId) -> Self {
        Self::Text(id.to_string().into())
    }
}

impl From<Token> for Arg {
    fn from(token: Token) -> Self {
        Self::Number(token.0)
    }
}

/// Who waits for the answer to a send.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    One(Ticket),
    Request(Ticket, Request),
    /// A batch, and the message's place in it.
    Batch(u64, u32),
}

/// What is done with the answer. A queue is its index in `Core::queues`.
#[derive(Clone, Debug)]
pub(crate) enum Then {
    Nothing,
    /// Nothing was asked: everything before is done.
    Flush(Ticket),
    Done(Ticket),
    /// Of a command about one message.
    OfMessage(Ticket, MessageId),
    Sent(usize, Reply),
    Settled(Option<Ticket>, MessageId),
    /// A worker said whether it takes the messages of a key.
    Interest(Option<Ticket>, WorkerId),
    Extended(Option<Ticket>, MessageId, Token),
    /// A worker was registered, or gave a sign of life; with the number of its life.
    Alive(WorkerId, u32, Option<Ticket>),
    Closed(Option<WorkerId>),
    /// A worker said what it holds.
    Holds(WorkerId),
    Fetched {
        worker: WorkerId,
        life: u32,
        want: u32,
    },
    Beat,
    Inbox,
    Bye,
    Drain(usize),
    Count(Ticket),
    Purge {
        queue: usize,
        ticket: Ticket,
        count: u64,
    },
    Sweep {
        queue: usize,
        to: Arc<str>,
        ticket: Ticket,
        left: u64,
        count: u64,
    },
    Page(Ticket),
    List(Ticket),
    Get(Ticket, MessageId),
    Stats(Ticket),
    Options(Ticket),
    Names(Ticket),
    Schedules(Ticket),
    Due,
    Store(Ticket),
}

impl Then {
    /// It changes nothing, so it may be asked twice.
    pub(crate) fn only_reads(&self) -> bool {
        matches!(
            self,
            Self::Page(_)
                | Self::List(_)
                | Self::Get(..)
                | Self::Stats(_)
                | Self::Options(_)
                | Self::Names(_)
                | Self::Schedules(_)
                | Self::Due
                | Self::Store(_)
        )
    }
}

/// A command of the script.
#[derive(Clone, Debug)]
pub(crate) struct Op {
    pub(crate) args: Vec<Arg>,
    pub(crate) then: Then,
    pub(crate) since: Instant,
    /// Whoever waited for it has been told that it takes too long.
    pub(crate) given_up: bool,
}

impl Op {
    pub(crate) fn new(args: Vec<Arg>, then: Then, since: Instant) -> Self {
        Self { args, then, since, given_up: false }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.args.iter().map(Arg::len).sum::<usize>() + 64
    }
}
