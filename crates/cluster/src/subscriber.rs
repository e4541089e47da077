//! A connection that is subscribed: RESP2, read in place. The client library makes a value of each part of a message and hands it on from
//! task to task, which cost more than all that is done with a message for nobody here.
//!
//! Confirmations come between messages, so whoever waits for them needs somebody who reads meanwhile.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use bytes::{Buf, BytesMut};
use redis::{ErrorKind, RedisError, RedisResult};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{Mutex, oneshot};

use crate::format::Subscription;
use crate::redis::NAMED;
use crate::streams::reader::{PIECE, Reader, Stream};
use crate::streams::resp::{Cursor, Part, Scan};

/// So many messages are taken at once; then others have their turn.
const TAKEN: usize = 256;
/// More is not kept for what comes next.
const SPARE: usize = 1024 * 1024;

type Connection = Box<dyn Stream>;

/// The reading end.
pub(crate) struct Subscriber {
    stream: ReadHalf<Connection>,
    /// What came and is not taken yet.
    buffer: BytesMut,
    /// Of the first answer in it.
    scan: Scan,
    /// So many messages were taken since others had their turn.
    taken: usize,
    waiting: Waiting,
}

/// The writing end.
#[derive(Clone)]
pub(crate) struct Sink {
    stream: Rc<Mutex<WriteHalf<Connection>>>,
    waiting: Waiting,
}

/// So many confirmations are to come, and who waits for them: nobody any more, when one was refused.
type Waiting = Rc<RefCell<Option<(usize, Option<oneshot::Sender<RedisResult<()>>>)>>>;

/// What Redis says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Push<'a> {
    /// A channel, and what was published there.
    Message(&'a [u8], &'a [u8]),
    /// One of our subscriptions, or its end, is confirmed.
    Confirmed,
    /// The subscription to this sharded channel has ended, as we or the cluster wanted it.
    Ended(&'a [u8]),
}

impl Subscriber {
    pub(crate) fn new(reader: Reader) -> (Sink, Self) {
        let (stream, buffer) = reader.into_parts();
        let (stream, outgoing) = tokio::io::split(stream);
        let waiting = Waiting::default();
        let sink = Sink { stream: Rc::new(Mutex::new(outgoing)), waiting: Rc::clone(&waiting) };
        (sink, Self { stream, buffer, scan: Scan::default(), taken: 0, waiting })
    }

    /// Waits until there is something to take. It can be given up, and nothing is lost.
    pub(crate) async fn ready(&mut self) -> RedisResult<()> {
        if self.taken >= TAKEN {
            self.taken = 0;
            tokio::task::yield_now().await;
        }
        while self.scan.advance(&self.buffer).ok_or_else(odd)?.is_none() {
            self.buffer.reserve(PIECE);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
        Ok(())
    }

    /// Takes what is there, some at most.
    pub(crate) fn take(&mut self, mut take: impl FnMut(Push<'_>)) -> RedisResult<()> {
        let mut start = 0;
        for _ in 0..TAKEN {
            let rest = self.buffer.get(start..).unwrap_or_default();
            let Some(len) = self.scan.advance(rest).ok_or_else(odd)? else { break };
            self.scan = Scan::default();
            start += len;
            self.taken += 1;
            match push(rest.get(..len).unwrap_or_default()) {
                Ok(message @ Push::Message(..)) => take(message),
                Ok(other) => {
                    self.confirm(Ok(()))?;
                    take(other);
                }
                Err(error) => self.confirm(Err(error))?,
            }
        }
        self.buffer.advance(start);
        if self.buffer.is_empty() && self.buffer.capacity() > SPARE {
            self.buffer = BytesMut::new();
        }
        Ok(())
    }

    /// An error is told to who waits, or has waited; when there is nobody, it is returned.
    fn confirm(&self, confirmed: RedisResult<()>) -> RedisResult<()> {
        let mut waiting = self.waiting.borrow_mut();
        let Some((left, done)) = waiting.as_mut() else { return confirmed };
        *left = left.saturating_sub(1);
        if *left == 0 || confirmed.is_err() {
            // Who has given up does not want to know.
            let _ = done.take().map(|done| done.send(confirmed));
        }
        if *left == 0 {
            *waiting = None;
        }
        Ok(())
    }
}

impl Sink {
    /// Subscribes (true) and ends subscriptions, in this order; ready when all is confirmed. One at a time.
    pub(crate) async fn change(&self, changes: &[(Subscription, bool)]) -> RedisResult<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let (done, confirmed) = oneshot::channel();
        *self.waiting.borrow_mut() = Some((changes.len(), Some(done)));
        let mut stream = self.stream.lock().await;
        stream.write_all(&commands(changes)).await?;
        stream.flush().await?;
        drop(stream);
        confirmed.await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()))
    }
}

