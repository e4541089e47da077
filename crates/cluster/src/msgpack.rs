//! `MessagePack` as the adapters' notepack writes it: one value at a time, without recursion, so that no depth is too deep.

/// A value, or the beginning of one: the elements of an array or map follow it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token<'a> {
    /// `null` and `undefined`.
    Nil,
    /// A boolean.
    Bool(bool),
    /// An integer that is not negative.
    Uint(u64),
    /// A negative integer.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A text, as it came: perhaps not UTF-8.
    Text(&'a [u8]),
    /// Bytes.
    Binary(&'a [u8]),
    /// An extension: its type and data.
    Extension(i8, &'a [u8]),
    /// So many values follow.
    Array(u32),
    /// So many pairs of a key and a value follow.
    Map(u32),
}

/// Reads values from bytes. `None` everywhere: what is there is cut off, or no `MessagePack`.
#[derive(Clone, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads from the beginning.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self, bytes: u8) -> Option<u32> {
        Some(match bytes {
            1 => u32::from(u8::from_be_bytes(self.array()?)),
            2 => u32::from(u16::from_be_bytes(self.array()?)),
            _ => u32::from_be_bytes(self.array()?),
        })
    }

    fn sized(&mut self, bytes: u8) -> Option<&'a [u8]> {
        let len = self.number(bytes)?;
        self.take(len as usize)
    }

    fn extension(&mut self, len: u32) -> Option<Token<'a>> {
        let kind = i8::from_be_bytes(self.array()?);
        Some(Token::Extension(kind, self.take(len as usize)?))
    }

    /// The next value, or the beginning of it.
    pub fn token(&mut self) -> Option<Token<'a>> {
        let [first] = self.array()?;
        Some(match first {
            0x00..=0x7f => Token::Uint(first.into()),
            0x80..=0x8f => Token::Map(u32::from(first & 0x0f)),
            0x90..=0x9f => Token::Array(u32::from(first & 0x0f)),
            0xa0..=0xbf => Token::Text(self.take(usize::from(first & 0x1f))?),
            0xc0 => Token::Nil,
            0xc1 => return None,
            0xc2 | 0xc3 => Token::Bool(first == 0xc3),
            0xc4..=0xc6 => Token::Binary(self.sized(1 << (first - 0xc4))?),
            0xc7..=0xc9 => {
                let len = self.number(1 << (first - 0xc7))?;
                self.extension(len)?
            }
            0xca => Token::Float(f32::from_be_bytes(self.array()?).into()),
            0xcb => Token::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Token::Uint(u8::from_be_bytes(self.array()?).into()),
            0xcd => Token::Uint(u16::from_be_bytes(self.array()?).into()),
            0xce => Token::Uint(u32::from_be_bytes(self.array()?).into()),
            0xcf => Token::Uint(u64::from_be_bytes(self.array()?)),
            0xd0 => signed(i8::from_be_bytes(self.array()?).into()),
            0xd1 => signed(i16::from_be_bytes(self.array()?).into()),
            0xd2 => signed(i32::from_be_bytes(self.array()?).into()),
            0xd3 => signed(i64::from_be_bytes(self.array()?)),
            0xd4..=0xd8 => self.extension(1 << (first - 0xd4))?,
            0xd9..=0xdb => Token::Text(self.sized(1 << (first - 0xd9))?),
            0xdc => Token::Array(self.number(2)?),
            0xdd => Token::Array(self.number(4)?),
            0xde => Token::Map(self.number(2)?),
            0xdf => Token::Map(self.number(4)?),
            0xe0..=0xff => Token::Int(i8::from_be_bytes([first]).into()),
        })
    }

    /// The bytes of the next value, whole.
    pub fn skip(&mut self) -> Option<&'a [u8]> {
        let before = self.0;
        let mut left: u64 = 1;
        while left > 0 {
            left -= 1;
            left += match self.token()? {
                Token::Array(len) => u64::from(len),
                Token::Map(len) => u64::from(len) * 2,
                _ => 0,
            };
            // Each takes a byte at least: what cannot be there is refused before it is looked for.
            if left > self.0.len() as u64 {
                return None;
            }
        }
        before.get(..before.len() - self.0.len())
    }

    /// A text.
    pub fn text(&mut self) -> Option<&'a [u8]> {
        match self.token()? {
            Token::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn signed<'a>(value: i64) -> Token<'a> {
    u64::try_from(value).map_or(Token::Int(value), Token::Uint)
}

/// Writes the header of an array or a map (`map`) of `len` elements or pairs.
pub fn container(out: &mut Vec<u8>, map: bool, len: u32) {
    let (fix, sized) = if map { (0x80, 0xde) } else { (0x90, 0xdc) };
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ 0..=15), _) => out.push(fix | len),
        (_, Ok(len)) => {
            out.push(sized);
            out.extend(len.to_be_bytes());
        }
        _ => {
            out.push(sized + 1);
            out.extend(len.to_be_bytes());
        }
    }
}

/// Writes a text.
pub fn text(out: &mut Vec<u8>, text: &[u8]) {
    match (u8::try_from(text.len()), u16::try_from(text.len())) {
        (Ok(len @ 0..=31), _) => out.push(0xa0 | len),
        (Ok(len), _) => out.extend([0xd9, len]),
        (_, Ok(len)) => {
            out.push(0xda);
            out.extend(len.to_be_bytes());
        }
        _ => {
            out.push(0xdb);
            out.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
    out.extend_from_slice(text);
}

/// Writes a number as notepack does: whole ones in the fewest bytes, others as 64-bit floats.
pub fn number(out: &mut Vec<u8>, value: f64) {
    /// From here on not each whole number can be told from its neighbours.
    const SAFE: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within 53 bits")]
    if value.fract() == 0.0 && value.abs() <= SAFE {
        return integer(out, value as i64);
    }
    out.push(0xcb);
    out.extend(value.to_be_bytes());
}

fn integer(out: &mut Vec<u8>, value: i64) {
    if let Ok(value) = u64::try_from(value) {
        match (u8::try_from(value), u16::try_from(value), u32::try_from(value)) {
            (Ok(value @ 0..=127), ..) => out.push(value),
            (Ok(value), ..) => out.extend([0xcc, value]),
            (_, Ok(value), _) => {
                out.push(0xcd);
                out.extend(value.to_be_bytes());
            }
            (.., Ok(value)) => {
                out.push(0xce);
                out.extend(value.to_be_bytes());
            }
            _ => {
                out.push(0xcf);
                out.extend(value.to_be_bytes());
            }
        }
        return;
    }
    match (i8::try_from(value), i16::try_from(value), i32::try_from(value)) {
        (Ok(value @ -32..=-1), ..) => out.extend(value.to_be_bytes()),
        (Ok(value), ..) => {
            out.push(0xd0);
            out.extend(value.to_be_bytes());
        }
        (_, Ok(value), _) => {
            out.push(0xd1);
            out.extend(value.to_be_bytes());
        }
        (.., Ok(value)) => {
            out.push(0xd2);
            out.extend(value.to_be_bytes());
        }
        _ => {
            out.push(0xd3);
            out.extend(value.to_be_bytes());
        }
    }
}
