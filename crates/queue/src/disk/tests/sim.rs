//! A directory that can lose its power: what was not synced is there in parts, or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::files::{File, Files};

/// Numbers that look random, the same ones for a seed.
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

const SECTOR: usize = 512;

enum Change {
    Write(usize, Vec<u8>),
    Resize(usize),
}

#[derive(Default)]
struct Node {
    now: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

enum Naming {
    Set(String, usize),
    Remove(String),
}

#[derive(Default)]
struct State {
    nodes: Vec<Node>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    pending: Vec<Naming>,
    /// Calls so far.
    calls: u64,
    /// The power fails at this call: it has half of its effect, and all later ones fail.
    off_at: Option<u64>,
    sync_fails_at: Option<u64>,
    /// The bytes there are room for.
    space: Option<usize>,
    /// There is a quota, which is what is used up.
    quota: bool,
    /// From this call on, what is written does not reach the disk.
    writes_fail_at: Option<u64>,
    random: Option<Random>,
}

fn change(bytes: &mut Vec<u8>, change: &Change, sectors: &mut dyn FnMut() -> bool) {
    match change {
        Change::Resize(len) => bytes.resize(*len, 0),
        Change::Write(at, data) => {
            let mut from = 0;
            while from < data.len() {
                let to = (from + SECTOR - (at + from) % SECTOR).min(data.len());
                if sectors() {
                    let end = at + to;
                    if bytes.len() < end {
                        bytes.resize(end, 0);
                    }
                    bytes[at + from..end].copy_from_slice(&data[from..to]);
                }
                from = to;
            }
        }
    }
}

fn name(names: &mut BTreeMap<String, usize>, naming: &Naming) {
    match naming {
        Naming::Set(name, node) => names.insert(name.clone(), *node),
        Naming::Remove(name) => names.remove(name),
    };
}

impl State {
    fn call(&mut self) -> io::Result<()> {
        self.calls += 1;
        match self.off_at {
            Some(at) if self.calls >= at => Err(io::Error::other("power failure")),
            _ => Ok(()),
        }
    }

    fn apply(&mut self, node: usize, what: Change) {
        change(&mut self.nodes[node].now, &what, &mut || true);
        self.nodes[node].pending.push(what);
    }

    fn rename(&mut self, naming: Naming) {
        name(&mut self.names, &naming);
        self.pending.push(naming);
    }

    fn room(&self, more: usize) -> io::Result<()> {
        let used: usize = self.names.values().map(|node| self.nodes[*node].now.len()).sum();
        match self.space {
            Some(space) if used + more > space && self.quota => Err(io::ErrorKind::QuotaExceeded.into()),
            Some(space) if used + more > space => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Default)]
pub struct Sim(Arc<Mutex<State>>);

impl Sim {
    /// Writes are short and interrupted now and then.
    pub fn restless(seed: u64) -> Self {
        let sim = Self::default();
        sim.0.lock().random = Some(Random(seed));
        sim
    }

    pub fn calls(&self) -> u64 {
        self.0.lock().calls
    }

    pub fn power_off_at(&self, call: Option<u64>) {
        self.0.lock().off_at = call;
    }

    pub fn sync_fails_at(&self, call: u64) {
        self.0.lock().sync_fails_at = Some(call);
    }

    pub fn writes_fail_at(&self, call: u64) {
        self.0.lock().writes_fail_at = Some(call);
    }

    pub fn set_space(&self, space: Option<usize>) {
        self.0.lock().space = space;
    }

    /// As [`Self::set_space`], but it is a quota that is used up.
    pub fn set_quota(&self, space: Option<usize>) {
        self.0.lock().quota = true;
        self.set_space(space);
    }

    pub fn used(&self) -> usize {
        let state = self.0.lock();
        state.names.values().map(|node| state.nodes[*node].now.len()).sum()
    }

    /// The power is back. Of the changes of each name, the first few are there; of the writes to a file, any sectors.
    pub fn restart(&self, random: &mut Random) {
        let state = &mut *self.0.lock();
        let mut lost = BTreeSet::new();
        let likely = 1 + random.below(6);
        for naming in state.pending.drain(..) {
            let (Naming::Set(changed, _) | Naming::Remove(changed)) = &naming;
            if random.below(likely) == 0 {
                lost.insert(changed.clone());
            }
            if !lost.contains(changed) {
                name(&mut state.durable_names, &naming);
            }
        }
        state.names = state.durable_names.clone();
        for node in &mut state.nodes {
            let mode = random.below(4);
            for what in node.pending.drain(..) {
                let resizes = matches!(what, Change::Resize(_));
                if resizes && random.below(2) == 0 {
                    continue;
                }
                change(&mut node.durable, &what, &mut || match mode {
                    0 => false,
                    1 => true,
                    _ => random.below(mode) == 0,
                });
            }
            node.now.clone_from(&node.durable);
        }
        state.off_at = None;
    }

