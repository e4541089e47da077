//! Whether a broadcast is for rooms that are not here, found out without reading it: most of what a server reads is for others.

use memchr::{memchr2, memmem};

/// How the options begin, as this adapter and JavaScript's write them: behind the packet. Inside of a text the quotes would be escaped.
const OPTIONS: &[u8] = br#"},"opts":{"rooms":["#;

/// Whether `data`, a broadcast's body in JSON, is for rooms of which none `is_here`. `false` also where that takes more than this look: it
/// is for everybody, its rooms are no plain texts, somebody waits for answers, or its parts are in another order.
pub fn is_elsewhere(data: &[u8], is_here: impl FnMut(&str) -> bool) -> bool {
    looked_at(data, is_here).unwrap_or(false)
}

fn looked_at(data: &[u8], mut is_here: impl FnMut(&str) -> bool) -> Option<bool> {
    let (packet, mut rest) =
        data.strip_prefix(br#"{"packet":{"#)?.split_at_checked(memmem::rfind(data, OPTIONS)?.checked_sub(11)?)?;
    // A name may be written with escapes, though nobody does: those of control characters, which are written so, are in none.
    let escapes = |at: usize| !matches!(packet.get(at + 4), Some(b'0' | b'1'));
    if memmem::find(packet, br#""requestId""#).is_some() || memmem::find_iter(packet, br"\u00").any(escapes) {
        return None;
    }
    rest = rest.strip_prefix(OPTIONS)?;
    loop {
        rest = rest.strip_prefix(b"\"")?;
        let (room, behind) = rest.split_at_checked(memchr2(b'"', b'\\', rest)?)?;
        if is_here(std::str::from_utf8(room).ok()?) {
            return Some(false);
        }
        rest = behind.strip_prefix(b"\"")?;
        match rest.split_first()? {
            (b',', next) => rest = next,
            (b']', next) => return Some(ends_body(next)),
            _ => return None,
        }
    }
}

/// Whether the options' end is the body's: else they belong to something in the packet, or something follows them.
fn ends_body(rest: &[u8]) -> bool {
    let (mut depth, mut at) = (1, 0);
    while let Some(byte) = rest.get(at) {
        match byte {
            b'"' => {
                // To the text's end: a backslash takes the next one with it.
                at += 1;
                while rest.get(at).is_some_and(|byte| *byte != b'"') {
                    at += if rest.get(at) == Some(&b'\\') { 2 } else { 1 };
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return rest.get(at..) == Some(b"}");
        }
    }
    false
}
