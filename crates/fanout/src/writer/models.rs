//! loom tries the ways in which threads can take turns, with the code as it is: the inbox, the seat, the writer and its lanes, the events, the
//! latch. A wake-up that is lost shows as a deadlock.
//!
//! `RUSTFLAGS="--cfg fanout_loom" cargo test -p socketio-fanout --lib models`. The sockets are real ones (Unix), which never block here.
#![cfg_attr(not(test), expect(dead_code, unused_imports, reason = "models are tests"))]
#![expect(clippy::unwrap_used, reason = "a model fails by panicking")]

use std::future::pending;
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loom::future::block_on;
use loom::model::Builder;
use loom::thread;
use socketio_wire::{Frame, OpCode};

use super::seat::live;
use super::{Op, Seat, Send, Shared};
use crate::event::EventQueue;
use crate::flush::Latch;
use crate::socket::Socket;
use crate::sync::Notify;
use crate::{Config, Event, Form, Overflow, Packet};

/// What the runtime would call.
pub(super) type OnWritable = Box<dyn Fn() + std::marker::Send>;

/// All ways with so many changes of thread where none was needed.
fn model(preemptions: usize, run: impl Fn() + Sync + std::marker::Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(run);
}

/// A seat with one lane, and the other end of its connection.
struct Rig {
    seat: Arc<Seat>,
    client: UnixStream,
    events: Arc<EventQueue>,
    /// Given with each signal of the events.
    told: Arc<Notify>,
}

const CONNECTION: u32 = 0;

impl Rig {
    /// `inline`: how much of its work the event loop does itself.
    fn new(inline: usize) -> Self {
        let told = Arc::new(Notify::new());
        let signal = Arc::clone(&told);
        let events = Arc::new(EventQueue::new(Box::new(move || signal.notify_one())));
        let config =
            Config { writers: 1, max_buffered_bytes: 1 << 20, overflow: Overflow::Disconnect, io_uring: false, inline };
        let seat = Seat::new(0, &events, config, None);
        let (server, client) = UnixStream::pair().unwrap();
        server.set_nonblocking(true).unwrap();
        client.set_nonblocking(true).unwrap();
        let socket = Socket::duplicate(server.as_fd()).unwrap();
        seat.shared.inbox.push(Op::Open { connection: CONNECTION, socket, form: Form::default(), epoch: 0 });
        seat.writer.lock().round(super::By::Itself);
        Self { seat: Arc::new(seat), client, events, told }
    }

    /// The writer's own thread.
    fn start_writer(&self) -> thread::JoinHandle<()> {
        let seat = Arc::clone(&self.seat);
        thread::spawn(move || {
            let turn = || async { thread::yield_now() };
            block_on(live(&seat.writer, &seat.shared, turn, |_: Instant| pending::<()>()));
        })
    }

    fn stop(&self) {
        self.seat.shared.inbox.push(Op::Stop);
        self.seat.shared.inbox.nudge();
    }

    /// What the client has got, and whether its stream has ended.
    fn received(&mut self) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        match self.client.read_to_end(&mut bytes) {
            Ok(_) => (bytes, true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => (bytes, false),
            Err(error) => panic!("{error}"),
        }
    }
}

fn frame(content: u8) -> Frame {
    Frame::new(OpCode::Binary, None, &[content])
}

fn send(shared: &Shared, content: u8) {
    send_frame(shared, frame(content), 0);
}

fn send_frame(shared: &Shared, frame: Frame, tickets: u32) {
    let packet = Packet::new([frame]);
    let (volatile, continues, tick, epoch) = (false, false, 0, 0);
    shared.inbox.push(Op::Send(Send { connection: CONNECTION, packet, volatile, continues, tickets, tick, epoch }));
}

fn wire(contents: &[u8]) -> Vec<u8> {
    contents.iter().flat_map(|content| frame(*content).bytes().to_vec()).collect()
}

