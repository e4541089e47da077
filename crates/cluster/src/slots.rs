//! Which node of a Redis Cluster has which channel: each channel is in one of 16,384 slots, each slot on one primary.

use redis::Value;

use crate::transport::Lost;

/// As many there are.
pub(crate) const SLOTS: u16 = 16_384;

/// Host and port of a node.
pub(crate) type Address = (String, u16);

/// The nodes of a Redis Cluster, and whose each slot is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SlotMap {
    /// Each primary.
    pub(crate) primaries: Vec<Address>,
    /// These, and their replicas.
    pub(crate) nodes: Vec<Address>,
    /// By slot, the place in `primaries`.
    owners: Vec<u16>,
}

impl SlotMap {
    /// Of the answer to `CLUSTER SLOTS`; `asked`: the host that was asked, whose own name a node may not know.
    pub(crate) fn read(answer: &Value, asked: &str) -> Result<Self, Lost> {
        let (mut primaries, mut nodes): (Vec<Address>, Vec<Address>) = Default::default();
        let mut owners = vec![None; SLOTS.into()];
        let Value::Array(ranges) = answer else { return Err(unserved(0)) };
        for range in ranges {
            let Value::Array(parts) = range else { continue };
            let [Value::Int(first), Value::Int(last), primary, replicas @ ..] = &parts[..] else { continue };
            let Some(primary) = address(primary, asked) else { continue };
            let place = place_of(&primary, &mut primaries);
            for node in std::iter::once(primary).chain(replicas.iter().filter_map(|node| address(node, asked))) {
                place_of(&node, &mut nodes);
            }
            let (Ok(first), Ok(last), Ok(place)) =
                (usize::try_from(*first), usize::try_from(*last), u16::try_from(place))
            else {
                continue;
            };
            owners.iter_mut().take(last.saturating_add(1)).skip(first).for_each(|owner| *owner = Some(place));
        }
        let served = owners.iter().flatten().count();
        let owners: Option<Vec<u16>> = owners.into_iter().collect();
        Ok(Self { primaries, nodes, owners: owners.ok_or_else(|| unserved(served))? })
    }

    /// The place of the primary that has a channel.
    pub(crate) fn primary_of(&self, channel: &str) -> usize {
        self.owners.get(usize::from(slot(channel.as_bytes()))).copied().unwrap_or_default().into()
    }
}

fn address(node: &Value, asked: &str) -> Option<Address> {
    let Value::Array(node) = node else { return None };
    let [host, Value::Int(port), ..] = &node[..] else { return None };
    // One that should have a name, and has none, is called "?", and its address is among what follows its id.
    let host = text(host).filter(|name| name != "?").or_else(|| {
        let Some(Value::Array(more)) = node.get(3) else { return None };
        let pair = more.chunks_exact(2).find(|pair| pair.first().and_then(text).as_deref() == Some("ip"))?;
        pair.get(1).and_then(text)
    });
    Some((host.unwrap_or_else(|| asked.to_owned()), u16::try_from(*port).ok()?))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(text) if !text.is_empty() => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    }
}

/// The place of an address in a list, to which it is added when it is not there.
fn place_of(address: &Address, list: &mut Vec<Address>) -> usize {
    list.iter().position(|known| known == address).unwrap_or_else(|| {
        list.push(address.clone());
        list.len() - 1
    })
}

fn unserved(served: usize) -> Lost {
    let message = format!("expected all {SLOTS} slots of the Redis Cluster to be served, got {served}");
    Lost { code: "ERR_CLUSTER_UNREACHABLE", message }
}

/// Items by the place that each has, each list in their order.
pub(crate) fn by_place<T>(items: Vec<T>, place_of: impl Fn(&T) -> usize) -> Vec<(usize, Vec<T>)> {
    let mut each: Vec<(usize, Vec<T>)> = Vec::new();
    for item in items {
        let place = place_of(&item);
        match each.iter_mut().find(|(other, _)| *other == place) {
            Some((_, list)) => list.push(item),
            None => each.push((place, vec![item])),
        }
    }
    each
}

/// The slot of a key or channel: of what is between the first braces, if that is something.
pub(crate) fn slot(name: &[u8]) -> u16 {
    let tag = name.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = name.get(open + 1..)?;
        rest.get(..rest.iter().position(|byte| *byte == b'}')?).filter(|tag| !tag.is_empty())
    });
    crc16(tag.unwrap_or(name)) % SLOTS
}

/// CRC-16/XMODEM, as the specification of Redis Cluster has it.
fn crc16(bytes: &[u8]) -> u16 {
    const TABLE: [u16; 256] = table();
    bytes.iter().fold(0, |crc: u16, byte| {
        let [high, _] = crc.to_be_bytes();
        let entry = TABLE.get(usize::from(high ^ byte)).copied().unwrap_or_default();
        (crc << 8) ^ entry
    })
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn node(host: Value, port: i64) -> Value {
        Value::Array(vec![host, Value::Int(port), Value::Nil])
    }

    fn range(first: i64, last: i64, node: Value) -> Value {
        Value::Array(vec![Value::Int(first), Value::Int(last), node])
    }

    #[test]
    fn slots_are_those_of_redis() {
        // As `CLUSTER KEYSLOT` answers.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!((slot(b"foo"), slot(b"")), (12_182, 0));
        assert_eq!(slot(b"{user1000}.following"), slot(b"user1000"));
        assert_eq!(slot(b"foo{}{bar}"), 8363);
        assert_eq!(slot(b"foo{bar}{zap}"), slot(b"bar"));
    }

    #[test]
    fn a_map_has_an_owner_for_each_slot() {
        let host = |name: &str| Value::BulkString(name.into());
        let one = node(host("one"), 1);
        let with_replica = Value::Array(vec![Value::Int(0), Value::Int(5000), one.clone(), node(host("three"), 3)]);
        let answer = Value::Array(vec![
            with_replica,
            range(5001, 12_000, node(Value::Nil, 2)),
            range(12_001, 16_383, one.clone()),
        ]);
        let map = SlotMap::read(&answer, "asked").unwrap();
        let [one_, two, three] = [("one", 1), ("asked", 2), ("three", 3)].map(|(host, port)| (host.to_owned(), port));
        assert_eq!(map.primaries, [one_.clone(), two.clone()]);
        assert_eq!(map.nodes, [one_, three, two]);
        assert_eq!((map.primary_of("foo"), map.primary_of("foo{}{bar}")), (0, 1));
        let word = |word: &str| Value::BulkString(word.into());
        let nameless = |more| Value::Array(vec![word("?"), Value::Int(7), word("id"), Value::Array(more)]);
        for (more, host) in
            [(vec![word("ip"), word("10.0.0.1")], "10.0.0.1"), (vec![], "asked"), (vec![word("ip")], "asked")]
        {
            let map = SlotMap::read(&Value::Array(vec![range(0, 16_383, nameless(more))]), "asked").unwrap();
            assert_eq!(map.primaries, [(host.to_owned(), 7)]);
        }
        for garbage in [Value::Nil, Value::Array(vec![]), Value::Array(vec![range(-5, 1 << 40, one.clone())])] {
            let _ = SlotMap::read(&garbage, "asked");
        }
        assert!(SlotMap::read(&Value::Array(vec![range(0, 16_382, one)]), "asked").is_err());
    }
}
