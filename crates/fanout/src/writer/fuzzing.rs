//! A fuzz target: a writer between random work and real sockets, without its thread. Rounds, readiness and reads come when the
//! input says.

#![expect(clippy::indexing_slicing, clippy::expect_used, reason = "a finding is a panic")]

mod client;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arbitrary::{Result, Unstructured};
use socketio_rooms::{ConnectionId, Namespace, RoomId, RoomKey};
use socketio_wire::{Frame, OpCode};
use tokio::runtime::{Builder, Runtime};

use super::{Batch, By, Next, Shared, Writer};
use crate::event::EventQueue;
use crate::flush::Latch;
use crate::inbox::{Broadcast, Op, Send};
use crate::{Config, Event, Form, Overflow, Packet};

use client::{Client, Issued};

const CONNECTIONS: ConnectionId = 6;
const ROOMS: RoomId = 3;
/// More than anything here takes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Random work for one writer: every client gets what it was issued, in order, and the counters are exact.
pub fn writer(data: &[u8]) {
    let mut choices = Unstructured::new(data);
    let Ok(mut world) = World::new(&mut choices) else { return };
    while !choices.is_empty() && world.step(&mut choices).is_ok() {}
    world.finish();
}

struct World {
    runtime: Runtime,
    writer: Writer,
    shared: Arc<Shared>,
    events: Arc<EventQueue>,
    namespace: Namespace,
    /// Those with a lane, or whose lane is being closed.
    clients: [Option<Client>; CONNECTIONS as usize],
    epoch: u64,
    tick: u32,
    frames: u32,
}

impl World {
    fn new(choices: &mut Unstructured<'_>) -> Result<Self> {
        let config = Config {
            writers: 1,
            max_buffered_bytes: *choices.choose(&[usize::MAX, usize::MAX, 4_000, 60_000])?,
            overflow: *choices.choose(&[Overflow::Disconnect, Overflow::Drop])?,
            // A ring takes longer to make than all else.
            io_uring: choices.ratio(1, 16)?,
            inline: 0,
        };
        let runtime = Builder::new_current_thread().enable_io().enable_time().build().expect("a runtime");
        let shared = Arc::new(Shared::default());
        let events = Arc::new(EventQueue::new(Box::new(|| ())));
        let mut writer =
            Writer::new(0, Arc::clone(&shared), Arc::clone(&events), config, Some(runtime.handle().clone()));
        writer.batch = Batch::new(config.io_uring);
        let namespace = Namespace::new();
        for room in 0..ROOMS {
            assert_eq!(namespace.create_room(RoomKey::text(&room.to_string())), room);
        }
        let clients = [const { None }; CONNECTIONS as usize];
        Ok(Self { runtime, writer, shared, events, namespace, clients, epoch: 0, tick: 0, frames: 0 })
    }

    fn step(&mut self, choices: &mut Unstructured<'_>) -> Result<()> {
        let connection = choices.int_in_range(0..=CONNECTIONS - 1)?;
        let place = connection as usize;
        match choices.int_in_range(0..=19)? {
            0..=2 => self.open(connection),
            3..=6 => self.send(connection, choices)?,
            7..=10 => self.broadcast(choices)?,
            11 => match choices.arbitrary::<u8>()? {
                0..=20 => self.end(connection),
                21..=60 => self.forget_keys(connection),
                _ => self.fence(connection),
            },
            12 => self.close(connection),
            13 if choices.ratio(1, 4)? => self.clients[place].iter_mut().for_each(Client::reset),
            13 => self.tick += 1,
            14 => {
                let (room, join) = (choices.int_in_range(0..=ROOMS - 1)?, choices.arbitrary()?);
                if join {
                    self.namespace.join(connection, room);
                } else {
                    self.namespace.leave(connection, room);
                }
            }
            15 | 16 => {
                let bytes = usize::from(choices.arbitrary::<u8>()?) * 64;
                self.clients[place].iter_mut().for_each(|client| client.read(bytes));
            }
            17 => self.readiness(),
            _ => {
                self.round();
            }
        }
        Ok(())
    }

