//! `MessagePack` to the JSON that Socket.IO's parser makes of the same value: what a client gets.
//!
//! No recursion: memory is bounded by the size of what came.

use std::io::Write;

use crate::msgpack::{Reader, Token};

struct Level {
    left: u32,
    map: bool,
    /// Of a map: the next one is a key.
    key: bool,
    first: bool,
}

/// Appends the value to `out`, its binary parts as placeholders, and those parts to `attachments`. `None`, and garbage in
/// `out`, for what is no `MessagePack`, or what only JavaScript can do exactly (keys that are no texts).
pub fn transcode<'a>(value: &'a [u8], out: &mut Vec<u8>, attachments: &mut Vec<&'a [u8]>) -> Option<()> {
    let mut reader = Reader::new(value);
    let mut levels: Vec<Level> = Vec::new();
    loop {
        let is_key = begin(&mut levels, out);
        let token = reader.token()?;
        if is_key {
            match token {
                Token::Text(b"__proto__") => return None,
                Token::Text(key) => text(key, out),
                _ => return None,
            }
        } else if let Token::Array(left) | Token::Map(left) = token {
            let map = matches!(token, Token::Map(_));
            out.push(if map { b'{' } else { b'[' });
            levels.push(Level { left, map, key: false, first: true });
        } else {
            scalar(token, out, attachments)?;
        }
        while let Some(level) = levels.last().filter(|level| level.left == 0 && !level.key) {
            out.push(if level.map { b'}' } else { b']' });
            levels.pop();
        }
        if levels.is_empty() {
            return reader.rest().is_empty().then_some(());
        }
    }
}

/// What stands before the next value; whether it is a key.
fn begin(levels: &mut [Level], out: &mut Vec<u8>) -> bool {
    let Some(level) = levels.last_mut() else { return false };
    if level.key {
        level.key = false;
        out.push(b':');
        return false;
    }
    if !level.first {
        out.push(b',');
    }
    level.first = false;
    level.left -= 1;
    level.key = level.map;
    level.map
}

fn scalar<'a>(token: Token<'a>, out: &mut Vec<u8>, attachments: &mut Vec<&'a [u8]>) -> Option<()> {
    match token {
        Token::Bool(true) => out.extend(b"true"),
        Token::Bool(false) => out.extend(b"false"),
        #[expect(clippy::cast_precision_loss, reason = "as JavaScript does")]
        Token::Uint(value) => number(value as f64, out),
        #[expect(clippy::cast_precision_loss, reason = "as JavaScript does")]
        Token::Int(value) => number(value as f64, out),
        Token::Float(value) => number(value, out),
        Token::Text(value) => text(value, out),
        Token::Binary(bytes) => attach(bytes, out, attachments),
        Token::Extension(kind, data) => extension(kind, data, out, attachments)?,
        Token::Nil | Token::Array(_) | Token::Map(_) => out.extend(b"null"),
    }
    Some(())
}

fn attach<'a>(bytes: &'a [u8], out: &mut Vec<u8>, attachments: &mut Vec<&'a [u8]>) {
    // Writing to memory does not fail.
    let _ = write!(out, "{{\"_placeholder\":true,\"num\":{}}}", attachments.len());
    attachments.push(bytes);
}

fn number(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        out.extend(ryu_js::Buffer::new().format_finite(value).as_bytes());
    } else {
        out.extend(b"null");
    }
}

fn text(text: &[u8], out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(out, &String::from_utf8_lossy(text));
}

/// Dates, and what older notepacks wrote.
fn extension<'a>(kind: i8, data: &'a [u8], out: &mut Vec<u8>, attachments: &mut Vec<&'a [u8]>) -> Option<()> {
    let big = |bytes: &[u8]| bytes.iter().fold(0u64, |value, byte| (value << 8) | u64::from(*byte));
    let milliseconds = match (kind, data.len()) {
        (-1, 4) => i64::try_from(big(data)).ok()?.checked_mul(1000)?,
        (-1, 8) => {
            let both = big(data);
            let (nanoseconds, seconds) = (both >> 34, both & 0x3_ffff_ffff);
            i64::try_from(seconds * 1000 + nanoseconds / 1_000_000).ok()?
        }
        (-1, 12) => {
            let (nanoseconds, seconds) = data.split_at_checked(4)?;
            let seconds = i64::from_be_bytes(seconds.try_into().ok()?);
            seconds.checked_mul(1000)?.checked_add(i64::try_from(big(nanoseconds) / 1_000_000).ok()?)?
        }
        (0, 8) => i64::from_be_bytes(data.try_into().ok()?),
        (0, 1) => {
            out.extend(b"null");
            return Some(());
        }
        // What notepack makes of others, only it knows.
        _ => {
            if kind != 0 {
                return None;
            }
            attach(data, out, attachments);
            return Some(());
        }
    };
    date(milliseconds, out);
    Some(())
}

/// As `Date.prototype.toISOString` writes it.
fn date(milliseconds: i64, out: &mut Vec<u8>) {
    /// The most that a Date can be (ECMA-262, time values).
    const MOST: i64 = 8_640_000_000_000_000;
    if milliseconds.abs() > MOST {
        return out.extend(b"null");
    }
    let (days, rest) = (milliseconds.div_euclid(86_400_000), milliseconds.rem_euclid(86_400_000));
    // Years begin in March here, in eras of 400 of them.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hours, minutes) = (rest / 3_600_000, rest / 60_000 % 60);
    let (seconds, thousandths) = (rest / 1000 % 60, rest % 1000);
    let year = if (0..=9999).contains(&year) { format!("{year:04}") } else { format!("{year:+07}") };
    let _ = write!(out, "\"{year}-{month:02}-{date:02}T{hours:02}:{minutes:02}:{seconds:02}.{thousandths:03}Z\"");
}
