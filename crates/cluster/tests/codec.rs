//! Codecs against what the JavaScript packages put on the wire, and against garbage.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;
use socketio_cluster::classic::{self, Channels};
use socketio_cluster::{Encoded, Incoming, Options, from_json, msgpack, to_json};
use socketio_rooms::RoomKey;

/// Broadcasts to one room as notepack.io 3.0.1 encodes them for `@socket.io/redis-adapter` 8.3.0: the data, then the payload.
const GOLDEN: &str = include_str!("golden.txt");

fn golden() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let lines: Vec<_> = GOLDEN.lines().collect();
    let pairs: Vec<_> = lines.chunks(2).map(|pair| (pair[0], bytes(pair[1]))).collect();
    assert!(pairs.len() >= 2);
    pairs.into_iter()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn packed<'a>(incoming: &Incoming<'a>) -> &'a [u8] {
    match incoming.data {
        Encoded::MessagePack(bytes) => bytes,
        Encoded::Json(text) => panic!("{text}"),
    }
}

#[test]
fn a_broadcast_has_the_bytes_of_the_javascript_adapter() {
    for (data, payload) in golden() {
        let ours = classic::outgoing("DwLODF", "/", &format!("2{data}"), Some("room1"), None).unwrap();
        assert_eq!(ours, payload, "{data}");
        let options = r#"{"rooms":["room1"],"except":[],"flags":{}}"#;
        assert_eq!(
            classic::outgoing("DwLODF", "/", &format!("2{data}"), Some("room1"), Some(options)).unwrap(),
            payload
        );
    }
}

#[test]
fn a_broadcast_of_the_javascript_adapter_becomes_the_same_json() {
    for (data, payload) in golden() {
        let incoming = classic::read(&payload).unwrap();
        assert_eq!((classic::sender(&payload), incoming.nsp.as_deref()), (Some(&b"DwLODF"[..]), Some("/")));
        assert_eq!(Options::read(incoming.options).unwrap().rooms, [RoomKey::text("room1")]);
        let (mut json, mut attachments) = (Vec::new(), Vec::new());
        to_json::transcode(packed(&incoming), &mut json, &mut attachments).unwrap();
        assert_eq!(String::from_utf8(json).unwrap(), data);
        assert!(attachments.is_empty());
    }
}

