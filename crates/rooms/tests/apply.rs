//! Changes made together do what they do one by one, and say which rooms began and ended, in the stock adapter's order.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use socketio_rooms::{Applied, Change, ConnectionId, Namespace, RoomId, RoomKey};

/// The stock adapter, whose rooms are in the order of their beginning.
#[derive(Default)]
struct Model {
    rooms: Vec<(u8, Vec<ConnectionId>)>,
    sockets: BTreeMap<ConnectionId, Vec<u8>>,
}

impl Model {
    fn join(&mut self, connection: ConnectionId, name: u8) {
        let Some(list) = self.sockets.get_mut(&connection) else { return };
        if list.contains(&name) {
            return;
        }
        list.push(name);
        match self.rooms.iter_mut().find(|(other, _)| *other == name) {
            Some((_, members)) => members.push(connection),
            None => self.rooms.push((name, vec![connection])),
        }
    }

    fn leave(&mut self, connection: ConnectionId, name: u8) {
        if let Some(list) = self.sockets.get_mut(&connection) {
            list.retain(|other| *other != name);
        }
        for (_, members) in self.rooms.iter_mut().filter(|(other, _)| *other == name) {
            members.retain(|member| *member != connection);
        }
        self.rooms.retain(|(_, members)| !members.is_empty());
    }

    fn exit(&mut self, connection: ConnectionId) {
        for name in self.sockets.get(&connection).cloned().unwrap_or_default() {
            self.leave(connection, name);
        }
        self.sockets.remove(&connection);
    }

    fn rebind(&mut self, from: ConnectionId, to: ConnectionId) {
        if self.sockets.contains_key(&to) {
            return;
        }
        let Some(list) = self.sockets.remove(&from) else { return };
        self.sockets.insert(to, list);
        let members = self.rooms.iter_mut().flat_map(|(_, members)| members);
        members.filter(|member| **member == from).for_each(|member| *member = to);
    }
}

/// What `lib/membership.js` is: the names in the order of their beginning, with the numbers of their rooms.
struct Caller {
    namespace: Namespace,
    names: Vec<(u8, RoomId)>,
    by_number: HashMap<RoomId, u8>,
    next: RoomId,
    pending: Vec<Change>,
}

impl Caller {
    fn number(&self, name: u8) -> Option<RoomId> {
        self.names.iter().find(|(other, _)| *other == name).map(|(_, room)| *room)
    }

    fn join(&mut self, connection: ConnectionId, name: u8) {
        let room = self.number(name).unwrap_or_else(|| {
            let room = self.next;
            self.next += 1;
            self.names.push((name, room));
            self.by_number.insert(room, name);
            self.pending.push(Change::Create(room, RoomKey::text(&name.to_string())));
            room
        });
        self.pending.push(Change::Join(connection, room));
    }

