//! Where the newest packet of each key waits in a lane's queue.

use std::collections::HashMap;
use std::sync::Arc;

/// The places of packets with a key, while the lane is parked. Nothing is kept, or allocated, for other lanes.
#[derive(Debug, Default)]
pub(super) struct Conflated {
    /// By key: a place counted from the first packet since the lane was parked.
    #[expect(clippy::box_collection, reason = "one word in each of the many lanes that are not behind")]
    places: Option<Box<HashMap<Arc<str>, usize>>>,
    /// How many of those have left the queue since.
    popped: usize,
}

impl Conflated {
    /// A packet with this key is about to be queued at `place`.
    pub(super) fn remember(&mut self, key: &Arc<str>, place: usize) {
        self.places.get_or_insert_default().insert(Arc::clone(key), place + self.popped);
    }

    /// Where the packet with this key waits, unless it has left.
    pub(super) fn place_of(&self, key: &str) -> Option<usize> {
        self.places.as_ref()?.get(key)?.checked_sub(self.popped)
    }

    /// The first packet of the queue has left.
    pub(super) fn popped(&mut self) {
        if self.places.is_some() {
            self.popped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
    use std::collections::VecDeque;

    use proptest::prelude::*;
    use socketio_wire::{Frame, OpCode};

    use crate::lane::{Given, Giving, Lane};
    use crate::{Config, Overflow};

    const CONFIG: Config =
        Config { writers: 1, max_buffered_bytes: 4000, overflow: Overflow::Drop, io_uring: false, inline: 0 };

    /// A frame that says its number and has a length of its own.
    fn frame(number: u8, len: usize) -> Frame {
        Frame::new(OpCode::Binary, None, &vec![number; len])
    }

    proptest! {
        /// Steps: a packet with one of four keys or none, or the kernel takes some bytes.
        #[test]
        fn what_waits_is_the_newest_of_each_key_in_the_place_of_the_oldest(
            steps in prop::collection::vec((prop::option::of(0u8..5), 1usize..90, 0usize..200), 1..120)
        ) {
            let keys = ["a", "b", "c", "d"].map(std::sync::Arc::<str>::from);
            let mut lane = Lane::default();
            // The first frame blocks, and is begun: from then on the lane is parked.
            lane.give(&[frame(0, 3000)], None, Giving::default(), &CONFIG);
            let first = frame(0, 3000);
            let mut expected: VecDeque<(Option<usize>, Frame)> = VecDeque::from([(None, first)]);
            let (mut wire, mut model) = (Vec::new(), Vec::new());
            let mut sent = 0;
            let mut budget = 1;
            for (number, (key, len, takes)) in (1u8..).zip(steps) {
                lane.write(|parts| {
                    let all: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
                    let now = all.len().min(std::mem::take(&mut budget));
                    wire.extend_from_slice(&all[..now]);
                    if now == 0 { Err(std::io::ErrorKind::WouldBlock.into()) } else { Ok(now) }
                });
                while let Some((_, front)) = expected.front() && wire.len() >= sent + front.len() {
                    sent += front.len();
                    model.extend_from_slice(expected.pop_front().unwrap().1.bytes());
                }
                budget = takes;
                if !lane.is_parked() { break; }
                let key = key.map(usize::from).filter(|key| *key < keys.len());
                let given = lane.give(&[frame(number, len)], key.map(|key| &keys[key]), Giving::default(), &CONFIG);
                let begun = usize::from(wire.len() > sent);
                let older = expected.iter_mut().skip(begun).find(|(other, _)| key.is_some() && *other == key);
                match given {
                    Given::Conflated => older.unwrap().1 = frame(number, len),
                    Given::Queued => {
                        prop_assert!(older.is_none());
                        expected.push_back((key, frame(number, len)));
                    }
                    _ => {}
                }
                prop_assert_eq!(lane.bytes(), expected.iter().map(|(_, frame)| frame.len()).sum::<usize>() - (wire.len() - sent));
            }
            lane.write(|parts| {
                for part in parts {
                    wire.extend_from_slice(part);
                }
                Ok(parts.iter().map(|part| part.len()).sum())
            });
            for (_, frame) in &expected {
                model.extend_from_slice(frame.bytes());
            }
            prop_assert_eq!(wire, model);
        }
    }
}