    fn open(&mut self, connection: ConnectionId) {
        let place = connection as usize;
        if self.clients[place].is_some() {
            return;
        }
        let (client, socket) = Client::connect();
        self.clients[place] = Some(client);
        self.epoch += 1;
        self.push(Op::Open { connection, socket, form: Form::default(), epoch: self.epoch });
        self.namespace.enter(connection, false);
        self.namespace.join(connection, connection % ROOMS);
    }

    /// A frame unlike all others.
    fn frame(&mut self, choices: &mut Unstructured<'_>) -> Result<Frame> {
        self.frames += 1;
        let size = match choices.arbitrary::<u8>()? {
            small @ 0..=127 => usize::from(small),
            middle @ 128..=250 => usize::from(middle - 127) * 100,
            huge => usize::from(huge - 250) * 150_000,
        };
        let payload = [&self.frames.to_be_bytes()[..], &vec![0; size]].concat();
        Ok(Frame::new(OpCode::Binary, None, &payload))
    }

    fn send(&mut self, connection: ConnectionId, choices: &mut Unstructured<'_>) -> Result<()> {
        let close = choices.ratio(1, 30)?;
        let frame = if close { Frame::new(OpCode::Close, None, &[]) } else { self.frame(choices)? };
        let (volatile, ticket) = (choices.ratio(1, 4)?, choices.arbitrary()?);
        let sure = self.surely(volatile);
        if let Some(client) = &mut self.clients[connection as usize] {
            client.issue(Issued::new(&frame, sure, None), ticket);
        }
        let tickets = u32::from(ticket);
        let (tick, epoch) = (self.tick, self.epoch);
        self.push(Op::Send(Send {
            connection,
            packet: frame.into(),
            volatile,
            continues: false,
            tickets,
            tick,
            epoch,
        }));
        Ok(())
    }

    fn broadcast(&mut self, choices: &mut Unstructured<'_>) -> Result<()> {
        let frame = self.frame(choices)?;
        let volatile = choices.ratio(1, 6)?;
        let key = if choices.ratio(1, 3)? { Some(choices.int_in_range(0..=2u8)?) } else { None };
        let (rooms, except) = (choices.int_in_range(0..=7u8)?, choices.int_in_range(0..=7u8)?);
        let named = |bits: u8| (0..ROOMS).filter(|room| bits >> room & 1 == 1).collect::<Vec<_>>();
        let (rooms, except) = (named(rooms), if except == 7 { named(choices.arbitrary()?) } else { Vec::new() });
        let epoch = self.epoch;
        let target = match &rooms[..] {
            [] => self.namespace.target_all(&except),
            rooms => self.namespace.target(rooms, &except),
        };
        let sure = self.surely(volatile);
        for connection in target.recipients() {
            if let Some(client) = &mut self.clients[connection as usize] {
                // A volatile one is dropped where another would be replaced.
                client.issue(Issued::new(&frame, sure, key.filter(|_| !volatile)), false);
            }
        }
        let packet = Packet::from(frame);
        let packet = match key {
            Some(key) => packet.conflated(key.to_string().into()),
            None => packet,
        };
        self.push(Op::Broadcast(Arc::new(Broadcast { target, packet, volatile, tick: self.tick, epoch })));
        Ok(())
    }

    /// Whether a packet that is not lost arrives.
    fn surely(&self, volatile: bool) -> bool {
        !volatile && self.writer.config.max_buffered_bytes == usize::MAX
    }

    fn fence(&mut self, connection: ConnectionId) {
        if let Some(client) = &mut self.clients[connection as usize] {
            client.fence();
        }
        self.push(Op::Fence(connection));
    }

    /// Nothing that comes later is written.
    fn end(&mut self, connection: ConnectionId) {
        if let Some(client) = &mut self.clients[connection as usize] {
            client.end();
        }
        self.push(Op::Finish(connection));
    }

