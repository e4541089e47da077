//! The parts of the streams' format that decide, without Redis.
#![expect(clippy::indexing_slicing, reason = "a test may panic")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;
use socketio_cluster::streams::{
    Entry, Id, Index, Missed, NO_OFFSET, Position, Reach, Release, Streams, Waiting, Written, data_bytes, data_text,
    hash, is_elsewhere,
};
use socketio_rooms::RoomKey;

fn id(milliseconds: u64, sequence: u64) -> Id {
    Id { milliseconds, sequence }
}

#[test]
fn names_hash_as_in_javascript() {
    // `Array.from(name).reduce((h, c) => (h * 31 + c.charCodeAt(0)) | 0, 0)`
    let hashes = [("", 0), ("/", 47), ("/chat", 46_457_863), ("/dashboard", -1_694_060_731), ("/ä€𝄞", 60_008_033)];
    for (name, expected) in hashes {
        assert_eq!(hash(name), expected, "{name}");
    }
}

#[test]
fn each_namespace_has_a_stream_that_javascript_servers_read() {
    let one = Streams { name: "s".into(), count: 1 };
    assert_eq!((one.of("/dashboard"), one.all()), ("s".into(), vec!["s".into()]));
    let four = Streams { name: "s".into(), count: 4 };
    assert_eq!([four.of("/"), four.of("/dashboard")], ["s-3", "s-3"]);
    assert_eq!(four.all(), ["s-0", "s-1", "s-2", "s-3", "s--1", "s--2", "s--3"]);
}

#[test]
fn ids_are_read_strictly_and_written_as_they_were() {
    for text in ["0-0", "1700000000000-3", "18446744073709551615-18446744073709551615"] {
        assert_eq!(text.parse::<Id>().map(|id| id.to_string()), Ok(text.to_owned()));
    }
    for text in
        ["", "-", "1", "1-", "-1", "+1-0", "1-0-0", "1-+0", " 1-0", "1-0 ", "18446744073709551616-0", "१-0", "1-0\n"]
    {
        assert!(text.parse::<Id>().is_err(), "{text:?}");
    }
    assert!(id(1, 9) < id(2, 0) && id(2, 0) < id(2, 1));
    assert_eq!([id(1, u64::MAX).next(), id(2, 0).previous()], [id(2, 0), id(1, u64::MAX)]);
    assert_eq!(id(5, 7).next().previous(), id(5, 7));
}

#[test]
fn entries_have_their_fields_in_any_order() {
    let fields: [(&[u8], &[u8]); 6] =
        [(b"type", b"3"), (b"data", b"{}"), (b"nsp", b"/"), (b"x", b"y"), (b"uid", b"u"), (b"n", b"12")];
    let entry = Entry { uid: b"u", nsp: b"/", kind: Some(3), data: Some(b"{}"), number: Some(12) };
    assert_eq!(Entry::read(fields), Some(entry));
    assert_eq!(Entry::read([(&b"uid"[..], &b"u"[..])]), None);
    let odd = Entry::read([(&b"nsp"[..], &b"/"[..]), (b"type", b"x"), (b"n", b"-1")]);
    assert_eq!(odd.map(|entry| (entry.kind, entry.number)), Some((None, None)));
}

#[test]
fn data_is_json_or_base64() {
    let packed = [0x81, 0xa1, b'a', 0xff, 0x3e];
    assert_eq!(data_text(&packed)[..], *b"gaFh/z4=");
    assert_eq!(data_bytes(b"gaFh/z4=").as_deref(), Some(&packed[..]));
    assert_eq!(data_bytes(b"gaFh/z4").as_deref(), Some(&packed[..]));
    assert_eq!(data_bytes(b"{\"a\":1}").as_deref(), Some(&b"{\"a\":1}"[..]));
    assert_eq!(data_bytes(b"*"), None);
}

#[test]
fn nothing_is_lost_while_the_next_entry_is_there() {
    let reach = Reach { first: Some(id(1, 0)), last: id(9, 0), length: 9, added: Some(9) };
    let mut position = Position::end(reach);
    assert_eq!(position.check(reach), 0);
    position.read(id(10, 0));
    // Trimmed up to the last one that was read.
    assert_eq!(position.check(Reach { first: Some(id(11, 0)), last: id(12, 0), length: 2, added: Some(12) }), 0);
    assert_eq!(position.id.next(), id(11, 0));
}

#[test]
fn what_was_trimmed_is_counted() {
    let mut position = Position { id: id(5, 0), ordinal: Some(5) };
    assert_eq!(position.check(Reach { first: Some(id(20, 0)), last: id(29, 0), length: 10, added: Some(29) }), 14);
    assert_eq!(position, Position { id: id(20, 0).previous(), ordinal: Some(19) });
    // Older versions do not count.
    let mut position = Position { id: id(5, 0), ordinal: None };
    assert_eq!(position.check(Reach { first: Some(id(20, 0)), last: id(29, 0), length: 10, added: None }), 1);
    // All of it is gone.
    let mut position = Position { id: id(5, 0), ordinal: Some(5) };
    assert_eq!(position.check(Reach { first: None, last: id(8, 0), length: 0, added: Some(8) }), 3);
    assert_eq!(position.id, id(8, 0));
}

