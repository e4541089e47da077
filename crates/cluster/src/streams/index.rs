//! What was sent to each room of a namespace, beside the stream: a client that comes back costs what it missed, not what was sent.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use rustc_hash::FxBuildHasher;
use socketio_rooms::RoomKey;

use super::entry::Id;

/// A packet that a client missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Its offset.
    pub id: Id,
    /// Its data: a JSON array, or one of `MessagePack`.
    pub data: Bytes,
}

#[derive(Debug)]
struct Kept {
    missed: Missed,
    rooms: Box<[RoomKey]>,
    except: Box<[RoomKey]>,
}

/// What one costs besides its data, about.
const OVERHEAD: usize = 200;

/// The packets of a namespace, in the order of their ids, and by room. The oldest go when there are too many.
///
/// It knows everything of the namespace after [`Index::from`], up to [`Index::last`].
#[derive(Debug)]
pub struct Index {
    kept: VecDeque<Kept>,
    /// The number of the first of these. Numbers do not change: earlier packets get smaller ones.
    first: i64,
    by_room: HashMap<RoomKey, VecDeque<i64>, FxBuildHasher>,
    to_all: VecDeque<i64>,
    from: Id,
    last: Id,
    bytes: usize,
    most: usize,
    most_bytes: usize,
}

impl Index {
    /// Of what comes after `from`. Keeps at most so many packets and bytes.
    pub fn new(from: Id, most: usize, most_bytes: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            first: 0,
            by_room: HashMap::default(),
            to_all: VecDeque::new(),
            from,
            last: from,
            bytes: 0,
            most,
            most_bytes,
        }
    }

    /// Begins anew: it knows what comes after `from`.
    pub fn begin(&mut self, from: Id) {
        *self = Self::new(from, self.most, self.most_bytes);
    }

    /// After this everything is known.
    pub fn from(&self) -> Id {
        self.from
    }

    /// The last entry of the stream that was seen.
    pub fn last(&self) -> Id {
        self.last
    }

    /// How many packets are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The size of all, in bytes, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Entries up to this one were seen, whether they are kept or not.
    pub fn seen(&mut self, id: Id) {
        self.last = self.last.max(id);
    }

    /// A packet to any of `rooms` (everybody when there is none) and none of `except`, after all others.
    pub fn push(&mut self, missed: Missed, rooms: Vec<RoomKey>, except: Vec<RoomKey>) {
        self.seen(missed.id);
        let number = self.first + i64::try_from(self.kept.len()).unwrap_or(i64::MAX);
        self.list(&rooms, |list| list.push_back(number));
        self.bytes += missed.data.len() + OVERHEAD;
        self.kept.push_back(Kept { missed, rooms: rooms.into(), except: except.into() });
        while self.kept.len() > self.most || self.bytes > self.most_bytes {
            self.drop_first();
        }
    }

    /// All packets after `from` up to `until`, newest first, which are before all others. Nothing happens when what follows `until` is
    /// not known (any more).
    pub fn extend_back(
        &mut self,
        from: Id,
        until: Id,
        older: impl Iterator<Item = (Missed, Vec<RoomKey>, Vec<RoomKey>)>,
    ) {
        if self.from != until {
            return;
        }
        for (missed, rooms, except) in older {
            let size = missed.data.len() + OVERHEAD;
            if self.kept.len() >= self.most || self.bytes + size > self.most_bytes {
                // What comes before this one is not known.
                self.from = missed.id;
                return;
            }
            self.first -= 1;
            let number = self.first;
            self.list(&rooms, |list| list.push_front(number));
            self.bytes += size;
            self.kept.push_front(Kept { missed, rooms: rooms.into(), except: except.into() });
        }
        self.from = from;
    }

    /// Lets go of what is older than `id`.
    pub fn forget(&mut self, id: Id) {
        while self.kept.front().is_some_and(|kept| kept.missed.id < id) {
            self.drop_first();
        }
    }

    fn list(&mut self, rooms: &[RoomKey], mut add: impl FnMut(&mut VecDeque<i64>)) {
        if rooms.is_empty() {
            return add(&mut self.to_all);
        }
        for room in rooms {
            add(self.by_room.entry(room.clone()).or_default());
        }
    }

    fn drop_first(&mut self) {
        let Some(kept) = self.kept.pop_front() else { return };
        let number = self.first;
        self.first += 1;
        self.bytes -= kept.missed.data.len() + OVERHEAD;
        self.from = self.from.max(kept.missed.id);
        let gone = |list: &mut VecDeque<i64>| {
            if list.front() == Some(&number) {
                list.pop_front();
            }
        };
        if kept.rooms.is_empty() {
            gone(&mut self.to_all);
        }
        for room in &kept.rooms {
            if let Some(list) = self.by_room.get_mut(room) {
                // A room that is named twice is listed twice.
                gone(list);
                if list.is_empty() {
                    self.by_room.remove(room);
                }
            }
        }
    }

    /// Whether an entry of that id is kept.
    pub fn has(&self, id: Id) -> bool {
        self.kept.binary_search_by_key(&id, |kept| kept.missed.id).is_ok()
    }

    /// Whether everything after `id` is known, should it be an entry's.
    pub fn reaches(&self, id: Id) -> bool {
        id >= self.from
    }

    /// What somebody in `rooms` missed after `id`, in order. Costs what is found in these rooms.
    pub fn missed(&self, rooms: &[RoomKey], id: Id) -> Vec<Missed> {
        let lists = rooms.iter().filter_map(|room| self.by_room.get(room)).chain(std::iter::once(&self.to_all));
        let mut numbers: Vec<i64> = Vec::new();
        for list in lists {
            let start = list.partition_point(|number| self.at(*number).is_none_or(|kept| kept.missed.id <= id));
            numbers.extend(list.range(start..));
        }
        numbers.sort_unstable();
        numbers.dedup();
        let found = numbers.into_iter().filter_map(|number| self.at(number));
        found.filter(|kept| !meets(&kept.except, rooms)).map(|kept| kept.missed.clone()).collect()
    }

    fn at(&self, number: i64) -> Option<&Kept> {
        self.kept.get(usize::try_from(number - self.first).ok()?)
    }
}

/// Whether the two have a room in common.
fn meets(some: &[RoomKey], others: &[RoomKey]) -> bool {
    some.iter().any(|room| others.contains(room))
}