    fn forget_keys(&mut self, connection: ConnectionId) {
        if let Some(client) = &mut self.clients[connection as usize] {
            client.forget_keys();
        }
        self.push(Op::ForgetKeys(connection));
    }

    /// Its index is free when the engine says so.
    fn close(&mut self, connection: ConnectionId) {
        self.namespace.exit(connection);
        if let Some(client) = &mut self.clients[connection as usize]
            && client.close()
        {
            self.push(Op::Close(connection));
        }
    }

    fn push(&self, op: Op) {
        self.shared.inbox.push(op);
    }

    fn round(&mut self) -> Next {
        let next = self.writer.round(By::Itself);
        for event in self.events.take() {
            self.hear(event);
        }
        self.check();
        next
    }

    fn hear(&mut self, event: Event) {
        let of = |connection: ConnectionId| connection as usize;
        match event {
            Event::Closed(connection) => {
                let client = self.clients[of(connection)].take().expect("a lane that is closed once");
                // A task that watched it ends when the runtime gets to it.
                self.readiness();
                client.closed();
            }
            Event::Written(connection, tickets) => self.client(connection).written(tickets),
            Event::Parked(connection) => self.client(connection).parked(true),
            Event::Resumed(connection) => self.client(connection).parked(false),
            Event::Failed(connection, _) => self.client(connection).lost(true),
            Event::Slow(connection) => {
                assert!(self.writer.config.max_buffered_bytes < usize::MAX);
                self.client(connection).lost(false);
            }
            Event::WriterLost(_) => unreachable!("there is no thread"),
        }
    }

    fn client(&mut self, connection: ConnectionId) -> &mut Client {
        self.clients[connection as usize].as_mut().expect("news of an open lane")
    }

    /// The counters are those of the lanes.
    fn check(&mut self) {
        let (mut parked, mut bytes, mut open) = (0, 0, 0);
        let waiting = self.shared.waiting.lock().clone();
        for connection in 0..CONNECTIONS {
            let slot = self.writer.lanes.get(connection);
            let lane = slot.as_ref().filter(|slot| slot.lane.is_parked()).map(|slot| slot.lane.bytes() as u64);
            assert_eq!(waiting.get(&connection).copied(), lane);
            parked += u64::from(lane.is_some());
            bytes += lane.unwrap_or(0);
            open += u64::from(slot.is_some());
        }
        let stats = self.shared.stats.read();
        assert_eq!((stats.parked_lanes, stats.buffered_bytes, stats.lanes), (parked, bytes, open));
    }

    /// Lets the reactor see which sockets are ready.
    fn readiness(&self) {
        self.runtime.block_on(async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        });
    }

    /// As the writer's thread does it.
    fn work(&mut self) {
        while matches!(self.round(), Next::Round) {}
    }

    /// Clients read until everything is written, then everything ends.
    fn finish(&mut self) {
        let latch = Arc::new(Latch::new(1));
        self.push(Op::Flush(Arc::clone(&latch), Instant::now() + PATIENCE));
        self.work();
        while self.shared.stats.read().parked_lanes > 0 {
            self.clients.iter_mut().flatten().for_each(|client| client.read(usize::MAX));
            let (runtime, shared) = (&self.runtime, &self.shared);
            let woken = runtime.block_on(async { tokio::time::timeout(PATIENCE, shared.inbox.woken()).await });
            assert!(woken.is_ok(), "a client that reads never woke the writer");
            self.work();
        }
        assert!(latch.wait(Duration::ZERO), "all is written");
        self.clients.iter_mut().flatten().for_each(Client::has_all);
        (0..CONNECTIONS).for_each(|connection| self.close(connection));
        self.push(Op::Stop);
        self.work();
        assert!(self.clients.iter().all(Option::is_none), "each lane was closed");
        self.writer.end();
        self.check();
    }
}