/// Two ticks of the event loop, which wakes the writer at the end of each.
#[test]
fn what_is_handed_over_is_written_in_order() {
    model(3, || {
        let mut rig = Rig::new(0);
        let writer = rig.start_writer();
        send(&rig.seat.shared, 1);
        send(&rig.seat.shared, 2);
        rig.seat.wake();
        send(&rig.seat.shared, 3);
        rig.seat.wake();
        rig.stop();
        writer.join().unwrap();
        assert_eq!(rig.received().0, wire(&[1, 2, 3]));
    });
}

/// Nobody stops the writer before it has written: a wake-up that is lost is a deadlock.
#[test]
fn a_writer_that_goes_to_sleep_is_woken() {
    for inline in [0, 100] {
        model(3, move || {
            let mut rig = Rig::new(inline);
            let writer = rig.start_writer();
            for content in [1, 2] {
                send_frame(&rig.seat.shared, frame(content), 1);
                rig.seat.wake();
                // As the event loop waits for the callback of a write.
                let mut written = rig.events.take().contains(&Event::Written(CONNECTION, 1));
                while !written {
                    block_on(rig.told.notified());
                    written = rig.events.take().contains(&Event::Written(CONNECTION, 1));
                }
            }
            rig.stop();
            writer.join().unwrap();
            assert_eq!(rig.received().0, wire(&[1, 2]));
        });
    }
}

/// The event loop writes itself when the writer sleeps: whoever does it, the order is that of handing over.
#[test]
fn work_done_by_the_event_loop_keeps_the_order() {
    model(3, || {
        let mut rig = Rig::new(100);
        let writer = rig.start_writer();
        for content in [1, 2, 3] {
            send(&rig.seat.shared, content);
            rig.seat.wake();
        }
        rig.stop();
        writer.join().unwrap();
        assert_eq!(rig.received().0, wire(&[1, 2, 3]));
    });
}

/// A thread of a cluster hands over beside the event loop: each in its own order, nothing lost.
#[test]
fn two_threads_hand_over() {
    model(2, || {
        let mut rig = Rig::new(100);
        let writer = rig.start_writer();
        let seat = Arc::clone(&rig.seat);
        let other = thread::spawn(move || {
            send(&seat.shared, 11);
            send(&seat.shared, 12);
            seat.shared.inbox.nudge();
        });
        send(&rig.seat.shared, 1);
        rig.seat.wake();
        other.join().unwrap();
        rig.stop();
        writer.join().unwrap();
        let (received, _) = rig.received();
        let contents: Vec<u8> = received.chunks(3).filter_map(|frame| frame.last().copied()).collect();
        let of = |from: u8| contents.iter().copied().filter(|content| content / 10 == from).collect::<Vec<_>>();
        assert_eq!((of(0), of(1), received.len()), (vec![1], vec![11, 12], 9));
    });
}

/// A lane is closed while the event loop and the writer are at it: what was before is written, what is after is not, and the client sees the end.
#[test]
fn a_lane_that_closes_writes_what_was_before() {
    for inline in [0, 100] {
        model(3, move || {
            let mut rig = Rig::new(inline);
            let writer = rig.start_writer();
            send(&rig.seat.shared, 1);
            rig.seat.wake();
            send(&rig.seat.shared, 2);
            rig.seat.shared.inbox.push(Op::Close(CONNECTION));
            send(&rig.seat.shared, 3);
            rig.seat.wake();
            rig.stop();
            writer.join().unwrap();
            assert_eq!(rig.received(), (wire(&[1, 2]), true), "its descriptor is closed");
            assert!(rig.events.take().contains(&Event::Closed(CONNECTION)));
        });
    }
}

