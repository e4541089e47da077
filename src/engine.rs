//! The object that `lib/engine.js` holds.

use std::cell::RefCell;
use std::panic::RefUnwindSafe;
use std::sync::Arc;

use napi::bindgen_prelude::{Error, Result, Status, Uint32Array};
use napi_derive::napi;
use socketio_fanout::{Config, Fanout, Overflow, Stats};
use socketio_rooms::Namespace;

use crate::connections::Indexes;
use crate::fanout::Running;

/// The settings of the writers, validated by `lib/options.js`.
#[napi(object)]
pub struct NativeOptions {
    /// Number of writer threads.
    pub writers: u32,
    /// The most bytes that may wait on one lane.
    pub max_buffered_bytes: f64,
    /// Drop what does not fit, instead of ending the connection.
    pub drop: bool,
    /// Send in batches by io_uring, where the kernel offers it.
    pub io_uring: bool,
    /// Up to so many small frames are written on the event loop, when little else was lately. 0: never.
    pub inline: u32,
}

/// The engine of one Socket.IO server: its rooms, and its writers while there are lanes.
#[napi]
pub struct NativeEngine {
    pub(crate) config: Config,
    pub(crate) running: RefCell<Option<Running>>,
    /// The writers that were stopped last, and the counters of those before them.
    pub(crate) last: RefCell<Option<Arc<Fanout>>>,
    pub(crate) ended: RefCell<Stats>,
    pub(crate) namespaces: RefCell<Vec<Option<Arc<Namespace>>>>,
    pub(crate) indexes: RefCell<Indexes>,
    pub(crate) legacy_lanes: RefCell<u32>,
}

/// A panic in the engine becomes an error of the call; each cell is borrowed for one statement, so none stays borrowed.
impl RefUnwindSafe for NativeEngine {}

#[napi]
impl NativeEngine {
    /// An engine without namespaces or threads.
    #[napi(constructor)]
    pub fn new(options: NativeOptions) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "validated: a positive integer")]
        let max_buffered_bytes = options.max_buffered_bytes as usize;
        let config = Config {
            writers: options.writers as usize,
            max_buffered_bytes,
            overflow: if options.drop { Overflow::Drop } else { Overflow::Disconnect },
            io_uring: options.io_uring,
            inline: options.inline as usize,
        };
        Self {
            config,
            running: RefCell::default(),
            last: RefCell::default(),
            ended: RefCell::default(),
            namespaces: RefCell::default(),
            indexes: RefCell::default(),
            legacy_lanes: RefCell::default(),
        }
    }

    /// An index for a connection.
    #[napi(catch_unwind)]
    pub fn take_index(&self) -> u32 {
        self.indexes.borrow_mut().take()
    }

    /// Several indexes, the one to use first at the end.
    #[napi(catch_unwind)]
    pub fn take_indexes(&self, count: u32) -> Uint32Array {
        let mut indexes = self.indexes.borrow_mut();
        let mut taken: Vec<u32> = (0..count).map(|_| indexes.take()).collect();
        taken.reverse();
        taken.into()
    }

    /// Takes an index back, when its lane is closed and no socket has it.
    #[napi(catch_unwind)]
    pub fn give_index_back(&self, index: u32) {
        self.indexes.borrow_mut().give_back(index);
    }

    pub(crate) fn fanout(&self) -> Result<Arc<Fanout>> {
        match &*self.running.borrow() {
            Some(running) => Ok(Arc::clone(&running.fanout)),
            None => Err(Error::new(Status::InvalidArg, "expected running writers, got none: call start() first")),
        }
    }

    pub(crate) fn namespace(&self, namespace: u32) -> Result<Arc<Namespace>> {
        let namespaces = self.namespaces.borrow();
        let found = namespaces.get(namespace as usize).and_then(Option::as_ref);
        found
            .cloned()
            .ok_or_else(|| Error::new(Status::InvalidArg, format!("expected an open namespace, got {namespace}")))
    }
}

/// Writers end with the engine also when JavaScript lost it without closing it.
impl Drop for NativeEngine {
    fn drop(&mut self) {
        if let Some(running) = self.running.borrow_mut().take() {
            running.fanout.stop();
        }
    }
}
