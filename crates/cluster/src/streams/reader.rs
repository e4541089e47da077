//! The connection that reads the streams: RESP2, one command at a time. The entries stay in the bytes that came.

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use redis::{Cmd, RedisResult};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::entry::Id;
use super::log::{self, Raw, Read, odd, place_of};
use super::resp::{Cursor, Part, Scan};
use crate::tls::{self, Trust};

/// So much is read at once, at least, and no more is set aside for what is only announced.
pub(crate) const PIECE: usize = 64 * 1024;

/// A socket of any kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// A connection.
pub(crate) struct Reader {
    stream: Box<dyn Stream>,
    buffer: BytesMut,
}

impl Reader {
    pub(crate) async fn tcp(host: &str, port: u16, first: &[Cmd]) -> RedisResult<Self> {
        Self::new(Box::new(open(host, port).await?), first).await
    }

    pub(crate) async fn tls((host, port): (&str, u16), trust: Trust<'_>, first: &[Cmd]) -> RedisResult<Self> {
        let stream = open(host, port).await?;
        Self::new(Box::new(tls::connect(stream, host, trust).await?), first).await
    }

    pub(crate) async fn unix(path: &str, first: &[Cmd]) -> RedisResult<Self> {
        Self::new(Box::new(UnixStream::connect(path).await?), first).await
    }

    /// `first`: who we are, and which database it is.
    pub(crate) async fn new(stream: Box<dyn Stream>, first: &[Cmd]) -> RedisResult<Self> {
        let mut reader = Self { stream, buffer: BytesMut::new() };
        for command in first {
            reader.ask(command).await?;
        }
        Ok(reader)
    }

    /// The socket, and what has come and was not asked for.
    pub(crate) fn into_parts(self) -> (Box<dyn Stream>, BytesMut) {
        (self.stream, self.buffer)
    }

