//! JSON as `JSON.stringify` writes it, to `MessagePack`: what was encoded once for the local clients is published, too.
//!
//! Two passes and no recursion: `MessagePack` says before an array how long it is.

use crate::msgpack;

/// Appends `json` to `out`. `None`, and garbage in `out`, when it is not JSON.
pub fn transcode(json: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let counts = counts(json)?;
    let mut counts = counts.into_iter();
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        match byte {
            b'[' | b'{' => msgpack::container(out, *byte == b'{', counts.next()?),
            b'"' => {
                let end = end_of_text(json, at)?;
                text(json.get(at + 1..end)?, out)?;
                at = end;
            }
            b'n' | b't' | b'f' => {
                let (word, code): (&[u8], _) = match byte {
                    b'n' => (b"null", 0xc0),
                    b't' => (b"true", 0xc3),
                    _ => (b"false", 0xc2),
                };
                if !json.get(at..)?.starts_with(word) {
                    return None;
                }
                out.push(code);
                at += word.len() - 1;
            }
            b'-' | b'0'..=b'9' => {
                let digits = json.get(at..)?;
                let len = digits.iter().position(|byte| !b"+-.eE0123456789".contains(byte)).unwrap_or(digits.len());
                let number = std::str::from_utf8(digits.get(..len)?).ok()?.parse().ok()?;
                msgpack::number(out, number);
                at += len - 1;
            }
            b',' | b':' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => return None,
        }
        at += 1;
    }
    Some(())
}

/// How many elements or pairs each array and object has, in the order of their beginnings.
fn counts(json: &[u8]) -> Option<Vec<u32>> {
    let mut counts: Vec<u32> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    let mut empty = false;
    while let Some(byte) = json.get(at) {
        match byte {
            b'[' | b'{' => {
                open.push(counts.len());
                counts.push(1);
            }
            b']' | b'}' => {
                let place = open.pop()?;
                if empty {
                    *counts.get_mut(place)? = 0;
                }
            }
            b',' => *counts.get_mut(*open.last()?)? += 1,
            b'"' => at = end_of_text(json, at)?,
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            empty = matches!(byte, b'[' | b'{');
        }
        at += 1;
    }
    open.is_empty().then_some(counts)
}

/// The place of the quote that ends the text whose first quote is at `start`.
fn end_of_text(json: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match json.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn text(raw: &[u8], out: &mut Vec<u8>) -> Option<()> {
    if !raw.contains(&b'\\') {
        msgpack::text(out, raw);
        return Some(());
    }
    let mut plain = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            plain.push(*byte);
            continue;
        }
        let (escape, after) = rest.split_first()?;
        rest = after;
        plain.push(match escape {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                let mut unit = hex(&mut rest)?;
                // A pair is written as it is by `JSON.stringify`, but not by everybody.
                if (0xd800..0xdc00).contains(&unit) && rest.starts_with(b"\\u") {
                    let mut after = rest.get(2..)?;
                    let low = hex(&mut after)?;
                    if (0xdc00..0xe000).contains(&low) {
                        rest = after;
                        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                    }
                }
                // A lone surrogate has no place in UTF-8.
                let character = char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
                plain.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            other => *other,
        });
    }
    msgpack::text(out, &plain);
    Some(())
}

fn hex(rest: &mut &[u8]) -> Option<u32> {
    let (digits, after) = rest.split_at_checked(4)?;
    *rest = after;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
