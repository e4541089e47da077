//! The state machine: commands and a clock in, effects out.

use crate::{Command, Config, Damaged, Effect, Error, Index, Location, MessageId, Now, RecoveryReport, Replay, Store};

/// What a round has to tell.
#[derive(Debug, Default)]
pub struct Effects {
    /// To be published at once.
    pub now: Vec<Effect>,
    /// To be published when everything appended so far is durable.
    pub durable: Vec<Effect>,
}

/// All queues of one store. Pure: it has no clock and no thread, and its only I/O is the store that it is handed.
///
/// Life: [`Machine::new`], [`Store::recover`] with it, [`Machine::opened`], then rounds of [`Machine::apply`] and one
/// [`Machine::tick`], a [`Store::commit`], and [`Machine::synced`] when that is durable.
///
/// An `Err` from a method means that the store failed for good; the machine must not be used any more.
#[derive(Debug)]
pub struct Machine {
    durable: MessageId,
}

impl Machine {
    /// An empty machine. `config.secret` must be given.
    pub fn new(_config: &Config) -> Self {
        Self { durable: MessageId::default() }
    }

    /// After the replay: puts the messages in order and tells the store which records live. Fills in `messages` and `queues`.
    pub fn opened(&mut self, _now: Now, _store: &mut dyn Store, _report: &mut RecoveryReport) -> Result<(), Error> {
        Ok(())
    }

    /// Executes a command.
    pub fn apply(
        &mut self,
        _command: Command,
        _now: Now,
        _store: &mut dyn Store,
        _out: &mut Effects,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Does what the clock demands, and gives messages to workers. Called once at the end of each round, and when
    /// [`Machine::next_deadline`] has passed.
    pub fn tick(&mut self, _now: Now, _store: &mut dyn Store, _out: &mut Effects) -> Result<(), Error> {
        Ok(())
    }

    /// Milliseconds until [`Machine::tick`] has to be called; `None` if only a command can change anything.
    pub fn next_deadline(&self, _now: Now) -> Option<u64> {
        None
    }

    /// The id of the newest message: ask before a commit, and hand it to [`Machine::synced`] after it.
    pub fn newest(&self) -> MessageId {
        self.durable
    }

    /// Everything up to this message is durable: messages are not delivered before.
    pub fn synced(&mut self, newest: MessageId) {
        self.durable = newest;
    }

    /// Fails everything that waits: sends for room, requests for answers.
    pub fn close(&mut self, _error: &Error, _out: &mut Effects) {}
}

impl Replay for Machine {
    fn snapshot(&mut self, _chunk: &[u8]) -> Result<(), Damaged> {
        Ok(())
    }

    fn record(&mut self, _record: &[u8], _at: Location, _moved: bool) -> Result<(), Damaged> {
        Ok(())
    }
}

impl Index for Machine {
    fn is_live(&self, _record: &[u8], _at: Location) -> bool {
        false
    }

    fn moved(&mut self, _record: &[u8], _from: Location, _to: Location) {}

    fn snapshot(&mut self, _cursor: u64, _chunk: &mut Vec<u8>) -> Option<u64> {
        None
    }

    fn len(&self) -> u64 {
        0
    }
}