    pub fn bytes(&self, file: &str) -> Vec<u8> {
        let state = self.0.lock();
        state.nodes[state.names[file]].now.clone()
    }

    /// Each file with its bytes.
    pub fn all(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.0.lock();
        state.names.iter().map(|(name, node)| (name.clone(), state.nodes[*node].now.clone())).collect()
    }

    pub fn has(&self, file: &str) -> bool {
        self.0.lock().names.contains_key(file)
    }

    pub fn flip(&self, file: &str, at: usize, bits: u8) {
        let state = &mut *self.0.lock();
        let node = &mut state.nodes[state.names[file]];
        node.now[at] ^= bits;
        node.durable.clone_from(&node.now);
    }

    /// A copy of everything, as if by `cp -a`.
    pub fn copy(&self) -> Self {
        let state = self.0.lock();
        let mut copy = State { names: state.names.clone(), durable_names: state.names.clone(), ..State::default() };
        for node in &state.nodes {
            copy.nodes.push(Node { now: node.now.clone(), durable: node.now.clone(), pending: Vec::new() });
        }
        Self(Arc::new(Mutex::new(copy)))
    }
}

impl Files for Sim {
    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn File>> {
        let state = &mut *self.0.lock();
        state.call()?;
        let bytes = usize::try_from(bytes).unwrap();
        state.room(bytes)?;
        let node = state.nodes.len();
        state.nodes.push(Node::default());
        state.apply(node, Change::Resize(bytes));
        state.rename(Naming::Set(name.into(), node));
        Ok(Arc::new(SimFile { sim: self.clone(), node }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let state = &mut *self.0.lock();
        state.call()?;
        let node = *state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(SimFile { sim: self.clone(), node }))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().names.keys().cloned().collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let state = &mut *self.0.lock();
        state.call()?;
        let node = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        name(&mut state.names, &Naming::Remove(from.into()));
        name(&mut state.names, &Naming::Set(to.into(), node));
        // One change of the journal would be more honest; two are harder to survive.
        state.pending.push(Naming::Set(to.into(), node));
        state.pending.push(Naming::Remove(from.into()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let state = &mut *self.0.lock();
        state.call()?;
        if !state.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.rename(Naming::Remove(name.into()));
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let state = &mut *self.0.lock();
        state.call()?;
        state.durable_names = state.names.clone();
        state.pending.clear();
        Ok(())
    }
}

struct SimFile {
    sim: Sim,
    node: usize,
}

impl File for SimFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.sim.0.lock();
        let now = &state.nodes[self.node].now;
        let from = usize::try_from(offset).unwrap().min(now.len());
        let len = into.len().min(now.len() - from);
        into[..len].copy_from_slice(&now[from..from + len]);
        Ok(len)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let state = &mut *self.sim.0.lock();
        let at = usize::try_from(offset).unwrap();
        let mut len = bytes.len();
        if let Some(random) = &mut state.random {
            match random.below(8) {
                0 => return Err(io::ErrorKind::Interrupted.into()),
                1 => len = len / 3 + 1,
                _ => {}
            }
        }
        state.room((at + len).saturating_sub(state.nodes[self.node].now.len()))?;
        let powered = state.call();
        if state.writes_fail_at.is_some_and(|at| state.calls >= at) {
            return Err(rustix::io::Errno::IO.into());
        }
        if powered.is_ok() || state.off_at == Some(state.calls) {
            state.apply(self.node, Change::Write(at, bytes[..len].to_vec()));
        }
        powered.map(|()| len)
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        let state = &mut *self.sim.0.lock();
        state.call()?;
        state.apply(self.node, Change::Resize(usize::try_from(bytes).unwrap()));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let state = &mut *self.sim.0.lock();
        state.call()?;
        if state.sync_fails_at.is_some_and(|at| state.calls >= at) {
            // Once, as Linux does: the next one succeeds, and what it should have written is gone.
            state.sync_fails_at = None;
            state.nodes[self.node].pending.clear();
            return Err(io::Error::other("input/output error"));
        }
        let node = &mut state.nodes[self.node];
        node.durable.clone_from(&node.now);
        node.pending.clear();
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.sim.0.lock().nodes[self.node].now.len() as u64)
    }
}
