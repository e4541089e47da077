//! How many bytes wait on each parked lane, for others to read.

use std::collections::HashMap;

use socketio_rooms::ConnectionId;

use super::lanes::Lanes;
use crate::sync::Mutex;

/// As of the end of the last round. Lanes that are not parked are not here.
pub(crate) type WaitingBytes = Mutex<HashMap<ConnectionId, u64>>;

/// The lanes whose bytes changed in this round.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    changed: Vec<ConnectionId>,
}

impl Waiting {
    pub(super) fn changed(&mut self, connection: ConnectionId) {
        // A flood to one lane comes in a row.
        if self.changed.last() != Some(&connection) {
            self.changed.push(connection);
        }
    }

    pub(super) fn publish(&mut self, bytes: &WaitingBytes, lanes: &mut Lanes) {
        if self.changed.is_empty() {
            return;
        }
        let mut bytes = bytes.lock();
        for connection in self.changed.drain(..) {
            match lanes.get(connection).filter(|slot| slot.lane.is_parked()) {
                Some(slot) => bytes.insert(connection, slot.lane.bytes() as u64),
                None => bytes.remove(&connection),
            };
        }
    }
}
