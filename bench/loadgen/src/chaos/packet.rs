//! Socket.IO packets as text (protocol 5), and what the server of the test puts into them.

/// The fields of a packet: `<type>[<attachments>-][<namespace>,][<id>]<data>`.
#[derive(Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    pub kind: u8,
    pub attachments: usize,
    pub namespace: &'a str,
    pub id: Option<u64>,
    pub data: &'a str,
}

impl<'a> Packet<'a> {
    /// `None` when it is not a packet.
    pub fn parse(text: &'a str) -> Option<Self> {
        let kind = *text.as_bytes().first().filter(|kind| (b'0'..=b'6').contains(kind))?;
        let mut rest = text.get(1..)?;
        let mut attachments = 0;
        if matches!(kind, b'5' | b'6') {
            let (count, after) = rest.split_once('-')?;
            attachments = count.parse().ok()?;
            rest = after;
        }
        let mut namespace = "/";
        if rest.starts_with('/') {
            (namespace, rest) = rest.split_once(',')?;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (id, data) = rest.split_at_checked(digits)?;
        let id = if id.is_empty() { None } else { Some(id.parse().ok()?) };
        Some(Self { kind, attachments, namespace, id, data })
    }
}

/// What texts are made of: packet `n` begins with the `n`-th of these, modulo 64, and goes round.
const LETTERS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyz0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Whether it is the text of packet `number`.
pub fn is_text_of(number: u64, text: &str) -> bool {
    let expected = LETTERS.iter().cycle().skip(usize::try_from(number % 64).unwrap_or_default());
    text.bytes().zip(expected).all(|(byte, letter)| byte == *letter)
}

/// Whether these are the bytes of packet `number`: they count up from it, modulo 251.
pub fn are_bytes_of(number: u64, bytes: &[u8]) -> bool {
    let mut expected = number % 251;
    bytes.iter().all(|byte| {
        let same = u64::from(*byte) == expected;
        expected = (expected + 1) % 251;
        same
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_packets_are_read() {
        let packet = |kind, attachments, namespace, id, data| Some(Packet { kind, attachments, namespace, id, data });
        assert_eq!(Packet::parse("2[\"a\"]"), packet(b'2', 0, "/", None, "[\"a\"]"));
        assert_eq!(Packet::parse("52-/side,12[1]"), packet(b'5', 2, "/side", Some(12), "[1]"));
        assert_eq!(Packet::parse("1/side,"), packet(b'1', 0, "/side", None, ""));
        assert_eq!(Packet::parse("0{\"sid\":1}"), packet(b'0', 0, "/", None, "{\"sid\":1}"));
        for wrong in ["", "7", "5[1]", "2/side", "é"] {
            assert_eq!(Packet::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_text_or_bytes_of_another_packet_or_from_the_middle_are_noticed() {
        assert!(is_text_of(63, "Zabc") && is_text_of(64, "abc") && !is_text_of(1, "abc") && !is_text_of(0, "abd"));
        assert!(are_bytes_of(250, &[250, 0, 1]) && !are_bytes_of(0, &[1, 2]) && !are_bytes_of(0, &[0, 2]));
    }
}
