//! Events of lanes as JavaScript reads them.

use socketio_fanout::Event;

/// Three numbers an event: its kind (`EVENT` of `lib/engine.js`), the connection (or writer), and a value.
pub fn flatten(events: &[Event]) -> Vec<u32> {
    let mut flat = Vec::with_capacity(events.len() * 3);
    for event in events {
        let (kind, subject, value) = match *event {
            Event::Written(connection, tickets) => (0, connection, tickets),
            Event::Parked(connection) => (1, connection, 0),
            Event::Resumed(connection) => (2, connection, 0),
            Event::Failed(connection, errno) => (3, connection, errno.unsigned_abs()),
            Event::Slow(connection) => (4, connection, 0),
            Event::Closed(connection) => (5, connection, 0),
            Event::WriterLost(writer) => (6, writer, 0),
            // An event that this version of the binding does not know carries no obligation.
            _ => continue,
        };
        flat.extend([kind, subject, value]);
    }
    flat
}
