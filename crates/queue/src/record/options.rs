//! A queue's options.

use super::{Reader, Writer};
use crate::{Backoff, Damaged, Overflow, QueueOptions, Rate};

/// Beside the policy; the bound of a key's messages follows.
const BY_INTEREST: u8 = 0x80;

pub(crate) fn write_options(options: &QueueOptions, writer: &mut Writer<'_>) {
    let QueueOptions {
        max_attempts,
        backoff,
        dead_letter,
        dead_letter_expired,
        ttl,
        concurrency,
        key_concurrency,
        by_interest,
        key_max_length,
        rate,
        key_rate,
        max_length,
        max_bytes,
        overflow,
        max_message_bytes,
        dedup_window,
        dedup_max,
    } = options;
    writer.number(u64::from(*max_attempts));
    let (kind, delay, max, jitter) = match *backoff {
        Backoff::Fixed { delay, jitter } => (0, delay, delay, jitter),
        Backoff::Exponential { delay, max, jitter } => (1, delay, max, jitter),
    };
    writer.byte(kind);
    writer.number(delay);
    writer.number(max);
    writer.fixed64(jitter.to_bits());
    writer.bytes(dead_letter.as_deref().unwrap_or_default().as_bytes());
    writer.byte(u8::from(*dead_letter_expired));
    writer.option(*ttl);
    writer.option(concurrency.map(u64::from));
    writer.number(u64::from(*key_concurrency));
    for rate in [rate, key_rate] {
        writer.number(rate.map_or(0, |rate| u64::from(rate.max)));
        writer.number(rate.map_or(0, |rate| rate.per));
    }
    writer.option(*max_length);
    writer.option(*max_bytes);
    let policy = match overflow {
        Overflow::Reject => 0,
        Overflow::DropOldest => 1,
        Overflow::Wait => 2,
    };
    writer.byte(policy | if *by_interest { BY_INTEREST } else { 0 });
    if *by_interest {
        writer.option(*key_max_length);
    }
    writer.number(u64::from(*max_message_bytes));
    writer.number(*dedup_window);
    writer.number(u64::from(*dedup_max));
}

pub(crate) fn read_options(reader: &mut Reader<'_>) -> Result<QueueOptions, Damaged> {
    let max_attempts = reader.small()?;
    let (kind, delay, max, jitter) =
        (reader.byte()?, reader.number()?, reader.number()?, f64::from_bits(reader.fixed64()?));
    let backoff = match kind {
        0 => Backoff::Fixed { delay, jitter },
        1 => Backoff::Exponential { delay, max, jitter },
        _ => return Err(Damaged),
    };
    let dead_letter = reader.text()?;
    let mut options = QueueOptions {
        max_attempts,
        backoff,
        dead_letter: if dead_letter.is_empty() { None } else { Some(dead_letter.into()) },
        dead_letter_expired: reader.byte()? != 0,
        ttl: reader.option()?,
        concurrency: reader.option()?.map(u32::try_from).transpose().map_err(|_| Damaged)?,
        key_concurrency: reader.small()?,
        rate: read_rate(reader)?,
        key_rate: read_rate(reader)?,
        max_length: reader.option()?,
        max_bytes: reader.option()?,
        ..QueueOptions::default()
    };
    let policy = reader.byte()?;
    options.by_interest = policy & BY_INTEREST != 0;
    if options.by_interest {
        options.key_max_length = reader.option()?;
    }
    options.overflow = match policy & !BY_INTEREST {
        0 => Overflow::Reject,
        1 => Overflow::DropOldest,
        2 => Overflow::Wait,
        _ => return Err(Damaged),
    };
    Ok(QueueOptions {
        max_message_bytes: reader.small()?,
        dedup_window: reader.number()?,
        dedup_max: reader.small()?,
        ..options
    })
}

fn read_rate(reader: &mut Reader<'_>) -> Result<Option<Rate>, Damaged> {
    let (max, per) = (reader.small()?, reader.number()?);
    Ok(if max == 0 || per == 0 { None } else { Some(Rate { max, per }) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let odd = QueueOptions {
            max_attempts: 7,
            backoff: Backoff::Fixed { delay: 3, jitter: 0.5 },
            dead_letter: Some("mail.dead".into()),
            dead_letter_expired: true,
            ttl: Some(0),
            concurrency: Some(9),
            key_concurrency: 2,
            by_interest: false,
            key_max_length: None,
            rate: Some(Rate { max: 10, per: 1_000 }),
            key_rate: Some(Rate { max: 1, per: 60_000 }),
            max_length: Some(1 << 40),
            max_bytes: Some(5),
            overflow: Overflow::Wait,
            max_message_bytes: 1,
            dedup_window: 1,
            dedup_max: 2,
        };
        let dropping = QueueOptions { overflow: Overflow::DropOldest, ..QueueOptions::default() };
        let interest = QueueOptions { by_interest: true, key_max_length: Some(7), ..dropping.clone() };
        for options in [odd, dropping, interest] {
            let mut out = Vec::new();
            write_options(&options, &mut Writer::new(&mut out));
            let mut reader = Reader::new(&out);
            assert_eq!(read_options(&mut reader), Ok(options));
            assert!(reader.is_empty());
        }
    }
}
