//! Connections come and go by the thousands while broadcasts go out.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::support::{CONFIG, Client, Engine, Random};

const GENERATIONS: usize = 60;
const AT_ONCE: u32 = 50;

#[test]
fn each_connection_sees_the_broadcasts_of_its_own_time_without_a_gap() {
    let engine = Engine::start(CONFIG);
    // How many broadcasts have begun. Read before a lane opens: what it gets has at least this number.
    let begun = AtomicU64::new(0);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = SetAtEnd(&over);
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let number = begun.fetch_add(1, Ordering::SeqCst);
                engine.broadcast(&["room"], &[], &number.to_string());
                engine.fanout.wake();
                std::thread::yield_now();
            }
        });
        let mut random = Random::new();
        let mut visitors: Vec<Option<Visitor>> = (0..AT_ONCE).map(|_| None).collect();
        for _ in 0..GENERATIONS {
            for (index, place) in (0u32..).zip(&mut visitors) {
                let mut visitor = place.take();
                // Some clients go before their lanes are closed, in the middle of what is on its way to them.
                if random.below(4) == 0 {
                    visitor = None;
                }
                engine.namespace.exit(index);
                engine.fanout.close(index);
                engine.fanout.wake();
                if let Some(Visitor { mut client, mut last, since }) = visitor {
                    client.rest().iter().for_each(|text| check(text, &mut last, since));
                }
                let since = begun.load(Ordering::SeqCst);
                *place = Some(Visitor { client: engine.connect(index, &["room"]), last: None, since });
            }
            for visitor in visitors.iter_mut().flatten().filter(|_| random.below(2) == 0) {
                check(&visitor.client.text(), &mut visitor.last, visitor.since);
            }
        }
    });
    for index in 0..AT_ONCE {
        engine.close(index);
    }
    let stats = engine.fanout.stats();
    assert_eq!((stats.lanes, stats.parked_lanes, stats.buffered_bytes), (0, 0, 0));
}

struct Visitor {
    client: Client,
    /// The last number that it got.
    last: Option<u64>,
    /// How many broadcasts had begun before it came.
    since: u64,
}

/// A client gets numbers without a gap, and none of an earlier time. The broadcast that had begun may have found it.
fn check(text: &str, last: &mut Option<u64>, since: u64) {
    let number: u64 = text.parse().unwrap();
    assert!(last.map_or(number + 1 >= since, |last| number == last + 1), "{number} after {last:?}, since {since}");
    *last = Some(number);
}

/// Ends the broadcasts also when the test fails.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