/// Changes of one kind that follow each other are one command; a sharded channel has one of its own, since its slot may be another.
fn commands(changes: &[(Subscription, bool)]) -> Vec<u8> {
    let mut out = Vec::new();
    let alike = changes.chunk_by(|one, next| word(one) == word(next) && !matches!(one.0, Subscription::Shard(_)));
    for changes in alike.flat_map(|alike| alike.chunks(NAMED)) {
        let Some(first) = changes.first() else { continue };
        let mut command = redis::cmd(word(first));
        for (subscription, _) in changes {
            command.arg(subscription.name());
        }
        out.extend(command.get_packed_command());
    }
    out
}

fn word((subscription, on): &(Subscription, bool)) -> &'static str {
    match (subscription, on) {
        (Subscription::Channel(_), true) => "SUBSCRIBE",
        (Subscription::Channel(_), false) => "UNSUBSCRIBE",
        (Subscription::Pattern(_), true) => "PSUBSCRIBE",
        (Subscription::Pattern(_), false) => "PUNSUBSCRIBE",
        (Subscription::Shard(_), true) => "SSUBSCRIBE",
        (Subscription::Shard(_), false) => "SUNSUBSCRIBE",
    }
}

/// One whole answer.
fn push(answer: &[u8]) -> RedisResult<Push<'_>> {
    let mut parts = Cursor::new(answer);
    let Some(Part::Array(len)) = parts.part() else {
        redis::parse_redis_value(answer)?.extract_error()?;
        return Err(odd());
    };
    let Some(Part::Bulk(word)) = parts.part() else { return Err(odd()) };
    if word == b"pmessage" {
        parts.part();
    }
    match (word, len, parts.part(), parts.part()) {
        (b"message" | b"smessage", 3, Some(Part::Bulk(channel)), Some(Part::Bulk(payload)))
        | (b"pmessage", 4, Some(Part::Bulk(channel)), Some(Part::Bulk(payload))) => Ok(Push::Message(channel, payload)),
        (b"sunsubscribe", 3, Some(Part::Bulk(channel)), _) => Ok(Push::Ended(channel)),
        (b"subscribe" | b"psubscribe" | b"ssubscribe" | b"unsubscribe" | b"punsubscribe", 3, Some(_), Some(_)) => {
            Ok(Push::Confirmed)
        }
        _ => Err(odd()),
    }
}