    async fn ask(&mut self, command: &Cmd) -> RedisResult<Bytes> {
        self.stream.write_all(&command.get_packed_command()).await?;
        let mut scan = Scan::default();
        loop {
            let whole = scan.advance(&self.buffer).ok_or_else(|| odd("expected an answer in RESP2"))?;
            if let Some(len) = whole {
                let answer = self.buffer.split_to(len).freeze();
                if answer.first() == Some(&b'-') {
                    redis::parse_redis_value(&answer)?.extract_error()?;
                }
                return Ok(answer);
            }
            self.buffer.reserve(PIECE);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}

async fn open(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A reader for one reading after the other. One that is given up has left an answer on its way: it is not used again.
pub(crate) struct Shared(RefCell<Option<Reader>>);

impl Shared {
    pub(crate) fn new(reader: Reader) -> Self {
        Self(RefCell::new(Some(reader)))
    }

    pub(crate) async fn read(
        &self,
        positions: Vec<(String, Id)>,
        count: usize,
        block: Option<Duration>,
    ) -> RedisResult<Read> {
        let taken = self.0.borrow_mut().take();
        let mut reader = taken.ok_or_else(|| odd("expected one reading at a time"))?;
        let answer = reader.ask(&log::reading(&positions, count, block)).await?;
        *self.0.borrow_mut() = Some(reader);
        entries(&answer, &positions)
    }
}

/// The entries of an answer, by the places of their streams.
pub(super) fn entries(answer: &Bytes, positions: &[(String, Id)]) -> RedisResult<Read> {
    let mut cursor = Cursor::new(answer);
    let streams = match cursor.part() {
        Some(Part::Nil) => return Ok(Vec::new()),
        Some(Part::Array(streams)) => streams,
        _ => return Err(odd("expected a list of streams")),
    };
    let mut all = Vec::new();
    for _ in 0..streams {
        let (Some(Part::Array(2)), Some(Part::Bulk(name)), Some(Part::Array(count))) =
            (cursor.part(), cursor.part(), cursor.part())
        else {
            return Err(odd("expected a stream's name and entries"));
        };
        let list = (0..count).map(|_| entry(answer, &mut cursor)).collect::<Option<_>>();
        all.push((place_of(positions, name)?, list.ok_or_else(|| odd("expected an entry"))?));
    }
    Ok(all)
}

fn entry(answer: &Bytes, cursor: &mut Cursor<'_>) -> Option<Raw> {
    let (Part::Array(2), Part::Bulk(id)) = (cursor.part()?, cursor.part()?) else { return None };
    let count = match cursor.part()? {
        Part::Array(count) => count,
        // It was deleted between two looks of Redis.
        Part::Nil => 0,
        _ => return None,
    };
    let mut whole = true;
    let fields = (0..count / 2).map_while(|_| {
        let (Some(Part::Bulk(name)), Some(Part::Bulk(value))) = (cursor.part(), cursor.part()) else {
            whole = false;
            return None;
        };
        Some((name, value))
    });
    let raw = Raw::new(log::id_of(id)?, fields, |value| answer.slice_ref(value));
    (whole && count % 2 == 0).then_some(raw)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, reason = "a test may panic")]

    use super::*;

    const ANSWER: &[u8] = b"*1\r\n*2\r\n$1\r\ns\r\n*3\r\n\
        *2\r\n$3\r\n5-1\r\n*10\r\n$3\r\nuid\r\n$1\r\nu\r\n$3\r\nnsp\r\n$1\r\n/\r\n$4\r\ntype\r\n$1\r\n3\r\n$4\r\ndata\r\n$6\r\n{\r\n*1}\r\n$1\r\nn\r\n$2\r\n12\r\n\
        *2\r\n$3\r\n5-2\r\n*-1\r\n\
        *2\r\n$3\r\n5-3\r\n*2\r\n$3\r\nnsp\r\n$0\r\n\r\n";

    fn positions() -> Vec<(String, Id)> {
        vec![("other".into(), Id::ZERO), ("s".into(), Id::ZERO)]
    }

    #[test]
    fn entries_are_as_the_client_library_would_give_them() {
        let id = |sequence| Id { milliseconds: 5, sequence };
        let first = Raw {
            id: id(1),
            uid: "u".into(),
            nsp: "/".into(),
            kind: Some(3),
            data: Some("{\r\n*1}".into()),
            number: Some(12),
        };
        let empty = |sequence| Raw { id: id(sequence), ..Raw::default() };
        let expected = vec![(1, vec![first, empty(2), empty(3)])];
        assert_eq!(entries(&Bytes::from_static(ANSWER), &positions()).ok(), Some(expected));
        assert_eq!(entries(&Bytes::from_static(b"*-1\r\n"), &positions()).ok(), Some(Vec::new()));
        for odd in
            [&b"+OK\r\n"[..], b"*1\r\n$1\r\ns\r\n", b"*1\r\n*2\r\n$1\r\nx\r\n*0\r\n", &ANSWER[..ANSWER.len() - 2]]
        {
            assert!(entries(&Bytes::from_static(odd), &positions()).is_err(), "{odd:?}");
        }
    }

    /// Redis' end of a connection, which answers each command with these pieces.
    async fn ask(pieces: &[&[u8]]) -> RedisResult<Bytes> {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let mut reader = Reader::new(Box::new(ours), &[]).await?;
        let command = redis::cmd("PING");
        let answering = async {
            theirs.read_exact(&mut [0; 14]).await?;
            for piece in pieces {
                theirs.write_all(piece).await?;
                tokio::task::yield_now().await;
            }
            drop(theirs);
            Ok::<_, io::Error>(())
        };
        let (answer, answered) = futures_util::future::join(reader.ask(&command), answering).await;
        answered?;
        answer
    }

    #[tokio::test]
    async fn an_answer_comes_in_pieces_or_not_at_all() {
        let bytes: Vec<&[u8]> = ANSWER.chunks(1).collect();
        assert_eq!(ask(&bytes).await.ok().as_deref(), Some(ANSWER));
        let refused = ask(&[b"-WRONGPASS in", b"valid\r\n"]).await.err();
        assert_eq!(refused.as_ref().and_then(redis::RedisError::code), Some("WRONGPASS"));
        assert!(ask(&[&ANSWER[..40]]).await.is_err(), "it ended too early");
        assert!(ask(&[b"HTTP/1.1 400\r\n"]).await.is_err(), "another protocol");
    }
}
