use std::collections::BTreeMap;
use std::sync::Arc;

use super::keeper::{Kept, small};
use super::sim::{Random, Sim};
use crate::disk::DiskStore;
use crate::{Error, Index, SyncTask};

fn open(sim: &Sim) -> Result<Kept, Error> {
    Kept::open(DiskStore::with(small(), Arc::new(sim.clone()), None)?)
}

/// What must be there: the state after each change that was appended, and how many of them are surely durable.
struct History {
    states: Vec<BTreeMap<u64, usize>>,
    durable: usize,
}

impl History {
    fn push(&mut self, change: impl FnOnce(&mut BTreeMap<u64, usize>)) {
        let mut state = self.states.last().unwrap().clone();
        change(&mut state);
        self.states.push(state);
    }

    /// Goes on from what survived.
    fn survived(&mut self, found: &BTreeMap<u64, usize>) {
        let at = self.states[self.durable..].iter().rposition(|state| state == found);
        assert!(at.is_some(), "what survived is no prefix: {found:?}, durable: {:?}", self.states[self.durable]);
        *self = Self { states: vec![found.clone()], durable: 0 };
    }
}

/// Random changes until they are done or the power fails.
fn run(kept: &mut Kept, history: &mut History, random: &mut Random, next: &mut u64) -> Result<(), Error> {
    let mut task: Option<(SyncTask, usize)> = None;
    // Of some logs, most are removals.
    let puts = 4 + random.below(4);
    for _ in 0..120 {
        match random.below(16) {
            chance if chance < puts => {
                *next += 1;
                let len = usize::try_from(if random.below(20) == 0 { 5000 } else { random.below(600) }).unwrap();
                kept.put(*next, len)?;
                history.push(|state| _ = state.insert(*next, len));
            }
            0..11 => {
                let ids: Vec<u64> = history.states.last().unwrap().keys().copied().collect();
                if !ids.is_empty() {
                    let id = ids[usize::try_from(random.below(ids.len() as u64)).unwrap()];
                    // Noted first: a record that filled the buffer may be written although the call failed.
                    history.push(|state| _ = state.remove(&id));
                    kept.remove_at_length(id, usize::try_from(id % 7 * 60).unwrap())?;
                }
            }
            11 => kept.store_write()?,
            12 | 13 => {
                if let Some((task, covers)) = task.take() {
                    task()?;
                    history.durable = covers;
                }
                let covers = history.states.len() - 1;
                match kept.commit()? {
                    Some(begun) => task = Some((begun, covers)),
                    None => history.durable = covers,
                }
            }
            14 => {
                if let Some((task, covers)) = task.take() {
                    task()?;
                    history.durable = covers;
                }
            }
            _ => {
                kept.step()?;
            }
        }
    }
    Ok(())
}

impl Kept {
    fn store_write(&mut self) -> Result<(), Error> {
        crate::Store::write(&mut self.store)
    }

    fn step(&mut self) -> Result<bool, Error> {
        crate::Store::maintain(&mut self.store, &mut self.index as &mut dyn Index)
    }
}

/// A few lives of one directory; the power fails at the given call of the second, and again while the third recovers.
fn lives(seed: u64, off_at: Option<u64>) -> u64 {
    let mut random = Random(seed);
    let sim = Sim::restless(seed);
    let mut history = History { states: vec![BTreeMap::new()], durable: 0 };
    let mut next = 0;
    let mut kept = open(&sim).unwrap();
    run(&mut kept, &mut history, &mut random, &mut next).unwrap();
    if seed.is_multiple_of(2) {
        kept.close().unwrap();
        history.durable = history.states.len() - 1;
    } else {
        drop(kept);
    }

    let before = sim.calls();
    sim.power_off_at(off_at.map(|call| before + call));
    let second = open(&sim).and_then(|mut kept| {
        // The process before ended, but not the system: all that was written is there.
        history.survived(&kept.contents());
        run(&mut kept, &mut history, &mut random, &mut next)?;
        kept.close()?;
        history.durable = history.states.len() - 1;
        Ok(())
    });
    assert!(second.is_ok() || off_at.is_some(), "{second:?}");
    let calls = sim.calls() - before;

    let mut chance = Random(seed ^ off_at.unwrap_or(0).wrapping_mul(0x1234_5678_9ABC_DEF1));
    sim.restart(&mut chance);
    sim.power_off_at(Some(sim.calls() + 1 + chance.below(30)));
    drop(open(&sim));
    sim.restart(&mut chance);
    let mut kept = open(&sim).unwrap();
    assert_eq!(kept.report.quarantined, 0);
    history.survived(&kept.contents());
    run(&mut kept, &mut history, &mut random, &mut next).unwrap();
    kept.close().unwrap();
    let mut kept = open(&sim).unwrap();
    assert_eq!(kept.report.torn_bytes, 0);
    assert_eq!(kept.contents(), *history.states.last().unwrap());
    calls
}

