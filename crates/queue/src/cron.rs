//! When a schedule's next time is.

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::{Error, Times};

/// The times of a schedule, understood.
#[derive(Clone, Debug)]
pub enum Clockwork {
    /// Milliseconds.
    Every(u64),
    /// An expression, and its time zone.
    Cron(Box<(Cron, TimeZone)>),
}

impl Clockwork {
    /// Understands the times, or says what is wrong with them.
    pub fn new(times: &Times) -> Result<Self, Error> {
        let invalid = |detail: String| Error::OptionInvalid { detail: detail.into() };
        match times {
            Times::Every(0) => Err(invalid("an interval is at least 1 ms".to_owned())),
            Times::Every(millis) => Ok(Self::Every(*millis)),
            Times::Cron { expression, zone } => {
                let zone = match zone.as_deref() {
                    None => TimeZone::UTC,
                    Some(name) => {
                        TimeZone::get(name).map_err(|_| invalid(format!("there is no time zone {name:?}")))?
                    }
                };
                let parser = CronParser::builder().seconds(Seconds::Optional).build();
                let cron = parser
                    .parse(expression)
                    .map_err(|error| invalid(format!("{expression:?} is not a cron expression: {error}")))?;
                Ok(Self::Cron(Box::new((cron, zone))))
            }
        }
    }

    /// The first time after `after`, both wall clock. For an interval, `last` gives the phase. `None`: never again.
    pub fn next(&self, after: u64, last: u64) -> Option<u64> {
        match self {
            Self::Every(every) => {
                let passed = after.saturating_sub(last);
                last.checked_add((passed / every + 1).checked_mul(*every)?)
            }
            Self::Cron(cron) => {
                let (cron, zone) = &**cron;
                let start = Timestamp::from_millisecond(i64::try_from(after).ok()?).ok()?.to_zoned(zone.clone());
                let next = cron.find_next_occurrence(&start, false).ok()?;
                u64::try_from(next.timestamp().as_millisecond()).ok()
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn cron(expression: &str, zone: Option<&str>) -> Result<Clockwork, Error> {
        Clockwork::new(&Times::Cron { expression: expression.into(), zone: zone.map(Into::into) })
    }

    fn at(text: &str) -> u64 {
        u64::try_from(text.parse::<Timestamp>().unwrap().as_millisecond()).unwrap()
    }

    #[test]
    fn an_interval_keeps_its_phase_and_makes_up_for_nothing() {
        let every = Clockwork::new(&Times::Every(100)).unwrap();
        assert_eq!(every.next(7, 7), Some(107));
        assert_eq!(every.next(106, 7), Some(107));
        assert_eq!(every.next(107, 7), Some(207));
        assert_eq!(every.next(10_000, 7), Some(10_007));
        assert_eq!(every.next(u64::MAX, 7), None);
    }

    #[test]
    fn cron_follows_the_clock_of_its_zone() {
        let nine = cron("0 9 * * MON-FRI", Some("Europe/Berlin")).unwrap();
        // Friday in winter time; the next Monday is in summer time.
        assert_eq!(nine.next(at("2026-03-27T08:00:00Z"), 0), Some(at("2026-03-30T07:00:00Z")));
        let seconds = cron("*/10 * * * * *", None).unwrap();
        assert_eq!(seconds.next(at("2026-01-01T00:00:00Z"), 0), Some(at("2026-01-01T00:00:10Z")));
    }

    #[test]
    fn a_time_that_summer_time_leaves_out_is_not_skipped_for_the_day_after() {
        let cron = cron("30 2 * * *", Some("Europe/Berlin")).unwrap();
        let next = cron.next(at("2026-03-29T00:00:00Z"), 0).unwrap();
        assert!(next < at("2026-03-30T00:30:00Z"), "{next}");
        // The hour that comes twice: once.
        let first = cron.next(at("2026-10-24T23:00:00Z"), 0).unwrap();
        assert_eq!(cron.next(first, 0), Some(at("2026-10-26T01:30:00Z")));
    }

    #[test]
    fn nonsense_is_refused() {
        for (expression, zone) in
            [("", None), ("61 * * * *", None), ("* * * * *", Some("Mars/Olympus")), ("\u{0}", None)]
        {
            assert_eq!(cron(expression, zone).unwrap_err().code(), "QUEUE_OPTION_INVALID", "{expression:?}");
        }
        assert_eq!(Clockwork::new(&Times::Every(0)).unwrap_err().code(), "QUEUE_OPTION_INVALID");
    }

    #[test]
    fn a_date_that_never_comes_has_no_next_time() {
        let never = cron("0 0 30 2 *", None).unwrap();
        assert_eq!(never.next(at("2026-01-01T00:00:00Z"), 0), None);
    }
}
