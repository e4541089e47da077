//! The object that `lib/engine.js` holds.

use std::cell::RefCell;
use std::ops::Deref;
use std::panic::RefUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Error, Object, Result, Status, Uint32Array};
use napi_derive::napi;
use socketio_cluster::Writers;
use socketio_fanout::{Config, Fanout, Overflow, Stats};
use socketio_rooms::Namespace;

use crate::calls;
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
    /// Send in batches by `io_uring`, where the kernel offers it.
    pub io_uring: bool,
    /// Up to so many small frames are written on the event loop, when little else was lately. 0: never.
    pub inline: u32,
}

/// The engine of one Socket.IO server: its rooms, and its writers while there are lanes.
#[napi]
pub struct NativeEngine {
    state: Rc<State>,
}

/// What the methods and functions of an engine share. All of them run on one thread.
pub struct State {
    pub(crate) config: Config,
    pub(crate) running: RefCell<Option<Running>>,
    /// The writers that were stopped last, and the counters of those before them.
    pub(crate) last: RefCell<Option<Arc<Fanout>>>,
    pub(crate) ended: RefCell<Stats>,
    pub(crate) namespaces: RefCell<Vec<Option<Arc<Namespace>>>>,
    pub(crate) indexes: RefCell<Indexes>,
    /// The writers and what other threads have to know of the lanes.
    pub(crate) writers: Arc<Writers>,
}

/// A panic in the engine becomes an error of the call; each cell is borrowed for one statement, so none stays borrowed.
impl RefUnwindSafe for State {}

impl Deref for NativeEngine {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

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
        let state = State {
            config,
            running: RefCell::default(),
            last: RefCell::default(),
            ended: RefCell::default(),
            namespaces: RefCell::default(),
            indexes: RefCell::default(),
            writers: Arc::default(),
        };
        Self { state: Rc::new(state) }
    }

    /// What is called for each packet, as functions: a method costs three times as much, because its object must be unwrapped.
    #[napi(ts_return_type = "NativeCalls")]
    pub fn calls<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        calls::functions(env, &self.state)
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
}

impl NativeEngine {
    pub(crate) fn shared(&self) -> &Rc<State> {
        &self.state
    }
}

impl State {
    pub(crate) fn fanout(&self) -> Result<Arc<Fanout>> {
        match &*self.running.borrow() {
            Some(running) => Ok(Arc::clone(&running.fanout)),
            None => Err(no_writers()),
        }
    }

    /// Calls `run` with the writers, which must run.
    pub(crate) fn with_writers(&self, run: impl FnOnce(&Fanout)) -> Result<()> {
        match &*self.running.borrow() {
            Some(running) => run(&running.fanout),
            None => return Err(no_writers()),
        }
        Ok(())
    }

    pub(crate) fn namespace(&self, namespace: u32) -> Result<Arc<Namespace>> {
        Self::open_namespace(&self.namespaces.borrow(), namespace).cloned()
    }

    pub(crate) fn open_namespace(namespaces: &[Option<Arc<Namespace>>], namespace: u32) -> Result<&Arc<Namespace>> {
        let found = namespaces.get(namespace as usize).and_then(Option::as_ref);
        found.ok_or_else(|| Error::new(Status::InvalidArg, format!("expected an open namespace, got {namespace}")))
    }
}

fn no_writers() -> Error {
    Error::new(Status::InvalidArg, "expected running writers, got none: call start() first")
}

/// Writers end with the engine also when JavaScript lost it without closing it.
impl Drop for State {
    fn drop(&mut self) {
        if let Some(running) = self.running.borrow_mut().take() {
            *self.writers.running.write() = None;
            running.fanout.stop();
        }
    }
}
