use std::sync::Arc;

use super::keeper::{Kept, content, small};
use super::sim::Sim;
use crate::disk::{DiskStore, segment};
use crate::{Error, ReadError};

fn open(sim: &Sim) -> Result<Kept, Error> {
    Kept::open(DiskStore::with(small(), Arc::new(sim.clone()), None)?)
}

/// Three segments that no checkpoint covers.
fn written() -> Sim {
    let sim = Sim::default();
    let mut kept = open(&sim).unwrap();
    for id in 1..=40 {
        kept.put(id, 200).unwrap();
        kept.commit_now().unwrap();
    }
    drop(kept);
    sim
}

/// Any damaged byte: never a panic, never a wrong payload; at most the record that it is in is lost.
#[test]
fn a_damaged_byte_costs_one_record() {
    let sim = written();
    let segments: Vec<String> = (1..=3).map(segment::name).collect();
    for (number, name) in segments.iter().enumerate() {
        let bytes = sim.bytes(name);
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        for at in (0..=used).step_by(if cfg!(debug_assertions) { 5 } else { 1 }) {
            let copy = sim.copy();
            copy.flip(name, at, 1 << (at % 8));
            let mut kept = match open(&copy) {
                Ok(kept) => kept,
                Err(error) => panic!("{name} at {at}: {error}"),
            };
            let found = kept.contents();
            // The last commit is not known to have been durable: there, the log may end.
            let last = number == 2 && at + 260 > used;
            assert!(found.len() >= 39, "{name} at {at}: {} are left, {:?}", found.len(), kept.report);
            if found.len() == 39 && !last {
                assert_eq!(kept.report.quarantined, 1, "{name} at {at}");
            }
            kept.close().unwrap();
            assert_eq!(open(&copy).unwrap().contents(), found, "{name} at {at}");
        }
    }
}

/// A live record that turns out to be damaged when it is read.
#[test]
fn a_record_damaged_after_a_checkpoint_is_set_aside_when_it_is_read() {
    let sim = written();
    open(&sim).unwrap().close().unwrap();
    let mut kept = open(&sim).unwrap();
    assert_eq!(kept.report.replayed, 0);
    let (at, _) = kept.index.places[&7];
    sim.flip(&segment::name(at.segment), at.offset as usize + 50, 4);
    assert_eq!(kept.read(7), Err(ReadError::Damaged));
    let aside = sim.bytes(&format!("quarantine/{:010}-{:010}", at.segment, at.offset));
    assert_eq!(aside.len(), (12 + content(7, 200).len()).next_multiple_of(4));
    kept.index.places.remove(&7);
    assert_eq!(kept.contents().len(), 39);
}

/// A damaged record, and behind it a torn tail that takes with it what said that the first was durable.
#[test]
fn a_torn_tail_does_not_make_older_damage_a_torn_one() {
    let sim = Sim::default();
    let mut kept = open(&sim).unwrap();
    kept.put(1, 200).unwrap();
    kept.put(2, 200).unwrap();
    kept.commit_now().unwrap();
    kept.put(3, 200).unwrap();
    // Its sync has not ended when the next one is appended.
    drop(kept.commit().unwrap());
    kept.put(4, 200).unwrap();
    drop(kept.commit().unwrap());
    let place = |kept: &Kept, id: u64| kept.index.places[&id].0.offset as usize;
    let (first, third) = (place(&kept, 1), place(&kept, 3));
    drop(kept);
    sim.flip(&segment::name(1), first + 50, 1);
    sim.flip(&segment::name(1), third + 2, 1);
    for opening in 1..4 {
        let mut kept = open(&sim).unwrap();
        assert!(kept.contents().contains_key(&2), "opening {opening}: {:?}", kept.report);
        assert!(!kept.contents().contains_key(&1));
        assert_eq!(kept.report.quarantined, 1, "opening {opening}");
    }
}

