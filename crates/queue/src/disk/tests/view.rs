//! A store is looked at while another one writes to it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::keeper::{Kept, small};
use super::real::Temporary;
use crate::disk::{DiskOptions, DiskStore, Durability, segment, verify};
use crate::{Class, Store};

fn open(path: &Path) -> Kept {
    let options = DiskOptions { path: path.into(), durability: Durability::None, ..small() };
    Kept::open(DiskStore::open(options).unwrap()).unwrap()
}

fn files(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn it_changes_nothing_not_even_what_recovery_would_repair() {
    let directory = Temporary::new("view-still");
    let mut kept = open(&directory.0);
    for id in 1..=30 {
        kept.put(id, 200).unwrap();
        kept.commit_now().unwrap();
    }
    drop(kept);
    let last = fs::read_dir(&directory.0).unwrap().map(|entry| entry.unwrap().path());
    let last = last.filter(|path| path.extension().is_some_and(|end| end == "log")).max().unwrap();
    let mut torn = fs::read(&last).unwrap();
    let end = torn.iter().rposition(|byte| *byte != 0).unwrap();
    torn.truncate(end - 20);
    torn.extend([7; 30]);
    fs::write(&last, torn).unwrap();
    let before = files(&directory.0);
    let mut seen = Kept::open(DiskStore::view(&directory.0).unwrap()).unwrap();
    assert_eq!(seen.contents().keys().copied().collect::<Vec<_>>(), (1..=29).collect::<Vec<_>>());
    assert!(seen.report.torn_bytes > 0);
    // What is done with it stays in memory.
    for id in 100..=200 {
        seen.put(id, 200).unwrap();
        seen.remove(id - 99).ok();
        seen.commit_now().unwrap();
        seen.maintain().unwrap();
    }
    assert_eq!(seen.contents().len(), 99);
    seen.close().unwrap();
    assert_eq!(files(&directory.0), before);
}

#[test]
fn a_writer_goes_on_meanwhile() {
    let directory = Temporary::new("view-live");
    let (put, removing, removed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let done = AtomicU64::new(0);
    let mut kept = open(&directory.0);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Segments come and go: few of what was put stay.
            for id in 1..=4_000_u64 {
                kept.put(id, 300).unwrap();
                if id > 20 {
                    removing.store(id - 20, Ordering::SeqCst);
                    if (id - 20) % 50 != 0 {
                        kept.remove(id - 20).unwrap();
                    }
                }
                kept.commit_now().unwrap();
                put.store(id, Ordering::SeqCst);
                removed.store(id.saturating_sub(20), Ordering::SeqCst);
                kept.maintain().unwrap();
            }
            done.store(1, Ordering::SeqCst);
        });
        let mut looks = 0;
        loop {
            let last = done.load(Ordering::SeqCst) == 1;
            let (gone, there) = (removed.load(Ordering::SeqCst), put.load(Ordering::SeqCst));
            let mut seen = Kept::open(DiskStore::view(&directory.0).unwrap()).unwrap();
            assert_eq!(seen.report.quarantined, 0, "nothing is damaged");
            let contents = seen.contents();
            let going = removing.load(Ordering::SeqCst);
            for id in 1..=there {
                let kept_always = id % 50 == 0;
                if kept_always || id > going {
                    assert!(contents.contains_key(&id), "{id} of {there}, removed to {gone}");
                } else if id <= gone {
                    assert!(!contents.contains_key(&id), "{id} of {there}, removed to {gone}");
                }
            }
            let verified = verify(&directory.0, &mut |_, _| {}).unwrap();
            assert!(verified.files.iter().all(|file| file.damaged.is_empty()), "{verified:?}");
            looks += 1;
            if last {
                break;
            }
        }
        println!("looked {looks} times");
    });
}

#[test]
fn verifying_finds_what_is_damaged_and_what_is_torn() {
    let directory = Temporary::new("verify");
    let mut kept = Kept::open(DiskStore::open(DiskOptions { path: directory.0.clone(), ..small() }).unwrap()).unwrap();
    let mut places = Vec::new();
    for id in 1..=40_u64 {
        places.push(kept.store.append(Class::Content, &super::keeper::content(id, 300), &[]).unwrap());
        kept.commit_now().unwrap();
    }
    drop(kept);
    let mut told = Vec::new();
    let verified = verify(&directory.0, &mut |read, total| told.push((read, total))).unwrap();
    assert!(verified.files.len() > 3 && verified.records >= 40, "{verified:?}");
    assert!(verified.files.iter().all(|file| file.damaged.is_empty() && file.torn == 0), "{verified:?}");
    assert!(told.is_sorted() && told.last().is_some_and(|(read, total)| read == total), "{told:?}");

    let spoil = |at: crate::Location| {
        let file = directory.0.join(segment::name(at.segment));
        let mut bytes = fs::read(&file).unwrap();
        bytes[at.offset as usize + 100] ^= 1;
        fs::write(&file, bytes).unwrap();
    };
    spoil(places[3]);
    spoil(places[39]);
    let found = verify(&directory.0, &mut |_, _| {}).unwrap();
    let of = |number| found.files.iter().find(|file| file.name == segment::name(number)).unwrap();
    assert_eq!(of(places[3].segment).damaged, [(u64::from(places[3].offset), 321)]);
    let last = of(places[39].segment);
    assert!(last.damaged.is_empty() && last.torn > 0, "{last:?}");
    assert_eq!(found.records, verified.records - 2);
}
