//! Any sequence of operations gives the same answers as a naive model of the stock adapter, and a snapshot never changes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use socketio_rooms::{ConnectionId, Left, Namespace, RoomId, RoomKey, Target};

/// The stock adapter: two maps of sets.
#[derive(Default)]
struct Model {
    rooms: BTreeMap<u8, Vec<ConnectionId>>,
    sockets: BTreeMap<ConnectionId, Vec<u8>>,
    compat: BTreeSet<ConnectionId>,
}

impl Model {
    fn take_out(&mut self, connection: ConnectionId, room: u8) -> bool {
        let Some(members) = self.rooms.get_mut(&room) else { return false };
        let before = members.len();
        members.retain(|member| *member != connection);
        let left = members.len() < before;
        if members.is_empty() {
            self.rooms.remove(&room);
        }
        left
    }

    fn recipients(&self, rooms: &[u8], except: &[u8]) -> BTreeSet<ConnectionId> {
        let of = |room: &u8| self.rooms.get(room).cloned().unwrap_or_default();
        let excepted: BTreeSet<_> = except.iter().flat_map(of).collect();
        let all = if rooms.is_empty() {
            self.sockets.keys().copied().collect()
        } else {
            rooms.iter().flat_map(of).collect::<BTreeSet<_>>()
        };
        all.difference(&excepted).copied().collect()
    }
}

#[derive(Clone, Debug)]
enum Op {
    Enter(ConnectionId, bool),
    Exit(ConnectionId),
    Join(ConnectionId, u8),
    JoinMany(u8, u8),
    Leave(ConnectionId, u8),
    Compat(ConnectionId, bool),
    Rebind(ConnectionId, ConnectionId),
    Broadcast(Vec<u8>, Vec<u8>),
}

fn op() -> impl Strategy<Value = Op> {
    let (connection, room) = (0u32..200, 0u8..12);
    let few_rooms = || prop::collection::vec(0u8..12, 0..4);
    prop_oneof![
        3 => (connection.clone(), any::<bool>()).prop_map(|(c, compat)| Op::Enter(c, compat)),
        1 => connection.clone().prop_map(Op::Exit),
        6 => (connection.clone(), room.clone()).prop_map(|(c, r)| Op::Join(c, r)),
        1 => (room.clone(), 60u8..140).prop_map(|(r, n)| Op::JoinMany(r, n)),
        4 => (connection.clone(), room).prop_map(|(c, r)| Op::Leave(c, r)),
        1 => (connection.clone(), any::<bool>()).prop_map(|(c, compat)| Op::Compat(c, compat)),
        1 => (connection.clone(), connection).prop_map(|(a, b)| Op::Rebind(a, b)),
        4 => (few_rooms(), few_rooms()).prop_map(|(rooms, except)| Op::Broadcast(rooms, except)),
    ]
}

struct Pair {
    namespace: Namespace,
    model: Model,
    snapshots: Vec<(Target, BTreeSet<ConnectionId>, BTreeSet<ConnectionId>)>,
}

impl Pair {
    fn room(&self, room: u8) -> RoomId {
        self.namespace.create_room(RoomKey::text(&room.to_string()))
    }

    fn join(&mut self, connection: ConnectionId, room: u8) {
        let Some(rooms) = self.model.sockets.get_mut(&connection) else { return };
        let joined = !rooms.contains(&room);
        if joined {
            rooms.push(room);
            self.model.rooms.entry(room).or_default().push(connection);
        }
        assert_eq!(self.namespace.join(connection, self.room(room)), joined);
    }

