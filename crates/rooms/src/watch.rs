//! Somebody who wants to know which rooms there are: a server that hears only of its own rooms.

use std::fmt;
use std::sync::OnceLock;

use crate::{Namespace, RoomKey};

/// A room that can be found by its name was made, or is gone.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomChange {
    /// It is there now.
    Made(RoomKey),
    /// It was there.
    Gone(RoomKey),
}

type Tell = Box<dyn Fn(Vec<RoomChange>) + Send + Sync>;

/// Who is told. Empty for most namespaces: then nothing is collected.
#[derive(Default)]
pub(crate) struct Watch(OnceLock<Tell>);

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Watch").field(&self.is_set()).finish()
    }
}

impl Watch {
    pub(crate) fn is_set(&self) -> bool {
        self.0.get().is_some()
    }

    pub(crate) fn tell(&self, changes: Vec<RoomChange>) {
        if let Some(tell) = self.0.get().filter(|_| !changes.is_empty()) {
            tell(changes);
        }
    }
}

impl Namespace {
    /// From now on, what [`Namespace::apply`] does to rooms is told to `tell`: once for each call of it, in the order in which it
    /// happened, without a lock held. First it is told of the rooms that are there. Only the first call of this counts; it must
    /// come from the thread that changes memberships.
    pub fn watch(&self, tell: impl Fn(Vec<RoomChange>) + Send + Sync + 'static) {
        if self.watch.0.set(Box::new(tell)).is_ok() {
            self.watch.tell(self.by_key.iter().map(|room| RoomChange::Made(room.key().clone())).collect());
        }
    }
}
