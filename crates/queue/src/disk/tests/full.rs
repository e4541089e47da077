use std::sync::Arc;

use super::keeper::{Kept, small};
use super::sim::Sim;
use crate::disk::{DiskOptions, DiskStore};
use crate::{Error, Store};

#[test]
fn a_full_disk_refuses_content_and_takes_state() {
    refuses_content_and_takes_state(Sim::set_space);
}

#[test]
fn a_quota_that_is_used_up_is_a_full_disk() {
    refuses_content_and_takes_state(Sim::set_quota);
}

/// Sends fail, acknowledgements go on, and sends do again when there is space.
fn refuses_content_and_takes_state(set_space: fn(&Sim, Option<usize>)) {
    let sim = Sim::default();
    let open = || Kept::open(DiskStore::with(small(), Arc::new(sim.clone()), None).unwrap()).unwrap();
    let mut kept = open();
    set_space(&sim, Some(40_000));
    let mut sent = 0;
    let refused = loop {
        match kept.put(sent + 1, 300) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        kept.commit_now().unwrap();
    };
    assert!(matches!(refused, Error::DiskFull { .. }), "{refused:?}");
    assert!(sent > 80);
    assert!(kept.store.stats().full);
    for id in 1..=20 {
        kept.remove(id).unwrap();
        assert!(matches!(kept.put(1000, 300), Err(Error::DiskFull { .. })));
        kept.commit_now().unwrap();
        kept.maintain().unwrap();
    }
    assert_eq!(kept.contents().len() as u64, sent - 20);
    drop(kept);

    // Opening cuts what was preallocated; somebody else takes that.
    let mut kept = open();
    assert_eq!(kept.contents().len() as u64, sent - 20);
    set_space(&sim, Some(sim.used()));
    assert!(matches!(kept.put(1000, 300), Err(Error::DiskFull { .. })));
    set_space(&sim, None);
    kept.put(1000, 300).unwrap();
    assert!(!kept.store.stats().full);
    kept.commit_now().unwrap();
    kept.close().unwrap();
    assert_eq!(open().contents().len() as u64, sent - 19);
}

/// With a checkpoint far away: the space of what is gone comes back all the same.
#[test]
fn a_full_disk_gives_back_what_was_removed() {
    let sim = Sim::default();
    let options = DiskOptions { checkpoint_bytes: 1 << 30, ..small() };
    let mut kept = Kept::open(DiskStore::with(options, Arc::new(sim.clone()), None).unwrap()).unwrap();
    sim.set_space(Some(60_000));
    let fill = |kept: &mut Kept, mut id: u64| {
        let first = id;
        while kept.put(id, 300).is_ok() {
            kept.commit_now().unwrap();
            id += 1;
        }
        first..id
    };
    let first = fill(&mut kept, 1);
    for id in first.clone() {
        kept.remove(id).unwrap();
    }
    kept.commit_now().unwrap();
    kept.maintain().unwrap();
    let again = fill(&mut kept, 10_000);
    assert!(again.end - again.start > (first.end - first.start) / 2, "{again:?} after {first:?}");
}

/// However many are removed in what order: the directory stays within two segments and a checkpoint of what lives.
#[test]
fn an_old_message_does_not_keep_the_log() {
    let sim = Sim::default();
    let mut kept = Kept::open(DiskStore::with(small(), Arc::new(sim.clone()), None).unwrap()).unwrap();
    kept.put(1, 300).unwrap();
    for id in 2..5000 {
        kept.put(id, 100).unwrap();
        if id > 12 {
            kept.remove(id - 10).unwrap();
        }
        if id % 10 == 0 {
            kept.commit_now().unwrap();
            kept.maintain().unwrap();
        }
    }
    let stats = kept.store.stats();
    assert_eq!(kept.contents()[&1], 300);
    assert!(stats.moved_bytes > 0);
    // One that is written to, and what was written since the last checkpoint began.
    assert!(sim.used() < 4096 * 3 + 6000 + 2000, "{} bytes, {stats:?}", sim.used());
    assert_eq!(stats.bytes, sim.used() as u64);
    let live: usize = kept.index.places.values().map(|(_, len)| (12 + *len as usize).next_multiple_of(4)).sum();
    assert_eq!(stats.live_bytes, live as u64);
}
