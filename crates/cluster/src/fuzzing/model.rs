//! What Socket.IO's parser makes of `MessagePack`: with recursion, and one value after the other.

use std::fmt::Write;

use serde_json::Value;

/// The JSON of the only value in `bytes`. `None` where that is not easily said: what is deep, or a date.
pub(super) fn json(bytes: &[u8]) -> Option<String> {
    let mut model = Model { rest: bytes, text: String::new(), parts: 0 };
    model.value(0)?;
    Some(model.text)
}

struct Model<'a> {
    rest: &'a [u8],
    text: String,
    /// How many parts were binary.
    parts: usize,
}

impl<'a> Model<'a> {
    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(len).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    /// A number of so many bytes.
    fn number(&mut self, bytes: u64) -> Option<u64> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_wrap, reason = "as JavaScript does")]
    #[expect(clippy::cast_possible_truncation, reason = "no more bytes were read")]
    fn value(&mut self, depth: u32) -> Option<()> {
        if depth > 50 {
            return None;
        }
        let first = self.number(1)?;
        match first {
            0x00..=0x7f => self.float(first as f64),
            0x80..=0x8f => self.map(first & 15, depth)?,
            0x90..=0x9f => self.array(first & 15, depth)?,
            0xa0..=0xbf => self.texts(first & 31)?,
            0xc0 => self.text.push_str("null"),
            0xc2 => self.text.push_str("false"),
            0xc3 => self.text.push_str("true"),
            0xc4..=0xc6 => {
                let len = self.number(1 << (first - 0xc4))?;
                self.take(len)?;
                write!(self.text, r#"{{"_placeholder":true,"num":{}}}"#, self.parts).ok()?;
                self.parts += 1;
            }
            0xca => {
                let bits = self.number(4)? as u32;
                self.float(f32::from_bits(bits).into());
            }
            0xcb => {
                let bits = self.number(8)?;
                self.float(f64::from_bits(bits));
            }
            0xcc..=0xcf => {
                let number = self.number(1 << (first - 0xcc))?;
                self.float(number as f64);
            }
            0xd0 => {
                let number = self.number(1)? as i8;
                self.float(number.into());
            }
            0xd1 => {
                let number = self.number(2)? as i16;
                self.float(number.into());
            }
            0xd2 => {
                let number = self.number(4)? as i32;
                self.float(number.into());
            }
            0xd3 => {
                let number = self.number(8)? as i64;
                self.float(number as f64);
            }
            0xd9..=0xdb => {
                let len = self.number(1 << (first - 0xd9))?;
                self.texts(len)?;
            }
            0xdc | 0xdd => {
                let len = self.number(2 << (first - 0xdc))?;
                self.array(len, depth)?;
            }
            0xde | 0xdf => {
                let len = self.number(2 << (first - 0xde))?;
                self.map(len, depth)?;
            }
            0xe0..=0xff => self.float(first as f64 - 256.0),
            _ => return None,
        }
        Some(())
    }

    fn float(&mut self, value: f64) {
        let text = if value.is_finite() { ryu_js::Buffer::new().format(value).to_owned() } else { "null".into() };
        self.text.push_str(&text);
    }

    fn texts(&mut self, len: u64) -> Option<()> {
        let text = String::from_utf8_lossy(self.take(len)?).into_owned();
        self.text.push_str(&Value::from(text).to_string());
        Some(())
    }

    fn array(&mut self, len: u64, depth: u32) -> Option<()> {
        self.text.push('[');
        for at in 0..len {
            if at > 0 {
                self.text.push(',');
            }
            self.value(depth + 1)?;
        }
        self.text.push(']');
        Some(())
    }

    fn map(&mut self, len: u64, depth: u32) -> Option<()> {
        self.text.push('{');
        for at in 0..len {
            if at > 0 {
                self.text.push(',');
            }
            self.value(depth + 1)?;
            self.text.push(':');
            self.value(depth + 1)?;
        }
        self.text.push('}');
        Some(())
    }
}