    fn enter(&mut self, connection: ConnectionId, compat: bool) {
        self.model.sockets.entry(connection).or_default();
        if compat {
            self.model.compat.insert(connection);
        }
        self.namespace.enter(connection, compat);
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Enter(connection, compat) => self.enter(connection, compat),
            Op::Join(connection, room) => self.join(connection, room),
            Op::JoinMany(room, count) => {
                for connection in 0..u32::from(count) {
                    self.enter(connection, false);
                    self.join(connection, room);
                }
            }
            Op::Exit(connection) => {
                let rooms = self.model.sockets.remove(&connection).unwrap_or_default();
                self.model.compat.remove(&connection);
                let gone: Vec<_> = self.namespace.exit(connection);
                assert_eq!(
                    gone.iter().map(|(room, _)| *room).collect::<Vec<_>>(),
                    rooms.iter().map(|room| self.room(*room)).collect::<Vec<_>>()
                );
                for (room, (id, left)) in rooms.into_iter().zip(gone) {
                    assert!(self.model.take_out(connection, room));
                    assert_eq!(left == Left::LeftEmpty, !self.model.rooms.contains_key(&room));
                    assert_eq!(self.namespace.remove_if_empty(id), left == Left::LeftEmpty);
                }
            }
            Op::Leave(connection, room) => {
                let id = self.room(room);
                let left = self.namespace.leave(connection, id);
                assert_eq!(left != Left::NotMember, self.model.take_out(connection, room));
                if let Some(rooms) = self.model.sockets.get_mut(&connection) {
                    rooms.retain(|other| *other != room);
                }
                self.namespace.remove_if_empty(id);
            }
            Op::Compat(connection, compat) => {
                self.namespace.set_compat(connection, compat);
                if !compat {
                    self.model.compat.remove(&connection);
                } else if self.model.sockets.contains_key(&connection) {
                    self.model.compat.insert(connection);
                }
            }
            Op::Rebind(from, to) => self.rebind(from, to),
            Op::Broadcast(rooms, except) => self.broadcast(&rooms, &except),
        }
    }

    fn rebind(&mut self, from: ConnectionId, to: ConnectionId) {
        self.namespace.rebind(from, to, false);
        if self.model.sockets.contains_key(&to) {
            return;
        }
        let Some(rooms) = self.model.sockets.remove(&from) else { return };
        for room in &rooms {
            self.model
                .rooms
                .get_mut(room)
                .unwrap()
                .iter_mut()
                .filter(|member| **member == from)
                .for_each(|member| *member = to);
        }
        self.model.compat.remove(&from);
        self.model.sockets.insert(to, rooms);
    }

    fn broadcast(&mut self, rooms: &[u8], except: &[u8]) {
        let ids = |rooms: &[u8]| rooms.iter().map(|room| self.room(*room)).collect::<Vec<_>>();
        let (include, without) = (ids(rooms), ids(except));
        let target = if rooms.is_empty() {
            self.namespace.target_all(&without)
        } else {
            self.namespace.target(&include, &without)
        };
        let expected = self.model.recipients(rooms, except);
        self.snapshots.push((target, expected, self.model.compat.clone()));
    }

    fn check(&self) {
        for (target, expected, compat) in &self.snapshots {
            let all = target.recipients();
            assert_eq!(&all.iter().copied().collect::<BTreeSet<_>>(), expected);
            assert_eq!(all.len(), expected.len(), "each recipient once");
            let mut native = BTreeSet::new();
            target.visit_native(|connection| {
                native.insert(connection);
            });
            assert_eq!(native, expected.difference(compat).copied().collect());
            assert_eq!(
                target.compat_recipients().into_iter().collect::<BTreeSet<_>>(),
                expected.intersection(compat).copied().collect()
            );
            if let Some(single) = target.single() {
                assert_eq!(all, [single]);
            }
        }
        for (connection, rooms) in &self.model.sockets {
            assert_eq!(
                self.namespace.rooms_of(*connection),
                rooms.iter().map(|room| self.room(*room)).collect::<Vec<_>>()
            );
            assert_eq!(self.namespace.room_count_of(*connection), rooms.len());
        }
        for (room, members) in &self.model.rooms {
            let got = self.namespace.members(self.room(*room)).to_vec();
            if members.len() < 32 && got.len() < 32 {
                assert_eq!(got.iter().collect::<BTreeSet<_>>(), members.iter().collect());
            }
            assert_eq!(got.len(), members.len());
        }
        assert_eq!(self.namespace.socket_count(), self.model.sockets.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn answers_as_the_stock_adapter(ops in prop::collection::vec(op(), 1..200)) {
        let mut pair = Pair { namespace: Namespace::new(), model: Model::default(), snapshots: Vec::new() };
        for op in ops {
            pair.apply(op);
        }
        pair.check();
    }
}

#[test]
fn small_rooms_keep_the_order_of_joining() {
    let namespace = Namespace::new();
    let room = namespace.create_room(RoomKey::text("r"));
    for connection in [9, 3, 7, 1] {
        namespace.enter(connection, false);
        namespace.join(connection, room);
    }
    namespace.leave(3, room);
    namespace.enter(50, false);
    namespace.rebind(7, 60, false);
    assert_eq!(namespace.members(room).to_vec(), [9, 60, 1]);
}

#[test]
fn numbers_and_strings_are_different_rooms_and_ids_are_found_by_name() {
    let namespace = Namespace::new();
    let (text, number) = (namespace.create_room(RoomKey::text("1")), namespace.create_room(RoomKey::number(1.0)));
    assert_ne!(text, number);
    assert_eq!(namespace.find_room(&RoomKey::number(1.0)), Some(number));
    assert_ne!(namespace.create_room(RoomKey::OPAQUE), namespace.create_room(RoomKey::OPAQUE));
    assert!(namespace.remove_if_empty(text));
    assert_eq!(namespace.find_room(&RoomKey::text("1")), None);
    assert_eq!(namespace.room_count(), 3);
}

#[test]
fn a_socket_can_be_in_a_hundred_thousand_rooms() {
    let namespace = Namespace::new();
    namespace.enter(1, false);
    let rooms: Vec<_> = (0..100_000).map(|n| namespace.create_room(RoomKey::number(f64::from(n)))).collect();
    for room in &rooms {
        assert!(namespace.join(1, *room));
    }
    for room in rooms.iter().step_by(2) {
        assert_eq!(namespace.leave(1, *room), Left::LeftEmpty);
    }
    assert_eq!(namespace.rooms_of(1), rooms.iter().copied().skip(1).step_by(2).collect::<Vec<_>>());
    assert_eq!(namespace.exit(1).len(), 50_000);
    assert!(rooms.iter().all(|room| namespace.remove_if_empty(*room)));
    assert_eq!(namespace.room_count(), 0);
    assert!(namespace.rooms_of(1).is_empty() && rooms[0] == 0);
}