    fn settle(&mut self) {
        let applied = self.namespace.apply(self.pending.drain(..));
        for room in applied.begun {
            let name = *self.by_number.get(&room).unwrap();
            self.names.retain(|(other, _)| *other != name);
            self.names.push((name, room));
        }
        for room in applied.removed {
            self.names.retain(|(_, other)| *other != room);
            self.by_number.remove(&room).unwrap();
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Enter(ConnectionId),
    Exit(ConnectionId),
    Join(ConnectionId, u8),
    Leave(ConnectionId, u8),
    Rebind(ConnectionId, ConnectionId),
    Settle,
}

fn op() -> impl Strategy<Value = Op> {
    let (connection, name) = (0u32..6, 0u8..8);
    prop_oneof![
        2 => connection.clone().prop_map(Op::Enter),
        1 => connection.clone().prop_map(Op::Exit),
        8 => (connection.clone(), name.clone()).prop_map(|(c, n)| Op::Join(c, n)),
        6 => (connection.clone(), name).prop_map(|(c, n)| Op::Leave(c, n)),
        1 => (connection.clone(), connection).prop_map(|(a, b)| Op::Rebind(a, b)),
        2 => Just(Op::Settle),
    ]
}

fn check(caller: &Caller, model: &Model) {
    let expected: Vec<_> = model.rooms.iter().map(|(name, _)| *name).collect();
    assert_eq!(caller.names.iter().map(|(name, _)| *name).collect::<Vec<_>>(), expected);
    assert_eq!(caller.namespace.room_count(), expected.len());
    assert_eq!(caller.namespace.socket_count(), model.sockets.len());
    for (name, members) in &model.rooms {
        let room = caller.number(*name).unwrap();
        assert_eq!(&caller.namespace.members(room).to_vec(), members);
        assert_eq!(caller.namespace.find_room(&RoomKey::text(&name.to_string())), Some(room));
    }
    for (connection, list) in &model.sockets {
        let numbers: Vec<_> = list.iter().map(|name| caller.number(*name).unwrap()).collect();
        assert_eq!(caller.namespace.rooms_of(*connection), numbers);
    }
    for name in (0..8).filter(|name| !expected.contains(name)) {
        assert_eq!(caller.namespace.find_room(&RoomKey::text(&name.to_string())), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn changes_made_together_are_those_of_the_stock_adapter(ops in prop::collection::vec(op(), 1..120)) {
        let mut model = Model::default();
        let namespace = Namespace::new();
        let mut caller = Caller { namespace, names: Vec::new(), by_number: HashMap::new(), next: 0, pending: Vec::new() };
        for op in ops.into_iter().chain([Op::Settle]) {
            match op {
                Op::Enter(connection) => {
                    model.sockets.entry(connection).or_default();
                    caller.pending.push(Change::Enter(connection, false));
                }
                Op::Exit(connection) => {
                    model.exit(connection);
                    caller.pending.push(Change::Exit(connection));
                }
                // As in JavaScript, only of sockets that are here.
                Op::Join(connection, name) if model.sockets.contains_key(&connection) => {
                    model.join(connection, name);
                    caller.join(connection, name);
                }
                Op::Leave(connection, name) => {
                    model.leave(connection, name);
                    if let Some(room) = caller.number(name) {
                        caller.pending.push(Change::Leave(connection, room));
                    }
                }
                Op::Rebind(from, to) => {
                    model.rebind(from, to);
                    caller.pending.push(Change::Rebind(from, to, false));
                }
                Op::Settle => {
                    caller.settle();
                    check(&caller, &model);
                }
                Op::Join(..) => {}
            }
        }
    }
}

#[test]
fn an_empty_room_that_was_not_left_here_keeps_its_place() {
    let namespace = Namespace::new();
    namespace.apply([Change::Enter(1, false), Change::Create(0, RoomKey::text("r")), Change::Join(1, 0)]);
    namespace.leave(1, 0);
    assert_eq!(namespace.apply([Change::Join(1, 0), Change::Remove(0)]), Applied::default());
    assert_eq!(namespace.members(0).to_vec(), [1]);
    namespace.leave(1, 0);
    assert_eq!(namespace.apply([Change::Remove(0), Change::Remove(7)]).removed, [0]);
    assert_eq!(namespace.room_count(), 0);
}

#[test]
fn a_watcher_is_told_of_the_rooms_that_are_there() {
    use std::sync::{Arc, Mutex};

    use socketio_rooms::{RoomChange, RoomName};

    let namespace = Namespace::new();
    namespace.apply([Change::Enter(1, false), Change::Create(0, RoomKey::text("first")), Change::Join(1, 0)]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&told);
    namespace.watch(move |changes| {
        let (lines, name) = (changes.into_iter(), |key: &RoomKey| match key.name() {
            RoomName::Text(text) => text.to_owned(),
            RoomName::Number(number) => format!("number {number}"),
            RoomName::Opaque => "opaque".to_owned(),
        });
        all.lock().unwrap().extend(lines.map(|change| match change {
            RoomChange::Made(key) => format!("+{}", name(&key)),
            RoomChange::Gone(key) => format!("-{}", name(&key)),
        }));
    });
    let take = || std::mem::take(&mut *told.lock().unwrap());
    assert_eq!(take(), ["+first"]);
    namespace.apply([
        Change::Create(1, RoomKey::text("7")),
        Change::Create(2, RoomKey::number(7.0)),
        Change::Create(3, RoomKey::OPAQUE),
        Change::Join(1, 1),
        Change::Join(1, 2),
        Change::Join(1, 3),
    ]);
    assert_eq!(take(), ["+7", "+number 7"]);
    // Empty in between: it is there before and after.
    namespace.apply([Change::Leave(1, 1), Change::Join(1, 1)]);
    assert_eq!(take(), [""; 0]);
    namespace.apply([Change::Exit(1)]);
    assert_eq!(take(), ["-first", "-number 7", "-7"]);
}