#[test]
fn the_namespace_of_a_text_is_left_out() {
    let payload = classic::outgoing("u", "/a,[b", r#"2/a,[b,["x"]"#, None, None);
    assert_eq!(packed(&classic::read(&payload.unwrap()).unwrap()), b"\x91\xa1x");
}

#[test]
fn binary_parts_become_placeholders_and_dates_texts() {
    // [bin8 "ab", ext -1 of four bytes (1 s), ext -1 of twelve bytes (-1 ms)]
    let value = b"\x93\xc4\x02ab\xd6\xff\0\0\0\x01\xc7\x0c\xff\x3b\x8b\x87\xc0\xff\xff\xff\xff\xff\xff\xff\xff";
    let (mut json, mut attachments) = (Vec::new(), Vec::new());
    to_json::transcode(value, &mut json, &mut attachments).unwrap();
    assert_eq!(
        String::from_utf8(json).unwrap(),
        r#"[{"_placeholder":true,"num":0},"1970-01-01T00:00:01.000Z","1969-12-31T23:59:59.999Z"]"#
    );
    assert_eq!(attachments, [b"ab"]);
}

#[test]
fn a_lone_surrogate_becomes_a_replacement_and_a_pair_a_character() {
    let mut out = Vec::new();
    from_json::transcode(br#"["\ud800x","\ud834\udd1e","\\ud800"]"#, &mut out).unwrap();
    let mut reader = msgpack::Reader::new(&out);
    assert_eq!(reader.token(), Some(msgpack::Token::Array(3)));
    assert_eq!(reader.text(), Some("\u{fffd}x".as_bytes()));
    assert_eq!(reader.text(), Some("\u{1d11e}".as_bytes()));
    assert_eq!(reader.text(), Some(&br"\ud800"[..]));
}

#[test]
fn the_room_zero_has_one_name() {
    let rooms = |zero: &[u8]| {
        let options = [b"\x81\xa5rooms\x91", zero].concat();
        Options::read(Some(Encoded::MessagePack(&options))).unwrap().rooms
    };
    assert_eq!(rooms(b"\xcb\x80\0\0\0\0\0\0\0"), [RoomKey::number(0.0)], "-0.0, as other languages write it");
    assert_eq!(rooms(b"\0"), [RoomKey::number(0.0)]);
}

#[test]
fn an_array_that_claims_to_be_long_is_refused_at_once() {
    assert_eq!(msgpack::Reader::new(b"\xdd\xff\xff\xff\xff\x01").skip(), None);
    assert!(classic::read(b"\x93\xa1u\xdf\xff\xff\xff\xff\xa1d\xc0").is_none());
}

#[test]
fn a_channel_names_its_room() {
    let channels = Channels::new("socket.io", "/");
    assert_eq!(channels.room_of("socket.io#/#"), Some(""));
    assert_eq!(channels.room_of("socket.io#/#a#b#"), Some("a#b"));
    assert_eq!(channels.room_of("socket.io#/ab#"), None);
    assert_eq!(channels.response_to("u"), "socket.io-response#/#u#");
}

#[test]
fn one_pattern_matches_the_broadcasts_of_all_namespaces_whatever_the_key_is() {
    assert_eq!(classic::pattern(&classic::prefix("socket.io")), "socket.io#*");
    assert_eq!(classic::pattern(&classic::prefix(r"a*b?[c]\ä")), r"a\*b\?\[c]\\ä#*");
    let namespaces = |rest| classic::namespaces_of(rest).collect::<Vec<_>>();
    assert_eq!(namespaces("/#"), ["/"]);
    assert_eq!(namespaces("/a#room#"), ["/a", "/a#room"]);
    assert_eq!(namespaces("/ä##"), ["/ä", "/ä#"]);
    assert_eq!(namespaces("/"), [""; 0], "no channel of ours");
}

#[test]
fn a_message_is_ours_by_its_uid_whatever_its_form() {
    assert_eq!(classic::is_own_request(br#"{"uid":"me","type":2}"#, "me"), Some(true));
    assert_eq!(classic::is_own_request(b"\x81\xa3uid\xa2me", "me"), Some(true));
    assert_eq!(classic::is_own_request(br#"{"type":2}"#, "me"), Some(false));
    assert_eq!(classic::is_own_request(b"[]", "me"), None);
    assert_eq!(classic::request_of(br#"{"requestId":"r","sockets":[]}"#), Some("r".into()));
}

#[test]
fn depth_costs_no_stack() {
    let deep = [vec![b'['; 1_000_000], vec![b']'; 1_000_000]].concat();
    let mut packed = Vec::new();
    from_json::transcode(&deep, &mut packed).unwrap();
    let (mut json, mut attachments) = (Vec::new(), Vec::new());
    to_json::transcode(&packed, &mut json, &mut attachments).unwrap();
    assert_eq!(json, deep);
}

/// JSON as `JSON.stringify` writes it.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        (-1e15..1e15).prop_map(|number: f64| (number + 0.5).into()),
        ".*".prop_map(serde_json::Value::String),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Into::into),
            prop::collection::vec((".{0,5}", inner), 0..20).prop_map(|entries| entries.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn json_comes_back(value in json()) {
        let mut packed = Vec::new();
        from_json::transcode(value.to_string().as_bytes(), &mut packed).unwrap();
        let (mut back, mut attachments) = (Vec::new(), Vec::new());
        to_json::transcode(&packed, &mut back, &mut attachments).unwrap();
        let back: serde_json::Value = serde_json::from_slice(&back).unwrap();
        // Its parser rounds: both are read by it once.
        let value: serde_json::Value = serde_json::from_str(&value.to_string()).unwrap();
        prop_assert_eq!(back.to_string().replace(".0", ""), value.to_string().replace(".0", ""));
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (mut out, mut attachments) = (Vec::new(), Vec::new());
        let _ = to_json::transcode(&bytes, &mut out, &mut attachments);
        prop_assert!(out.len() <= bytes.len() * 40 + 64);
        let _ = from_json::transcode(&bytes, &mut Vec::new());
        let _ = classic::read(&bytes).and_then(|incoming| Options::read(incoming.options));
        let _ = classic::is_own_request(&bytes, "u");
        let _ = classic::request_of(&bytes);
    }

    #[test]
    fn a_broken_broadcast_never_panics(at in 0usize..400, byte in any::<u8>(), cut in 0usize..400) {
        for (_, mut payload) in golden() {
            let len = payload.len();
            payload[at % len] = byte;
            payload.truncate(len - cut % len);
            if let Some(incoming) = classic::read(&payload) {
                let _ = Options::read(incoming.options);
                let _ = to_json::transcode(packed(&incoming), &mut Vec::new(), &mut Vec::new());
            }
        }
    }
}
