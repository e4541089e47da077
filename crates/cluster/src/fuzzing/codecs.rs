//! What goes through a codec and back is the same, and not larger than it can be.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::envelope::{Envelope, Matter, broadcast};
use crate::incoming::{Encoded, Options};
use crate::msgpack::{Reader, Token};
use crate::{from_json, to_json};

/// `bytes` as `MessagePack`.
pub(super) fn packed(bytes: &[u8]) {
    let (mut text, mut attachments) = (Vec::new(), Vec::new());
    let made = to_json::transcode(bytes, &mut text, &mut attachments);
    // The longest is a binary part of none: two bytes, of which a placeholder is made.
    assert!(text.len() <= 20 * bytes.len() + 20 && attachments.len() <= bytes.len());
    let Some(()) = made else { return };
    assert_eq!(Reader::new(bytes).skip(), Some(bytes), "what is written is one value");
    let text = std::str::from_utf8(&text).expect("JSON is UTF-8");
    serde_json::from_str::<&RawValue>(text).expect("it is JSON");
    if let Some(expected) = super::model::json(bytes) {
        assert_eq!(text, expected);
    }
    json(text);
}

/// `text` as JSON, if it is that.
pub(super) fn json(text: &str) {
    let mut packed = Vec::new();
    let made = from_json::transcode(text.as_bytes(), &mut packed);
    assert!(packed.len() <= 3 * text.len() + 9);
    if serde_json::from_str::<&RawValue>(text).is_err() {
        return;
    }
    made.expect("each JSON can be written");
    assert_eq!(Reader::new(&packed).skip(), Some(&packed[..]), "what is written is one value");
    let (mut back, mut attachments) = (Vec::new(), Vec::new());
    // A key has no place in an object.
    let Some(()) = to_json::transcode(&packed, &mut back, &mut attachments) else { return };
    if has_infinite(&packed) {
        return;
    }
    assert!(attachments.is_empty());
    let mut again = Vec::new();
    from_json::transcode(&back, &mut again).expect("what was written is read");
    assert_eq!(again, packed);
    // It knows no lone surrogates, no great depth and no number out of range.
    let Ok(value) = serde_json::from_str::<Value>(text) else { return };
    let back = serde_json::from_slice::<Value>(&back).expect("what was written is read");
    assert!(is_same(&value, &back), "{value} became {back}");
}

/// Of a number out of range. There is no JSON for it.
fn has_infinite(packed: &[u8]) -> bool {
    let mut reader = Reader::new(packed);
    let mut tokens = std::iter::from_fn(|| reader.token());
    tokens.any(|token| matches!(token, Token::Float(number) if number.is_infinite()))
}

/// But for the last bits of numbers, which the library rounds by itself.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().expect("finite"), other.as_f64().expect("finite"));
            (one - other).abs() <= one.abs() * 1e-15
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let mut pairs = one.iter().zip(other);
            one.len() == other.len() && pairs.all(|((key, one), (name, other))| key == name && is_same(one, other))
        }
        _ => one == other,
    }
}

/// A message in JSON says the same in `MessagePack`.
pub(super) fn json_as_packed(text: &str) {
    // What becomes of half of a pair is another matter.
    if text.contains("\\u") {
        return;
    }
    let mut packed = Vec::new();
    let Some(one) = Envelope::read(text.as_bytes()).filter(|_| text.starts_with('{')) else { return };
    from_json::transcode(text.as_bytes(), &mut packed).expect("it is JSON");
    let other = Envelope::read(&packed).expect("the same message");
    assert_eq!((&one.uid, &one.nsp, one.kind), (&other.uid, &other.nsp, other.kind));
    match (one.matter(), other.matter()) {
        (Matter::Broadcast(one), Matter::Broadcast(other)) => same_broadcast(one, other),
        // The library refuses an object that has a key twice.
        (Matter::Malformed, _) => {}
        (one, other) => assert_eq!(one, other),
    }
}

fn same_broadcast(one: Encoded<'_>, other: Encoded<'_>) {
    let Some(one) = broadcast(one) else { return };
    let other = broadcast(other).expect("the same broadcast");
    assert_eq!((&one.nsp, one.id), (&other.nsp, other.id));
    let (Encoded::Json(text), Encoded::MessagePack(packed)) = (one.data, other.data) else { panic!("as they came") };
    let mut expected = Vec::new();
    from_json::transcode(text.as_bytes(), &mut expected).expect("it is JSON");
    assert_eq!(packed, expected);
    if let Some(options) = Options::read(one.options) {
        assert_eq!(Some(options), Options::read(other.options));
    }
}
