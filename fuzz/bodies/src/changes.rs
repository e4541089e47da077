use std::collections::{BTreeMap, BTreeSet};

use arbitrary::{Result, Unstructured};
use socketio_rooms::{Applied, Change, ConnectionId, Namespace, RoomId, RoomKey, Target};

#[expect(unreachable_pub, reason = "it is a module of a program")]
#[path = "../../../src/changes.rs"]
mod decoder;

use decoder::Changes;

/// Any numbers for changes: what cannot be done does nothing, the rest is done, and a snapshot never changes.
pub fn changes(data: &[u8]) {
    let mut choices = Unstructured::new(data);
    let namespace = Namespace::new();
    let mut model = Model::default();
    let mut snapshots = Vec::new();
    while !choices.is_empty() {
        let Ok((words, names)) = batch(&mut choices) else { return };
        let applied = namespace.apply(Changes::new(&words, &names));
        assert_eq!(applied, model.apply(Changes::new(&words, &names)));
        model.check(&namespace);
        snapshots.push((namespace.target(&[0, 1, 2], &[3]), namespace.target_all(&[1]), model.recipients()));
        for (some, all, (expected_some, expected_all)) in &snapshots {
            assert_eq!((&sorted(some), &sorted(all)), (expected_some, expected_all));
        }
    }
}

fn sorted(target: &Target) -> Vec<ConnectionId> {
    let set: BTreeSet<_> = target.recipients().into_iter().collect();
    set.into_iter().collect()
}

/// The format trusts the caller's room numbers, each of which takes memory: they are small here. Names are short, so that some are
/// equal, and may be no Unicode.
fn batch(choices: &mut Unstructured<'_>) -> Result<(Vec<u32>, Vec<u16>)> {
    let mut words = Vec::new();
    for _ in 0..choices.int_in_range(1..=40)? {
        let kind = choices.int_in_range(0..=10)?;
        let mut number = || Ok(u32::from(choices.arbitrary::<u8>()? % 24));
        let (first, second) = (number()?, number()?);
        let connection = |small: u32| if small == 23 { u32::MAX } else { small };
        words.extend(match kind {
            2 | 3 => [kind, connection(first), second],
            6 => [kind, connection(first), connection(second)],
            7.. => [kind, first, second % 5],
            4 => [kind, first, second],
            _ => [kind, connection(first), second % 2],
        });
    }
    // A list that is cut does not end in half a change.
    words.truncate(words.len() - choices.int_in_range(0..=2)?);
    let names = choices.int_in_range(0..=30)?;
    let unit = |byte: u8| [0x61, 0x62, 0x31, 0x2E, 0x2D, 0xD800, 0xDC00, 0xE9][usize::from(byte) % 8];
    let names = choices.bytes(names)?.iter().map(|byte| unit(*byte)).collect();
    Ok((words, names))
}

#[derive(Default)]
struct Model {
    rooms: BTreeMap<RoomId, (RoomKey, Vec<ConnectionId>)>,
    named: Vec<(RoomKey, RoomId)>,
    sockets: BTreeMap<ConnectionId, Vec<RoomId>>,
    compat: BTreeSet<ConnectionId>,
}

