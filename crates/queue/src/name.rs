//! Names of queues and schedules.

use crate::Error;

/// The most bytes of a name.
pub const MAX_NAME_BYTES: usize = 200;

/// The most bytes of a `key` or `dedup_id`.
pub const MAX_KEY_BYTES: usize = 1024;

/// Checks a name: 1 to 200 bytes of letters, digits, `.`, `_`, `-`, `:` and `/` (any script's letters), not beginning with `.`.
///
/// Control characters, blanks and quotes are refused so that a name can be printed, logged and part of a path or URL.
pub fn check_name(name: &str) -> Result<(), Error> {
    let wrong = |detail: String| Err(Error::NameInvalid { detail: detail.into() });
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return wrong(format!("a name has 1 to {MAX_NAME_BYTES} bytes, this one has {}", name.len()));
    }
    if name.starts_with('.') {
        return wrong("a name does not begin with a dot".to_owned());
    }
    match name.chars().find(|c| !(c.is_alphanumeric() || "._-:/".contains(*c))) {
        Some(c) => wrong(format!("a name has letters, digits, and . _ - : / only, this one has {c:?}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_names() {
        for good in ["mail", "mail.dead", "a/b:c_d-e", "очередь", "7"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", ".", ".hidden", "a b", "a\0b", "a\nb", "\"", "a\u{202e}b", &"x".repeat(201)] {
            assert_eq!(check_name(bad).map_err(|error| error.code()), Err("QUEUE_NAME_INVALID"), "{bad:?}");
        }
    }
}
