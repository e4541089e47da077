//! A queue's options as fields of its hash.

use std::fmt::Display;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use socketio_queue::{Backoff, Overflow, QueueOptions, Rate};

use crate::op::Arg;

/// All of them, so that what is left out takes the place of what was there.
pub(crate) fn fields(options: &QueueOptions) -> Vec<Arg> {
    let mut fields = Vec::with_capacity(44);
    let mut set = |name: &'static str, value: String| fields.extend([Arg::Word(name), Arg::Text(value.into())]);
    let (kind, delay, most, jitter) = match options.backoff {
        Backoff::Fixed { delay, jitter } => ("fixed", delay, delay, jitter),
        Backoff::Exponential { delay, max, jitter } => ("exponential", delay, max, jitter),
    };
    set("maxAttempts", options.max_attempts.to_string());
    set("backoff", kind.to_owned());
    set("backoffDelay", delay.to_string());
    set("backoffMax", most.to_string());
    set("jitter", jitter.to_string());
    set("deadLetter", options.dead_letter.as_deref().unwrap_or_default().to_owned());
    set("deadLetterExpired", if options.dead_letter_expired { "1" } else { "" }.to_owned());
    set("ttl", given(options.ttl));
    set("concurrency", given(options.concurrency));
    set("keyConcurrency", options.key_concurrency.to_string());
    set("rateMax", given(options.rate.map(|rate| rate.max)));
    set("ratePer", given(options.rate.map(|rate| rate.per)));
    set("keyRateMax", given(options.key_rate.map(|rate| rate.max)));
    set("keyRatePer", given(options.key_rate.map(|rate| rate.per)));
    set("maxLength", given(options.max_length));
    set("maxBytes", given(options.max_bytes));
    set("overflow", overflow(options.overflow).to_owned());
    set("maxMessageBytes", options.max_message_bytes.to_string());
    set("dedupWindow", options.dedup_window.to_string());
    set("dedupMax", options.dedup_max.to_string());
    set("byInterest", if options.by_interest { "1" } else { "" }.to_owned());
    set("keyMaxLength", given(options.key_max_length));
    fields
}

fn given<T: Display>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn overflow(overflow: Overflow) -> &'static str {
    match overflow {
        Overflow::Reject => "reject",
        Overflow::DropOldest => "dropOldest",
        Overflow::Wait => "wait",
    }
}

/// What is not there, or cannot be read, is as by default.
pub(crate) fn read(values: Vec<Bytes>) -> QueueOptions {
    let mut values = values.into_iter();
    let mut hash = FxHashMap::default();
    while let (Some(name), Some(value)) = (values.next(), values.next()) {
        hash.insert(name, String::from_utf8_lossy(&value).into_owned());
    }
    let text = |name: &str| hash.get(name.as_bytes()).map(String::as_str).filter(|value| !value.is_empty());
    let number = |name: &str| text(name).and_then(|value| value.parse::<u64>().ok());
    let small = |name: &str| number(name).and_then(|value| u32::try_from(value).ok());
    let default = QueueOptions::default();
    let (delay, most) = (number("backoffDelay").unwrap_or(1_000), number("backoffMax").unwrap_or(300_000));
    let jitter = text("jitter").and_then(|value| value.parse().ok()).unwrap_or(0.2);
    let rate = |most: &str, per: &str| Some(Rate { max: small(most)?, per: number(per)? });
    QueueOptions {
        max_attempts: number("maxAttempts").and_then(|value| value.try_into().ok()).unwrap_or(default.max_attempts),
        backoff: match text("backoff") {
            Some("fixed") => Backoff::Fixed { delay, jitter },
            _ => Backoff::Exponential { delay, max: most, jitter },
        },
        dead_letter: text("deadLetter").map(Into::into),
        dead_letter_expired: text("deadLetterExpired").is_some(),
        ttl: number("ttl"),
        concurrency: small("concurrency"),
        key_concurrency: small("keyConcurrency").unwrap_or(default.key_concurrency),
        rate: rate("rateMax", "ratePer"),
        key_rate: rate("keyRateMax", "keyRatePer"),
        max_length: number("maxLength"),
        max_bytes: number("maxBytes"),
        overflow: match text("overflow") {
            Some("dropOldest") => Overflow::DropOldest,
            Some("wait") => Overflow::Wait,
            _ => Overflow::Reject,
        },
        max_message_bytes: small("maxMessageBytes").unwrap_or(default.max_message_bytes),
        dedup_window: number("dedupWindow").unwrap_or(default.dedup_window),
        dedup_max: small("dedupMax").unwrap_or(default.dedup_max),
        by_interest: text("byInterest").is_some(),
        key_max_length: number("keyMaxLength"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(options: &QueueOptions) -> QueueOptions {
        let bytes = |arg: Arg| match arg {
            Arg::Word(word) => Bytes::from_static(word.as_bytes()),
            Arg::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
            other => panic!("not a field: {other:?}"),
        };
        read(fields(options).into_iter().map(bytes).collect())
    }

    #[test]
    fn options_read_back() {
        let all = QueueOptions {
            max_attempts: 7,
            backoff: Backoff::Fixed { delay: 3, jitter: 0.5 },
            dead_letter: Some("dead".into()),
            dead_letter_expired: true,
            ttl: Some(9),
            concurrency: Some(4),
            key_concurrency: 2,
            rate: Some(Rate { max: 5, per: 6 }),
            key_rate: Some(Rate { max: 7, per: 8 }),
            max_length: Some(10),
            max_bytes: Some(11),
            overflow: Overflow::Wait,
            max_message_bytes: 12,
            dedup_window: 13,
            dedup_max: 14,
            by_interest: true,
            key_max_length: Some(15),
        };
        assert_eq!(back(&all), all);
        assert_eq!(back(&QueueOptions::default()), QueueOptions::default());
    }
}