/// Whatever call the power fails at, the log is what it was after some change, and not before the last that was durable.
#[test]
fn what_survives_is_a_prefix_with_all_that_was_durable() {
    let seed = std::env::var("QUEUE_SEED").ok().and_then(|seed| seed.parse().ok());
    let rounds = std::env::var("QUEUE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20);
    let first = seed.unwrap_or_else(|| u64::from(std::process::id()) * 1000);
    for seed in first..first + rounds {
        println!("QUEUE_SEED={seed}");
        let calls = lives(seed, None);
        for call in 1..=calls {
            println!("call {call}");
            lives(seed, Some(call));
        }
    }
}

/// The process ended before it had synced the names of its segments, the last of which is torn: its log is cut, and says what it holds.
/// That must not be there without the segments before, whenever the power fails meanwhile.
#[test]
fn a_cut_log_has_all_segments_before_the_cut() {
    for seed in 0..40 {
        for call in 1..20 {
            let sim = Sim::default();
            let mut kept = open(&sim).unwrap();
            for id in 1..=30 {
                kept.put(id, 500).unwrap();
            }
            kept.store_write().unwrap();
            drop(kept);
            let last = sim.all().into_keys().rfind(|name| crate::disk::segment::number(name).is_some()).unwrap();
            let used = sim.bytes(&last).iter().rposition(|byte| *byte != 0).unwrap();
            sim.flip(&last, used, 1);

            sim.power_off_at(Some(sim.calls() + call));
            open(&sim).ok();
            sim.restart(&mut Random(seed));
            let mut kept = open(&sim).unwrap();
            assert_eq!(kept.report.quarantined, 0, "call {call}, seed {seed}");
            let found: Vec<u64> = kept.contents().into_keys().collect();
            assert_eq!(found, (1..=found.len() as u64).collect::<Vec<_>>(), "call {call}, seed {seed}");
        }
    }
}

/// A sync that failed is not tried again as if nothing had happened: the system may have dropped what it could not write.
#[test]
fn a_failed_sync_ends_the_store() {
    let sim = Sim::default();
    let mut kept = open(&sim).unwrap();
    kept.put(1, 100).unwrap();
    kept.commit_now().unwrap();
    kept.put(2, 100).unwrap();
    sim.sync_fails_at(sim.calls() + 1);
    assert!(matches!(kept.commit_now(), Err(Error::Store { .. })));
    kept.put(3, 100).unwrap();
    assert!(matches!(kept.commit_now(), Err(Error::Store { .. })));
    assert!(kept.maintain().is_err());
    assert!(kept.close().is_err());
    sim.restart(&mut Random(1));
    assert!(open(&sim).unwrap().contents().contains_key(&1));
}

/// The system tells of it once only: who asked at the same time must learn it, too.
#[test]
fn a_failed_sync_of_a_checkpoint_fails_the_commit_that_is_under_way() {
    let sim = Sim::default();
    let mut kept = open(&sim).unwrap();
    for id in 1..=40 {
        kept.put(id, 200).unwrap();
    }
    let task = kept.commit().unwrap().unwrap();
    sim.sync_fails_at(sim.calls() + 1);
    assert!(matches!(kept.maintain(), Err(Error::Store { .. })));
    assert!(matches!(task(), Err(Error::Store { .. })));
}

/// Nor is a write: nobody knows which part of it is there. What was durable before is.
#[test]
fn a_failed_write_ends_the_store() {
    let sim = Sim::default();
    let mut kept = open(&sim).unwrap();
    kept.put(1, 100).unwrap();
    kept.commit_now().unwrap();
    kept.put(2, 100).unwrap();
    sim.writes_fail_at(sim.calls() + 1);
    let error = kept.commit_now().unwrap_err();
    assert_eq!(error.code(), "QUEUE_STORE_FAILED");
    sim.writes_fail_at(u64::MAX);
    kept.put(3, 100).ok();
    assert!(kept.commit_now().is_err());
    assert!(kept.close().is_err());
    sim.restart(&mut Random(1));
    assert_eq!(open(&sim).unwrap().contents().into_keys().collect::<Vec<_>>(), [1]);
}
