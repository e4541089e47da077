//! What clients do to a server, one act at a time.

use std::time::{Duration, Instant};

use socketio_wire::OpCode;

use crate::client::{Client, End, Wish};
use crate::dice::Dice;

/// The longest time that a client reads nothing, in milliseconds.
const LONGEST_PAUSE: usize = 1500;

/// What the server takes as one message, in bytes.
const MOST: usize = 100_000;

/// What comes of an act.
pub enum Outcome {
    Stays,
    Ended(End),
    /// The client closes its socket: with bytes unread that is a reset, otherwise an ordinary end.
    Closes,
    Resets,
}

/// Does something, as a client that is in the namespace and wanted to stay.
pub fn act(client: &mut Client, dice: &mut Dice) -> Outcome {
    let done = match dice.below(100) {
        0..40 => stop_reading(client, dice),
        40..55 => ping(client, dice),
        55..63 => ask(client, dice),
        63..72 => change_namespace(client),
        72..77 => client.end_half(),
        77..82 => say_goodbye(client, dice),
        82..88 => talk_nonsense(client, dice),
        88..91 => return Outcome::Closes,
        91..95 => return Outcome::Resets,
        _ => {
            half_a_frame(client, dice);
            return Outcome::Resets;
        }
    };
    done.map_or_else(Outcome::Ended, |()| Outcome::Stays)
}

/// Stops reading for a while. Some ask for a flood before, which is more than the kernel keeps for them.
fn stop_reading(client: &mut Client, dice: &mut Dice) -> Result<(), End> {
    client.paused = Some(Instant::now() + Duration::from_millis(dice.below(LONGEST_PAUSE) as u64));
    if dice.below(8) == 0 {
        client.outbox.frame(OpCode::Text, b"42[\"flood me\"]");
    }
    client.flush()
}

/// Pings, of which the answers come in order.
fn ping(client: &mut Client, dice: &mut Dice) -> Result<(), End> {
    for _ in 0..=dice.below(8) {
        let size = dice.below(126);
        let payload = dice.bytes(size);
        client.outbox.frame(OpCode::Ping, &payload);
        client.inbound.pings.push_back(payload);
    }
    client.flush()
}

/// Events that want an acknowledgement.
fn ask(client: &mut Client, dice: &mut Dice) -> Result<(), End> {
    for _ in 0..=dice.below(4) {
        let id = dice.below(1_000_000) as u64;
        client.outbox.frame(OpCode::Text, format!("42{id}[\"ask\",{id}]").as_bytes());
        client.inbound.asks.push_back(id);
    }
    client.flush()
}

/// Enters the other namespace, or asks to be thrown out of it; not before the last such wish was granted.
fn change_namespace(client: &mut Client) -> Result<(), End> {
    let [_, inside] = client.inbound.joined;
    if client.wants_side == inside {
        client.wants_side = !inside;
        client.outbox.frame(OpCode::Text, if inside { b"42/side,[\"kick me\"]" } else { b"40/side," });
    }
    client.flush()
}

fn say_goodbye(client: &mut Client, dice: &mut Dice) -> Result<(), End> {
    client.wish = Wish::Leave;
    if dice.below(2) == 0 {
        client.outbox.frame(OpCode::Text, b"41");
    }
    client.outbox.frame(OpCode::Close, &1000u16.to_be_bytes());
    client.flush()
}

fn half_a_frame(client: &mut Client, dice: &mut Dice) {
    let announced = 126 + dice.below(60_000);
    let sent = dice.below(announced);
    let [high, low] = u16::try_from(announced).unwrap_or(u16::MAX).to_be_bytes();
    client.outbox.raw(&[0x81, 0xFE, high, low, 1, 2, 3, 4]);
    let bytes = dice.bytes(sent);
    client.outbox.raw(&bytes);
    // It is reset next, whether or not these bytes leave.
    let _ = client.flush();
}

fn talk_nonsense(client: &mut Client, dice: &mut Dice) -> Result<(), End> {
    client.wish = Wish::Break;
    match dice.below(6) {
        0 => {
            // With a reserved bit first: by chance it could be a ping, which is answered.
            let garbage = dice.bytes(1000);
            client.outbox.raw(&[0xF9, 0xFF]);
            client.outbox.raw(&garbage);
        }
        // Not masked.
        1 => client.outbox.raw(b"\x81\x0742[\"n\"]"),
        2 => client.outbox.frame(OpCode::Text, &vec![b'4'; MOST + 1]),
        // Not UTF-8.
        3 => client.outbox.frame(OpCode::Text, &[0x34, 0xFF, 0xFE]),
        4 => client.outbox.frame(OpCode::Continuation, b"of nothing"),
        _ => client.outbox.frame(OpCode::Text, b"4999999-["),
    }
    // A reserved bit, for those that the server has survived.
    client.outbox.raw(&[0xC1, 0x80, 0, 0, 0, 0]);
    client.flush()
}
