//! The cluster adapters' message, as JavaScript servers write it, and as garbage.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;
use socketio_cluster::envelope::{self, Envelope, Matter, kind};
use socketio_cluster::{Encoded, Options, from_json};
use socketio_rooms::RoomKey;

/// As `createShardedAdapter` of `@socket.io/redis-adapter` 8.3.0 publishes `io.to("room1").emit("ev", 1)`.
const CAPTURED: &str = r#"{"type":3,"data":{"packet":{"type":2,"data":["ev",1]},"opts":{"rooms":["room1"],"except":[],"flags":{}}},"uid":"da28c754eb685a83","nsp":"/"}"#;

fn packed(json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    from_json::transcode(json.as_bytes(), &mut out).unwrap();
    out
}

#[test]
fn a_broadcast_is_written_as_the_javascript_adapter_writes_it() {
    for options in [None, Some(r#"{"rooms":["room1"],"except":[],"flags":{}}"#)] {
        let data = envelope::broadcast_data("/", r#"2["ev",1]"#, Some("room1"), options).unwrap();
        let message = envelope::message("da28c754eb685a83", "/", kind::BROADCAST, &data);
        assert_eq!(message, CAPTURED);
        assert!(message.ends_with(&envelope::ending("da28c754eb685a83", "/")));
    }
    let data = envelope::broadcast_data("/a,[b\"", r#"2/a,[b",["x"]"#, None, None).unwrap();
    assert_eq!(data, r#"{"packet":{"type":2,"data":["x"]},"opts":{"rooms":[],"except":[],"flags":{}}}"#);
    assert_eq!(envelope::broadcast_data("/", r#"21["with an id"]"#, None, None), None);
    assert_eq!(envelope::broadcast_data("/a", r#"2/b,["x"]"#, None, None), None);
}

#[test]
fn json_is_not_copied_and_messagepack_says_the_same() {
    let json = Envelope::read(CAPTURED.as_bytes()).unwrap();
    let bytes = packed(CAPTURED);
    let msgpack = Envelope::read(&bytes).unwrap();
    for envelope in [&json, &msgpack] {
        assert_eq!((&*envelope.uid, &*envelope.nsp, envelope.kind), ("da28c754eb685a83", "/", 3));
        let Matter::Broadcast(body) = envelope.matter() else { panic!("{envelope:?}") };
        let incoming = envelope::broadcast(body).unwrap();
        assert_eq!(Options::read(incoming.options).unwrap().rooms, [RoomKey::text("room1")]);
        match incoming.data {
            Encoded::Json(text) => {
                assert_eq!(text, r#"["ev",1]"#);
                assert!(CAPTURED.as_bytes().as_ptr_range().contains(&text.as_ptr()));
            }
            Encoded::MessagePack(data) => assert_eq!(data, packed(r#"["ev",1]"#)),
        }
    }
}

#[test]
fn a_plain_broadcast_is_read_in_one_go_and_says_the_same() {
    let read = |data: &str| {
        let message = envelope::message("u", "/", kind::BROADCAST, data);
        let envelope = Envelope::read(message.as_bytes()).unwrap();
        let Some(Encoded::Json(body)) = envelope.data else { panic!("{data}") };
        let stepwise =
            matches!(envelope.matter(), Matter::Broadcast(_)).then(|| envelope::broadcast(Encoded::Json(body)));
        (
            format!("{:?}", envelope.plain_broadcast()),
            format!("{:?}", stepwise.flatten()),
            envelope.plain_broadcast().is_some(),
        )
    };
    for (data, plain) in [
        (r#"{"packet":{"type":2,"data":["e","ä"],"nsp":"/"},"opts":{"rooms":["a"]}}"#, true),
        (r#"{"opts":null,"requestId":null,"packet":{"data":[1],"type":2,"id":5}}"#, true),
        (r#"{"packet":{"type":2,"data":["e"]},"opts":{},"requestId":"x"}"#, false),
        (r#"{"packet":{"type":3,"data":["e"]}}"#, false),
        (r#"{"packet":{"type":2,"data":{}}}"#, false),
        (r#"{"packet":null}"#, false),
        (r#"{"packet":7}"#, false),
        ("{}", false),
    ] {
        let (once, stepwise, found) = read(data);
        assert_eq!((once, found), (stepwise, plain), "{data}");
    }
    let other = envelope::message("u", "/", kind::SOCKETS_JOIN, r#"{"packet":{"type":2,"data":["e"]}}"#);
    assert_eq!(Envelope::read(other.as_bytes()).unwrap().plain_broadcast(), None);
}

#[test]
fn options_in_both_forms() {
    let options = r#"{"rooms":["a",7,-0,1.5,"\ud834\udd1e"],"except":["b"],"flags":{"volatile":true,"compress":false,"conflate":"k","timeout":5}}"#;
    let json = Options::read(Some(Encoded::Json(options))).unwrap();
    let expected = ["a".into(), 7.0.into(), 0.0.into(), 1.5.into(), "𝄞".into()].map(|name: Name| name.0);
    assert_eq!((json.rooms.as_slice(), json.except.as_slice()), (&expected[..], &[RoomKey::text("b")][..]));
    assert_eq!((json.volatile, json.plain, json.conflate.as_deref(), json.opaque), (true, true, Some("k"), false));
    assert_eq!(Options::read(Some(Encoded::MessagePack(&packed(options)))).unwrap(), json);
    // The same with nothing that takes a closer look.
    let plain =
        r#"{"rooms":["a","ä"],"except":["b"],"flags":{"volatile":true,"compress":false,"conflate":"k","timeout":5}}"#;
    let json = Options::read(Some(Encoded::Json(plain))).unwrap();
    assert_eq!((json.rooms.len(), json.volatile, json.plain, json.conflate.as_deref()), (2, true, true, Some("k")));
    assert_eq!(Options::read(Some(Encoded::MessagePack(&packed(plain)))).unwrap(), json);
    // Each part may be missing, or anything.
    for options in ["{}", "null", "[]", r#"{"rooms":5,"except":null,"flags":[]}"#, r#"{"flags":{"volatile":1}}"#] {
        assert_eq!(Options::read(Some(Encoded::Json(options))), Some(Options::default()), "{options}");
        assert_eq!(Options::read(Some(Encoded::MessagePack(&packed(options)))), Some(Options::default()), "{options}");
    }
    for room in ["true", "{}", r#""\ud800""#] {
        assert!(Options::read(Some(Encoded::Json(&format!(r#"{{"rooms":[{room}]}}"#)))).unwrap().opaque, "{room}");
    }
}

struct Name(RoomKey);

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        Self(RoomKey::text(name))
    }
}

impl From<f64> for Name {
    fn from(name: f64) -> Self {
        Self(RoomKey::number(name))
    }
}

#[test]
fn each_kind_has_its_matter() {
    let whole = |kind: u64, data: &str| format!(r#"{{"uid":"u","nsp":"/","type":{kind},"data":{data}}}"#);
    let matters = |kind, data: &str| {
        let json = whole(kind, data);
        let bytes = packed(&json);
        let matters = [json.as_bytes(), &bytes].map(|payload| match Envelope::read(payload).unwrap().matter() {
            Matter::Broadcast(_) => "broadcast".to_owned(),
            Matter::Response(id) => id,
            other => format!("{other:?}"),
        });
        assert_eq!(matters[0], matters[1], "{json}");
        matters[0].clone()
    };
    assert_eq!(matters(3, r#"{"opts":{},"packet":{}}"#), "broadcast");
    assert_eq!(matters(3, r#"{"opts":{},"packet":{},"requestId":null}"#), "broadcast");
    assert_eq!(matters(3, r#"{"opts":{},"packet":{},"requestId":"r"}"#), "Request");
    for kind in [4, 5, 6, 7, 9] {
        assert_eq!(matters(kind, "{}"), "Request");
    }
    for kind in [8, 10, 11, 12] {
        assert_eq!(matters(kind, r#"{"requestId":"r\""}"#), "r\"");
        assert_eq!(matters(kind, r#"{"requestId":7}"#), "Malformed");
        assert_eq!(matters(kind, "{}"), "Malformed");
        assert_eq!(matters(kind, "null"), "Malformed");
    }
    for kind in [0, 1, 2, 13, 14, 1 << 40] {
        assert_eq!(matters(kind, r#"{"requestId":"r"}"#), "Other");
    }
}

#[test]
fn what_no_client_could_read_is_no_broadcast() {
    for data in ["5", "{}", r#"{"type":3,"data":["a"]}"#, r#"{"type":2,"data":{"a":1}}"#, r#"{"type":2}"#] {
        let body = format!(r#"{{"packet":{data},"opts":{{}}}}"#);
        assert_eq!(envelope::broadcast(Encoded::Json(&body)), None, "{body}");
        assert_eq!(envelope::broadcast(Encoded::MessagePack(&packed(&body))), None, "{body}");
    }
    // Not UTF-8, cut off, followed by something.
    for garbage in
        [&b"{\"uid\":\"\xff\",\"nsp\":\"/\",\"type\":3}"[..], b"{\"uid\":", b"{}", b"\x80", b"", b"\x84\xa3uid"]
    {
        assert_eq!(Envelope::read(garbage), None);
    }
    assert_eq!(Envelope::read(format!("{CAPTURED}x").as_bytes()), None);
    assert_eq!(Envelope::read(&[packed(CAPTURED), vec![0]].concat()), None);
}

#[test]
fn depth_costs_no_stack() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let message = envelope::message("u", "/", 3, &format!(r#"{{"packet":{{"type":2,"data":{deep}}},"opts":{deep}}}"#));
    for payload in [message.clone().into_bytes(), packed(&message)] {
        let Matter::Broadcast(body) = Envelope::read(&payload).unwrap().matter() else { panic!() };
        let incoming = envelope::broadcast(body).unwrap();
        assert_eq!(Options::read(incoming.options), Some(Options::default()));
    }
}

fn everything(payload: &[u8]) {
    let Some(envelope) = Envelope::read(payload) else { return };
    if let Matter::Broadcast(body) = envelope.matter()
        && let Some(incoming) = envelope::broadcast(body)
    {
        let _ = Options::read(incoming.options);
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        everything(&bytes);
        everything(&[b"{".as_slice(), &bytes].concat());
    }

    #[test]
    fn a_broken_message_never_panics(at in 0usize..400, byte in any::<u8>(), cut in 0usize..400) {
        for mut payload in [CAPTURED.as_bytes().to_vec(), packed(CAPTURED)] {
            let len = payload.len();
            payload[at % len] = byte;
            payload.truncate(len - cut % len);
            everything(&payload);
        }
    }
}
