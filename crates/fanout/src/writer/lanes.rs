//! The lanes of one writer, by connection.

use socketio_rooms::ConnectionId;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::lane::Lane;
use crate::socket::Socket;
use crate::{Event, Form};

/// A lane with its descriptor.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) lane: Lane,
    /// `None` after the connection was lost.
    pub(super) socket: Option<Socket>,
    /// What its client understands.
    pub(super) form: Form,
    /// When it opened.
    pub(super) epoch: u64,
    /// The last broadcast that visited it.
    pub(super) seen: u64,
    /// It is in the list of lanes to write.
    pub(super) dirty: bool,
    watcher: Option<AbortHandle>,
}

impl Slot {
    pub(super) fn new(socket: Socket, form: Form, epoch: u64) -> Self {
        Self { lane: Lane::default(), socket: Some(socket), form, epoch, seen: 0, dirty: false, watcher: None }
    }

    /// Calls `on_writable` each time that the kernel takes bytes again.
    pub(super) fn watch(&mut self, runtime: &Handle, on_writable: impl Fn() + Send + 'static) {
        let Some(socket) = self.socket.clone() else { return };
        self.watcher = Some(runtime.spawn(socket.watch(on_writable)).abort_handle());
    }

    pub(super) fn unwatch(&mut self) {
        if let Some(watcher) = self.watcher.take() {
            watcher.abort();
        }
    }

    /// Adds a ticket that is due when what waits is written: the news, when that is now. None is due on a lost connection.
    pub(super) fn fence(&mut self, connection: ConnectionId) -> Option<Event> {
        (self.socket.is_some() && self.lane.fence()).then_some(Event::Written(connection, 1))
    }

    /// Gives the descriptor up.
    pub(super) fn let_go(&mut self) {
        self.unwatch();
        self.socket = None;
    }
}

/// A table by connection. A writer has each n-th connection, so the index divided by n is dense.
#[derive(Debug)]
pub(super) struct Lanes {
    slots: Vec<Option<Box<Slot>>>,
    number: usize,
    writers: usize,
    len: u64,
}

impl Lanes {
    /// The lanes of writer `number` of so many.
    pub(super) fn new(number: usize, writers: usize) -> Self {
        Self { slots: Vec::new(), number, writers: writers.max(1), len: 0 }
    }

    /// Lets go of all.
    pub(super) fn clear(&mut self) {
        for mut slot in std::mem::take(&mut self.slots).into_iter().flatten() {
            slot.let_go();
        }
        self.len = 0;
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn insert(&mut self, connection: ConnectionId, slot: Slot) {
        let Some(place) = self.place(connection) else { return };
        if place >= self.slots.len() {
            self.slots.resize_with(place + 1, || None);
        }
        if let Some(old) = self.slots.get_mut(place) {
            self.len += u64::from(old.is_none());
            *old = Some(Box::new(slot));
        }
    }

    pub(super) fn remove(&mut self, connection: ConnectionId) -> Option<Box<Slot>> {
        let place = self.place(connection)?;
        let removed = self.slots.get_mut(place)?.take()?;
        self.len -= 1;
        Some(removed)
    }

    /// The lane of a connection, when it is one of this writer's.
    pub(super) fn get(&mut self, connection: ConnectionId) -> Option<&mut Slot> {
        let place = self.place(connection)?;
        self.slots.get_mut(place)?.as_deref_mut()
    }

    /// `None` for the lanes of other writers, which broadcasts are for as well.
    fn place(&self, connection: ConnectionId) -> Option<usize> {
        let connection = connection as usize;
        (connection % self.writers == self.number).then_some(connection / self.writers)
    }
}