#[test]
fn a_stream_that_has_less_than_before_is_not_read_again() {
    let mut position = Position { id: id(50, 0), ordinal: Some(50) };
    assert_eq!(position.check(Reach { first: Some(id(20, 0)), last: id(48, 0), length: 29, added: Some(48) }), 0);
    assert_eq!(position, Position { id: id(48, 0), ordinal: Some(48) });
    assert_eq!(position.check(Reach { first: Some(id(20, 0)), last: id(60, 0), length: 30, added: Some(49) }), 0);
    assert_eq!(position.id, id(48, 0));
    assert_eq!(position.check(Reach { first: None, last: Id::ZERO, length: 0, added: Some(0) }), 0);
    assert_eq!(position, Position { id: Id::ZERO, ordinal: Some(0) });
}

#[test]
fn what_was_not_written_is_what_the_stream_does_not_have() {
    let mut written = Written::default();
    for number in 1..=6 {
        written.push(number, number * 10);
    }
    written.confirm(1..=2);
    // Read back.
    written.confirm(4..=4);
    written.confirm(4..=4);
    assert_eq!(written.rest(), [(3, 30), (5, 50), (6, 60)]);
    assert!(written.is_empty());
}

/// What waits, and what was written.
#[derive(Default)]
struct Client {
    waiting: Waiting<&'static str>,
    got: Vec<(&'static str, Option<Id>)>,
}

impl Client {
    fn push(&mut self, name: &'static str, number: Option<u64>, due: Instant) {
        let release = self.waiting.push(name, number, due, true);
        self.got.extend(release.map(|Release { packet, offset }| (packet, offset)));
    }

    fn own(&mut self, number: u64) {
        let got = &mut self.got;
        self.waiting.own(number, id(number, 0), |Release { packet, offset }| got.push((packet, offset)));
    }
}

#[test]
fn packets_wait_for_their_ids_in_the_order_of_the_calls() {
    let (mut client, due) = (Client::default(), Instant::now());
    client.push("before", None, due);
    client.push("first", Some(1), due);
    client.push("local", None, due);
    client.push("second", Some(3), due);
    client.push("last", None, due);
    assert_eq!(client.got, [("before", None)]);
    client.own(1);
    assert_eq!(client.got[1..], [("first", Some(id(1, 0))), ("local", None)]);
    client.own(2);
    assert_eq!(client.got.len(), 3);
    client.own(3);
    assert_eq!(client.got[3..], [("second", Some(id(3, 0))), ("last", None)]);
}

#[test]
fn who_waited_too_long_goes_on_without_an_offset_until_the_entry_is_there() {
    let (mut client, now) = (Client::default(), Instant::now());
    client.push("early", Some(1), now);
    client.push("later", Some(2), now + Duration::from_secs(1));
    let got = &mut client.got;
    client.waiting.expire(now, |release| got.push((release.packet, release.offset)));
    assert_eq!(client.got, [("early", Some(NO_OFFSET))]);
    // Were its offset known, "early" would be missed once more.
    assert_eq!(client.waiting.offset(id(5, 0)), NO_OFFSET);
    client.own(1);
    assert_eq!(client.waiting.offset(id(6, 0)), id(6, 0));
    client.own(2);
    assert_eq!(client.got[1..], [("later", Some(id(2, 0)))]);
}

#[test]
fn offsets_are_known_again_when_the_entries_of_early_packets_are_there() {
    let (mut client, now) = (Client::default(), Instant::now());
    client.push("a", Some(1), now);
    client.push("b", Some(2), now);
    let got = &mut client.got;
    client.waiting.flush(|release| got.push((release.packet, release.offset)));
    client.push("c", Some(3), now);
    client.own(1);
    assert_eq!(client.waiting.offset(id(9, 0)), NO_OFFSET);
    client.own(2);
    client.own(3);
    let expected = [("a", Some(NO_OFFSET)), ("b", Some(NO_OFFSET)), ("c", Some(id(3, 0)))];
    assert_eq!(client.got, expected);
}

#[test]
fn a_socket_that_goes_gets_what_was_for_it_first() {
    let (mut client, now) = (Client::default(), Instant::now());
    for (number, name) in ["x", "its own", "y"].into_iter().enumerate() {
        client.push(name, Some(number as u64 + 1), now);
    }
    let got = &mut client.got;
    client.waiting.flush_for(|name| *name == "its own", |release| got.push((release.packet, release.offset)));
    assert_eq!(client.got.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["x", "its own"]);
    assert_eq!(client.waiting.len(), 1);
}

fn missed(number: u64) -> Missed {
    Missed { id: id(number, 0), data: Bytes::from(number.to_string()) }
}

/// A packet of a random script: its rooms, and those that are left out.
fn packets() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let rooms = || prop::collection::vec(0u8..5, 0..3);
    prop::collection::vec((rooms(), rooms()), 0..60)
}

