//! RESP2, as far as `XREAD` answers in it, and what is published comes in it.

use memchr::memchr;

/// One header, and what it announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    Bulk(&'a [u8]),
    /// So many parts follow.
    Array(usize),
    Nil,
    /// A line of another kind.
    Line,
}

enum Header {
    /// So many bytes follow, and an end of line.
    Bulk(usize),
    Array(usize),
    Nil,
    Line,
}

/// A header and its length. `Some(None)`: it is not whole yet. `None`: it is none.
#[expect(clippy::option_option, reason = "its meaning is said above")]
fn header(bytes: &[u8]) -> Option<Option<(Header, usize)>> {
    let Some((kind, rest)) = bytes.split_first() else { return Some(None) };
    if matches!(kind, b'+' | b'-' | b':') {
        let Some(end) = memchr(b'\n', rest) else { return Some(None) };
        return Some(Some((Header::Line, end + 2)));
    }
    // A few digits: looked at one by one, which a search would not do sooner.
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
    let (digits, rest) = rest.split_at_checked(digits)?;
    match rest {
        [b'\r', b'\n', ..] => {}
        [] | [b'\r'] => return Some(None),
        _ => return None,
    }
    let header = match (kind, digits) {
        (b'$' | b'*', b"-1") => Header::Nil,
        (b'$', digits) => Header::Bulk(number(digits)?),
        (b'*', digits) => Header::Array(number(digits)?),
        _ => return None,
    };
    Some(Some((header, digits.len() + 3)))
}

fn number(digits: &[u8]) -> Option<usize> {
    let add = |sum: usize, digit: &u8| {
        let value = usize::from(digit.wrapping_sub(b'0'));
        (value < 10).then(|| sum.checked_mul(10)?.checked_add(value)).flatten()
    };
    (!digits.is_empty()).then(|| digits.iter().try_fold(0, add)).flatten()
}

/// Looks for an answer's end while it comes, at each byte once.
#[derive(Debug)]
pub(crate) struct Scan {
    at: usize,
    /// So many parts are still to come.
    pending: usize,
}

impl Default for Scan {
    fn default() -> Self {
        Self { at: 0, pending: 1 }
    }
}

impl Scan {
    /// More may have come: `bytes` are all so far. The answer's length if it is whole. `None` for what is no RESP2.
    #[expect(clippy::option_option, reason = "its meaning is said above")]
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> Option<Option<usize>> {
        while self.pending > 0 {
            let Some(rest) = bytes.get(self.at..) else { return Some(None) };
            let Some((header, len)) = header(rest)? else { return Some(None) };
            self.at += len;
            self.pending -= 1;
            match header {
                Header::Bulk(len) => self.at = self.at.checked_add(len)?.checked_add(2)?,
                Header::Array(parts) => self.pending = self.pending.checked_add(parts)?,
                Header::Nil | Header::Line => {}
            }
        }
        Some((self.at <= bytes.len()).then_some(self.at))
    }
}

/// Goes through an answer that is whole.
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(answer: &'a [u8]) -> Self {
        Self { rest: answer }
    }

    /// The next part. `None` at the end.
    pub(crate) fn part(&mut self) -> Option<Part<'a>> {
        let (header, len) = header(self.rest)??;
        self.rest = self.rest.get(len..)?;
        Some(match header {
            Header::Bulk(len) => {
                let (value, rest) = self.rest.split_at_checked(len)?;
                self.rest = rest.strip_prefix(b"\r\n")?;
                Part::Bulk(value)
            }
            Header::Array(parts) => Part::Array(parts),
            Header::Nil => Part::Nil,
            Header::Line => Part::Line,
        })
    }
}
