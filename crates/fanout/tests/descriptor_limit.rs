//! When the process may open no more descriptors, a lane does not open, and nothing else happens. Alone in its process, which
//! it sets the limit of.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![cfg(unix)]

/// Everything is written by the writers' threads.
const INLINE: usize = 0;

#[expect(dead_code, reason = "this test needs some of it")]
mod support;

use std::os::fd::{AsFd, AsRawFd};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{CONFIG, Client, Engine};

#[test]
fn a_lane_that_cannot_have_a_descriptor_does_not_open() {
    let engine = Engine::start(CONFIG);
    let mut open = engine.connect(0, &["room"]);
    let mut client = Client::unix();
    engine.settle(0);

    let before = getrlimit(Resource::Nofile);
    // The lowest free number is at least this one.
    let free = rustix::io::dup(client.server.as_ref().unwrap()).unwrap().as_raw_fd();
    let limit = Rlimit { current: Some(u64::try_from(free).unwrap()), ..before };
    setrlimit(Resource::Nofile, limit).unwrap();
    let refused = engine.fanout.open(1, client.server.as_ref().unwrap().as_fd(), socketio_fanout::Form::default());
    setrlimit(Resource::Nofile, before).unwrap();
    let error = refused.unwrap_err();
    assert_eq!(error.0.raw_os_error(), Some(rustix::io::Errno::MFILE.raw_os_error()), "{error}");

    engine.broadcast(&[], &[], "to the lane that is open");
    engine.fanout.wake();
    assert_eq!(open.text(), "to the lane that is open");
    client = engine.adopt(1, client, &[]);
    engine.send(1, "now it opens");
    engine.fanout.wake();
    assert_eq!(client.text(), "now it opens");
}
