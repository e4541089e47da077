//! Where a connection's descriptor cannot be shared (Windows): no lane ever opens, and each connection stays on the compat path.

#[path = "socket/ring_none.rs"]
mod ring;

use std::convert::Infallible;
use std::io::{self, IoSlice};

use socketio_wire::Frame;

pub(crate) use ring::{CAPACITY, Ring};

/// There is none.
pub type RawSocket<'a> = &'a Infallible;

/// Never made.
#[derive(Clone, Debug)]
pub(crate) struct Socket {
    never: Infallible,
}

/// Never made, either.
pub(crate) struct Outgoing {
    pub(crate) socket: Socket,
    pub(crate) frame: Frame,
    pub(crate) result: Option<io::Result<usize>>,
}

impl Socket {
    pub(crate) fn duplicate(raw: RawSocket<'_>) -> io::Result<Self> {
        match *raw {}
    }

    pub(crate) fn send(&self, _parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.never {}
    }

    #[expect(clippy::unused_async, reason = "the same shape as where there are lanes")]
    pub(crate) async fn watch(self, _on_writable: impl Fn()) {
        match self.never {}
    }
}