/// Written, and all but the last ten removed; then compacted, so that only the checkpoint says what is gone.
fn compacted() -> Sim {
    let sim = written();
    let mut kept = open(&sim).unwrap();
    for id in 1..=30 {
        kept.remove(id).unwrap();
    }
    kept.commit_now().unwrap();
    kept.close().unwrap();
    let mut kept = open(&sim).unwrap();
    for id in 41..=80 {
        kept.put(id, 200).unwrap();
        kept.commit_now().unwrap();
        kept.maintain().unwrap();
    }
    kept.close().unwrap();
    sim
}

fn checkpoint_of(sim: &Sim) -> (String, String) {
    let number = (1..20).rfind(|number| sim.has(&crate::disk::checkpoint::name(*number))).unwrap();
    (crate::disk::checkpoint::name(number), crate::disk::checkpoint::copy_name(number))
}

/// Each byte of the checkpoint: found damaged, set aside, and its copy takes its place.
#[test]
fn a_damaged_checkpoint_has_a_copy() {
    let sim = compacted();
    let expected = open(&sim.copy()).unwrap().contents();
    assert_eq!(expected.keys().copied().collect::<Vec<_>>(), (31..=80).collect::<Vec<_>>());
    let (own, copy) = checkpoint_of(&sim);
    for name in [&own, &copy] {
        for at in 0..sim.bytes(name).len() {
            let damaged = sim.copy();
            damaged.flip(name, at, 1 << (at % 8));
            let mut kept = open(&damaged).unwrap();
            // The copy is looked at only when it is needed.
            assert_eq!(kept.report.quarantined, u64::from(*name == own), "{name} at {at}");
            assert_eq!(kept.contents(), expected, "{name} at {at}");
            kept.put(100, 10).unwrap();
            kept.close().unwrap();
            let (own, copy) = checkpoint_of(&damaged);
            assert_eq!(damaged.bytes(&own), damaged.bytes(&copy));
            assert_eq!(open(&damaged).unwrap().contents().len(), expected.len() + 1, "{name} at {at}");
        }
    }
}

/// Both are: the whole log is replayed, and nothing is lost.
#[test]
fn two_damaged_checkpoints_lose_nothing() {
    let sim = compacted();
    let (own, copy) = checkpoint_of(&sim);
    for at in (0..sim.bytes(&own).len()).step_by(7) {
        let damaged = sim.copy();
        damaged.flip(&own, at, 1 << (at % 8));
        damaged.flip(&copy, at, 2 << (at % 7));
        let mut kept = open(&damaged).unwrap();
        assert_eq!(kept.report.quarantined, 2, "at {at}");
        let contents = kept.contents();
        assert!((31..=80).all(|id| contents.contains_key(&id)), "at {at}");
        kept.close().unwrap();
        assert_eq!(open(&damaged).unwrap().contents(), contents, "at {at}");
    }
}

/// In a segment and in a checkpoint, which begin alike; and it is left as it is.
#[test]
fn a_newer_format_is_refused() {
    let whole = compacted();
    let segment = (1..100).map(segment::name).rfind(|name| whole.has(name)).unwrap();
    let checkpoint = checkpoint_of(&whole).0;
    for name in [segment, checkpoint.clone()] {
        let sim = whole.copy();
        // It would be set aside.
        sim.flip(&checkpoint, 40, 1);
        let mut header = sim.bytes(&name)[..20].to_vec();
        header[8] = 2;
        let crc = crc32fast::hash(&header[..16]);
        header[16..20].copy_from_slice(&crc.to_le_bytes());
        for (at, byte) in header.iter().enumerate() {
            let old = sim.bytes(&name)[at];
            sim.flip(&name, at, old ^ byte);
        }
        let before = sim.all();
        let error = open(&sim).err().unwrap();
        assert_eq!(error, Error::FormatNewer { found: 2, supported: 1 }, "{name}");
        assert_eq!(error.code(), "QUEUE_FORMAT_NEWER");
        assert_eq!(sim.all(), before, "{name}");
    }
}