impl Model {
    fn apply(&mut self, changes: Changes<'_>) -> Applied {
        let mut applied = Applied::default();
        // In the order of their first end, and whether that was the last word.
        let mut ended: Vec<(RoomId, bool)> = Vec::new();
        let end = |ended: &mut Vec<(RoomId, bool)>, room| {
            if !ended.contains(&(room, true)) {
                ended.push((room, true));
            }
        };
        for change in changes {
            match change {
                Change::Enter(connection, compat) => {
                    self.sockets.entry(connection).or_default();
                    if compat {
                        self.compat.insert(connection);
                    }
                }
                Change::Exit(connection) => {
                    self.compat.remove(&connection);
                    for room in self.sockets.remove(&connection).unwrap_or_default() {
                        self.out(connection, room);
                        if self.rooms[&room].1.is_empty() {
                            end(&mut ended, room);
                        }
                    }
                }
                Change::Create(room, key) if !self.rooms.contains_key(&room) => {
                    if key != RoomKey::OPAQUE && !self.named.iter().any(|(other, _)| *other == key) {
                        self.named.push((key.clone(), room));
                    }
                    self.rooms.insert(room, (key, Vec::new()));
                    if !applied.begun.is_empty() {
                        applied.begun.push(room);
                    }
                }
                Change::Join(connection, room) => {
                    let (Some(list), Some((_, members))) =
                        (self.sockets.get_mut(&connection), self.rooms.get_mut(&room))
                    else {
                        continue;
                    };
                    if list.contains(&room) {
                        continue;
                    }
                    list.push(room);
                    members.push(connection);
                    if let Some(place) = ended.iter().position(|end| *end == (room, true)) {
                        ended[place].1 = false;
                        applied.begun.push(room);
                    }
                }
                Change::Leave(connection, room) => {
                    let was = self.sockets.get(&connection).is_some_and(|list| list.contains(&room));
                    if was {
                        self.out(connection, room);
                        self.sockets.get_mut(&connection).unwrap().retain(|other| *other != room);
                        if self.rooms[&room].1.is_empty() {
                            end(&mut ended, room);
                        }
                    }
                }
                Change::Remove(room) => end(&mut ended, room),
                Change::Compat(connection, true) if self.sockets.contains_key(&connection) => {
                    self.compat.insert(connection);
                }
                Change::Compat(connection, false) => {
                    self.compat.remove(&connection);
                }
                Change::Rebind(from, to, compat) if !self.sockets.contains_key(&to) => {
                    let Some(list) = self.sockets.remove(&from) else { continue };
                    self.sockets.insert(to, list);
                    let members = self.rooms.values_mut().flat_map(|(_, members)| members);
                    members.filter(|member| **member == from).for_each(|member| *member = to);
                    self.compat.remove(&from);
                    if compat {
                        self.compat.insert(to);
                    }
                }
                Change::Create(..) | Change::Compat(..) | Change::Rebind(..) => {}
            }
        }
        for (room, _) in ended {
            if self.rooms.get(&room).is_some_and(|(_, members)| members.is_empty()) {
                self.rooms.remove(&room);
                self.named.retain(|(_, other)| *other != room);
                applied.removed.push(room);
            }
        }
        applied
    }

    fn out(&mut self, connection: ConnectionId, room: RoomId) {
        self.rooms.get_mut(&room).unwrap().1.retain(|member| *member != connection);
    }

    /// Who is in room 0, 1 or 2 and not in 3, and who is not in 1.
    fn recipients(&self) -> (Vec<ConnectionId>, Vec<ConnectionId>) {
        let is_in = |rooms: &[RoomId], list: &Vec<RoomId>| list.iter().any(|room| rooms.contains(room));
        let those = |wanted: &dyn Fn(&Vec<RoomId>) -> bool| {
            self.sockets.iter().filter(|(_, list)| wanted(list)).map(|(connection, _)| *connection).collect()
        };
        (those(&|list| is_in(&[0, 1, 2], list) && !is_in(&[3], list)), those(&|list| !is_in(&[1], list)))
    }

    fn check(&self, namespace: &Namespace) {
        assert_eq!((namespace.room_count(), namespace.socket_count()), (self.rooms.len(), self.sockets.len()));
        for room in 0..24 {
            let members = self.rooms.get(&room).map(|(_, members)| members.clone()).unwrap_or_default();
            assert_eq!(namespace.members(room).to_vec(), members);
        }
        for (connection, list) in &self.sockets {
            assert_eq!(&namespace.rooms_of(*connection), list);
        }
        for (key, room) in &self.named {
            assert_eq!(namespace.find_room(key), Some(*room));
        }
        let compat: BTreeSet<_> = namespace.target_all(&[]).compat_recipients().into_iter().collect();
        assert_eq!(compat, self.compat);
    }
}