fn keys(rooms: &[u8]) -> Vec<RoomKey> {
    rooms.iter().map(|room| RoomKey::text(&room.to_string())).collect()
}

proptest! {
    /// The same as a scan of everything, as the JavaScript adapter does it; also when the oldest had to go, or came later.
    #[test]
    fn the_index_finds_what_a_scan_finds(
        packets in packets(), rooms in prop::collection::vec(0u8..5, 0..4), after in 0u64..70, most in 1usize..60,
        older in 0usize..60, forgotten in 0u64..60,
    ) {
        let older = older.min(packets.len());
        let mut index = Index::new(id(older as u64, 0), most, usize::MAX);
        let of = |number: usize| {
            let (rooms, except) = &packets[number - 1];
            (missed(number as u64), keys(rooms), keys(except))
        };
        for number in older + 1..=packets.len() {
            let (missed, rooms, except) = of(number);
            index.push(missed, rooms, except);
        }
        index.extend_back(Id::ZERO, id(older as u64, 0), (1..=older).rev().map(of));
        index.forget(id(forgotten, 0));
        prop_assert!(index.len() <= most);
        let expected: Vec<_> = packets.iter().enumerate().filter(|(i, (to, except))| {
            *i as u64 + 1 > after
                && (to.is_empty() || to.iter().any(|room| rooms.contains(room)))
                && !except.iter().any(|room| rooms.contains(room))
        }).map(|(i, _)| missed(i as u64 + 1)).collect();
        let found = index.missed(&keys(&rooms), id(after, 0));
        if index.reaches(id(after, 0)) {
            prop_assert_eq!(found, expected);
        } else {
            prop_assert!(expected.ends_with(&found));
        }
    }

    #[test]
    fn what_a_client_says_is_its_offset_is_read_or_refused(text in "\\PC{0,30}") {
        if let Ok(id) = text.parse::<Id>() {
            prop_assert!(id.to_string().len() <= text.len());
        }
    }
}

/// The body of a broadcast as JavaScript writes it.
fn body(data: &serde_json::Value, rooms: &[&str]) -> String {
    let opts = serde_json::json!({ "rooms": rooms, "except": ["b"], "flags": { "conflate": "\\\"}" } });
    format!(r#"{{"packet":{{"type":2,"data":{data},"nsp":"/"}},"opts":{}}}"#, ordered(&opts))
}

/// With the rooms first, whatever the order of a map's keys is.
fn ordered(opts: &serde_json::Value) -> String {
    format!(r#"{{"rooms":{},"except":{},"flags":{}}}"#, opts["rooms"], opts["except"], opts["flags"])
}

#[test]
fn a_broadcast_for_rooms_elsewhere_is_known_without_being_read() {
    let elsewhere = |text: &str| is_elsewhere(text.as_bytes(), |room| room == "here" || room == "ä");
    let data = serde_json::json!(["event", { "opts": { "rooms": ["here"] } }, r#"},"opts":{"rooms":["here"]}}"#]);
    assert!(elsewhere(&body(&data, &["there"])));
    assert!(elsewhere(&body(&data, &["there", "ö"])));
    for rooms in [&[][..], &["here"], &["there", "ä"], &["there", "he\"re"]] {
        assert!(!elsewhere(&body(&data, rooms)), "{rooms:?}");
    }
    // The options are not the body's, are not last, or somebody waits for answers.
    for text in [
        r#"{"packet":{"type":2,"data":["e",{"a":{},"opts":{"rooms":["there"]}}]}}"#,
        r#"{"packet":{"type":2,"data":["e"]},"opts":{"rooms":["there"]},"requestId":"x"}"#,
        r#"{"packet":{"type":2,"data":["e"]},"requestId":"x","a":{},"opts":{"rooms":["there"]}}"#,
        r#"{"packet":{"type":2,"data":["e"]},"\u0072equestId":"x","a":{},"opts":{"rooms":["there"]}}"#,
        r#"{"opts":{"rooms":["here"]},"packet":{"type":2,"data":["e"],"a":{},"opts":{"rooms":["there"]}}}"#,
        r#"{"packet":{"type":2,"data":["e"]},"opts":{"rooms":["there",1]}}"#,
        r#"{"packet":{"type":2,"data":["e"]},"opts":{"rooms":["there"]"#,
    ] {
        assert!(!elsewhere(text), "{text}");
    }
    assert!(elsewhere(r#"{"packet":{"type":2,"data":["e"]},"opts":{"rooms":["there"]}}"#));
}

proptest! {
    #[test]
    fn the_look_agrees_with_reading(text in ".{0,12}", rooms in proptest::collection::vec("[ab\"\\\\]{1,2}", 0..3)) {
        let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
        let plain = rooms.iter().all(|room| !room.contains(['"', '\\']));
        let expected = plain && !rooms.is_empty() && !rooms.contains(&"a");
        let body = body(&serde_json::json!([text]), &rooms);
        prop_assert_eq!(is_elsewhere(body.as_bytes(), |room| room == "a"), expected, "{}", body);
    }
}
