//! Which servers of this kind there are: each says so once a second, and the others notice when it does not.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::core::NAMED;
use crate::event::Member;

/// Who has said nothing for so long is silent.
pub const SILENT: Duration = Duration::from_secs(3);
/// Who has said nothing for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(100);
/// Whoever can publish here can invent servers, but not more than these.
const MOST: usize = 1024;
/// A name that nobody reads to its end.
const LONGEST: usize = 4096;

/// What a server says of itself.
#[derive(serde::Serialize, serde::Deserialize)]
struct Hello {
    #[serde(flatten)]
    member: Member,
    /// It leaves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    bye: bool,
}

/// The others.
#[derive(Debug, Default)]
pub struct Members(HashMap<String, (Member, Instant)>);

impl Members {
    /// What to say.
    pub fn hello(member: &Member, bye: bool) -> Vec<u8> {
        serde_json::to_vec(&Hello { member: member.clone(), bye }).unwrap_or_default()
    }

    /// Somebody says something; who it is, and whether it is new here. `None` when it cannot be read.
    pub fn hear(&mut self, message: &[u8], now: Instant) -> Option<(String, bool)> {
        if message.len() > LONGEST * 16 {
            return None;
        }
        let Hello { mut member, bye } = serde_json::from_slice(message).ok()?;
        if member.uid.len() > 64 || member.name.len() > LONGEST {
            return None;
        }
        // Each costs more than its bytes.
        member.nsps = member.nsps.filter(|nsps| nsps.len() <= NAMED);
        let uid = member.uid.clone();
        let new = !self.0.contains_key(&uid);
        if bye {
            self.0.remove(&uid);
        } else if self.0.len() < MOST || self.0.contains_key(&uid) {
            self.0.insert(uid.clone(), (member, now));
        }
        Some((uid, new))
    }

    /// This server was frozen itself: nobody else's silence counts.
    pub fn excuse(&mut self, now: Instant) {
        self.0.values_mut().for_each(|(_, last)| *last = now);
    }

    /// Forgets those of long ago.
    pub fn tick(&mut self, now: Instant) {
        self.0.retain(|_, (_, last)| now.saturating_duration_since(*last) < FORGOTTEN);
    }

    /// Those that may have the namespace, but for `uid`, and whether they are silent.
    pub fn of(&self, nsp: &str, uid: &str, now: Instant) -> Vec<(Member, bool)> {
        let has = |member: &Member| member.nsps.as_ref().is_none_or(|nsps| nsps.iter().any(|other| other == nsp));
        let others = self.0.values().filter(|(member, _)| member.uid != uid && has(member));
        others.map(|(member, last)| (member.clone(), now.saturating_duration_since(*last) >= SILENT)).collect()
    }

    /// It has no connection any more.
    pub fn remove(&mut self, uid: &str) {
        self.0.remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_of_itself_is_bounded() {
        let (mut members, now) = (Members::default(), Instant::now());
        let hello = |nsps: usize, name: &str| {
            let nsps = Some(vec![String::new(); nsps]);
            Members::hello(&Member { uid: "u".into(), name: name.into(), nsps }, false)
        };
        let mut nsps = |nsps| {
            assert_eq!(members.hear(&hello(nsps, "n"), now).map(|(uid, _)| uid).as_deref(), Some("u"));
            members.of("", "me", now).pop().map(|(member, _)| member.nsps.map(|nsps| nsps.len()))
        };
        assert_eq!(nsps(NAMED), Some(Some(NAMED)));
        assert_eq!(nsps(NAMED + 1), Some(None), "as if it had not said them");
        assert_eq!(members.hear(&hello(0, &"n".repeat(LONGEST + 1)), now), None);
        let mut long = hello(0, "n");
        long.resize(LONGEST * 16 + 1, b' ');
        assert_eq!(members.hear(&long, now), None);
    }
}