fn odd() -> RedisError {
    (ErrorKind::UnexpectedReturnType, "expected what is published, and confirmations, in RESP2").into()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "a test may panic")]

    use futures_util::future::join;
    use tokio::io::DuplexStream;

    use super::*;

    async fn connected() -> (Sink, Subscriber, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let reader = Reader::new(Box::new(ours), &[]).await.expect("nothing to ask");
        let (sink, subscriber) = Subscriber::new(reader);
        (sink, subscriber, theirs)
    }

    /// All that comes until the end, or what is wrong with it.
    async fn heard(subscriber: &mut Subscriber) -> (Vec<String>, RedisError) {
        let mut all = Vec::new();
        loop {
            let ready = subscriber.ready().await;
            let taken = ready.and_then(|()| {
                subscriber.take(|push| {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    all.push(match push {
                        Push::Message(channel, payload) => format!("{}={}", text(channel), text(payload)),
                        Push::Confirmed => "confirmed".into(),
                        Push::Ended(channel) => format!("{} ended", text(channel)),
                    });
                })
            });
            if let Err(error) = taken {
                return (all, error);
            }
        }
    }

    const MESSAGES: &[u8] =
        b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$4\r\n\r\n*1\r\n*3\r\n$8\r\nsmessage\r\n$1\r\nb\r\n$0\r\n\r\n\
        *4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$2\r\ncd\r\n$1\r\n1\r\n*3\r\n$12\r\nsunsubscribe\r\n$1\r\nb\r\n:0\r\n";

    #[tokio::test]
    async fn messages_come_in_pieces_or_many_at_once() {
        for size in [1, 7, MESSAGES.len()] {
            let (_sink, mut subscriber, mut redis) = connected().await;
            let writing = async {
                for piece in MESSAGES.chunks(size) {
                    redis.write_all(piece).await.expect("room");
                    tokio::task::yield_now().await;
                }
                drop(redis);
            };
            let ((all, end), ()) = join(heard(&mut subscriber), writing).await;
            assert_eq!(all, ["a=\r\n*1", "b=", "cd=1", "b ended"]);
            assert!(end.is_io_error(), "{end}");
        }
    }

    #[tokio::test]
    async fn a_change_is_done_when_each_channel_is_confirmed() {
        let (sink, mut subscriber, mut redis) = connected().await;
        let changes = [
            (Subscription::Pattern("p*".into()), true),
            (Subscription::Channel("a".into()), true),
            (Subscription::Channel("b".into()), true),
            (Subscription::Shard("s".into()), true),
            (Subscription::Shard("t".into()), true),
            (Subscription::Channel("a".into()), false),
        ];
        let expected = "*2\r\n$10\r\nPSUBSCRIBE\r\n$2\r\np*\r\n*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n$1\r\nb\r\n\
            *2\r\n$10\r\nSSUBSCRIBE\r\n$1\r\ns\r\n*2\r\n$10\r\nSSUBSCRIBE\r\n$1\r\nt\r\n*2\r\n$11\r\nUNSUBSCRIBE\r\n$1\r\na\r\n";
        let words = ["psubscribe", "subscribe", "subscribe", "ssubscribe", "ssubscribe", "unsubscribe"];
        let mut changing = Box::pin(sink.change(&changes));
        let answering = async {
            let mut asked = vec![0; expected.len()];
            redis.read_exact(&mut asked).await.expect("commands");
            assert_eq!(String::from_utf8_lossy(&asked), expected);
            for word in words {
                let confirmation = format!("*3\r\n${}\r\n{word}\r\n$1\r\nx\r\n:1\r\n", word.len());
                redis.write_all(confirmation.as_bytes()).await.expect("room");
            }
        };
        let first = join(futures_util::future::poll_immediate(&mut changing), answering).await.0;
        assert!(first.is_none(), "nothing is confirmed yet");
        let hearing = async {
            subscriber.ready().await.expect("confirmations");
            subscriber.take(|_| {}).expect("confirmations");
        };
        let (end, ()) = join(changing, hearing).await;
        end.expect("all are confirmed");
    }

    #[tokio::test]
    async fn what_is_refused_is_told_to_who_waits_and_what_is_no_message_ends_it() {
        let (sink, mut subscriber, mut redis) = connected().await;
        redis.write_all(b"-NOPERM no\r\n-ERR no\r\n").await.expect("room");
        let changes = [(Subscription::Channel("a".into()), true), (Subscription::Channel("b".into()), true)];
        redis.shutdown().await.expect("it ends");
        let (refused, (_, end)) = join(sink.change(&changes), heard(&mut subscriber)).await;
        assert_eq!(refused.expect_err("it is refused").code(), Some("NOPERM"));
        assert!(end.is_io_error(), "{end}");
        let (_sink, mut subscriber, mut redis) = connected().await;
        redis.write_all(b"-NOPERM no\r\n").await.expect("room");
        assert_eq!(heard(&mut subscriber).await.1.code(), Some("NOPERM"), "nobody waits");
        for odd in [
            &b"+OK\r\n"[..],
            b":1\r\n",
            b"$-1\r\n",
            b"*0\r\n",
            b"*2\r\n$7\r\nmessage\r\n$1\r\na\r\n",
            b"HTTP/1.1 400\r\n",
        ] {
            let (_sink, mut subscriber, mut redis) = connected().await;
            redis.write_all(odd).await.expect("room");
            let (all, end) = heard(&mut subscriber).await;
            assert!(all.is_empty() && !end.is_io_error(), "{odd:?} {end}");
        }
    }
}