/// The client takes nothing, then everything: the lane parks, and the kernel says that it takes bytes again while more is handed over.
#[test]
fn a_parked_lane_goes_on() {
    model(2, || {
        let mut rig = Rig::new(100);
        // More than the kernel takes at once.
        let large = Frame::new(OpCode::Binary, None, &vec![7; 600_000]);
        send_frame(&rig.seat.shared, large.clone(), 0);
        assert!(matches!(rig.seat.writer.lock().round(super::By::Itself), super::Next::Sleep(None)));
        assert!(rig.events.take().contains(&Event::Parked(CONNECTION)));
        let on_writable = rig.seat.writer.lock().watched.lock().pop().unwrap();
        let writer = rig.start_writer();
        // The runtime, in the kernel's name: again and again until everything is there.
        let mut expected = large.bytes().to_vec();
        expected.extend(wire(&[1]));
        let (mut client, len) = (rig.client.try_clone().unwrap(), expected.len());
        let kernel = thread::spawn(move || {
            let (mut got, mut buffer) = (Vec::<u8>::new(), vec![0; 1 << 20]);
            while got.len() < len {
                if let Ok(read) = client.read(&mut buffer) {
                    got.extend(buffer.iter().take(read));
                } else {
                    on_writable();
                    thread::yield_now();
                }
            }
            got
        });
        send(&rig.seat.shared, 1);
        rig.seat.wake();
        assert!(kernel.join().unwrap() == expected, "all bytes, in order");
        rig.stop();
        writer.join().unwrap();
        assert_eq!(rig.seat.shared.waiting.lock().get(&CONNECTION), None);
        assert_eq!(rig.received().0, []);
    });
}

/// Whatever is published is signalled, or taken with what was.
#[test]
fn no_event_waits_for_a_signal_that_was_given() {
    model(3, || {
        let rig = Rig::new(0);
        let publishers = [1, 2].map(|number| {
            let events = Arc::clone(&rig.events);
            thread::spawn(move || events.publish(&mut vec![Event::Parked(number), Event::Resumed(number)]))
        });
        let mut taken = Vec::new();
        while taken.len() < 4 {
            block_on(rig.told.notified());
            taken.extend(rig.events.take());
        }
        for publisher in publishers {
            publisher.join().unwrap();
        }
        for number in [1, 2] {
            let own = [Event::Parked(number), Event::Resumed(number)];
            assert!(taken.windows(2).any(|pair| pair == own));
        }
    });
}

/// Each writer counts down once; who waits is woken by the last, and knows whether all have written everything.
#[test]
fn a_latch_opens_with_the_last_writer() {
    for (first, second) in [(true, true), (true, false), (false, true)] {
        model(3, move || {
            let latch = Arc::new(Latch::new(2));
            let writers = [first, second].map(|all| {
                let latch = Arc::clone(&latch);
                thread::spawn(move || latch.count_down(all))
            });
            assert_eq!(latch.wait(Duration::from_secs(1)), first && second);
            for writer in writers {
                writer.join().unwrap();
            }
        });
    }
}

/// A flush that comes while the writer ends is answered all the same.
#[test]
fn a_flush_of_a_writer_that_ends_is_answered() {
    model(3, || {
        let rig = Rig::new(0);
        let writer = rig.start_writer();
        let latch = Arc::new(Latch::new(1));
        let ending = Arc::clone(&rig.seat);
        let stopper = thread::spawn(move || {
            ending.shared.inbox.push(Op::Stop);
            ending.shared.inbox.nudge();
        });
        rig.seat.shared.inbox.push(Op::Flush(Arc::clone(&latch), Instant::now() + Duration::from_secs(60)));
        rig.seat.shared.inbox.nudge();
        stopper.join().unwrap();
        writer.join().unwrap();
        // As the thread does when its writer has ended.
        rig.seat.writer.lock().end();
        latch.wait(Duration::from_secs(1));
    });
}

/// The end of a writer, while somebody hands over: it is taken or dropped, and nobody waits for ever.
#[test]
fn what_comes_after_the_end_is_dropped() {
    model(3, || {
        let mut rig = Rig::new(100);
        let seat = Arc::clone(&rig.seat);
        let ending = thread::spawn(move || seat.writer.lock().end());
        send(&rig.seat.shared, 1);
        rig.seat.wake();
        ending.join().unwrap();
        assert!(rig.seat.shared.inbox.is_closed());
        let (received, ended) = rig.received();
        assert!(ended && (received.is_empty() || received == wire(&[1])), "{received:?}");
    });
}
