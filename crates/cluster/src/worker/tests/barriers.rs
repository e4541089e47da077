//! What has to be done before something else: requests, turns, echoes, subscriptions.

use socketio_rooms::{RoomChange, RoomKey};

use super::*;
use crate::envelope::{self, kind};
use crate::format::Subscription;
use crate::sharded::Subscriptions;

const MAIN: &str = "key#/#";

fn request(name: &str) -> String {
    envelope::message("other", "/", kind::SOCKETS_JOIN, &format!(r#"{{"opts":{{}},"rooms":["{name}"]}}"#))
}

/// JavaScript has to find its recipients: a room is no text.
fn broadcast(number: u32) -> String {
    let body = format!(r#"{{"packet":{{"type":2,"data":[{number}]}},"opts":{{"rooms":[null]}}}}"#);
    envelope::message("other", "/", kind::BROADCAST, &body)
}

/// What the event loop heard, in short.
fn told(server: &Server) -> Vec<String> {
    let short = |event| match event {
        Event::Request(_, bytes) => Some(format!("request {}", json_text(&bytes, r#""rooms":[""#)?)),
        Event::Whole(_, bytes) => Some(format!("broadcast {}", json_number(&bytes)?)),
        Event::Turn(_) => Some("turn".into()),
        Event::Echo(ticket) => Some(format!("echo {ticket}")),
        Event::Settled(ticket) => Some(format!("settled {ticket}")),
        _ => None,
    };
    server.heard().into_iter().filter_map(short).collect()
}

async fn sharded(subscriptions: Subscriptions) -> Server {
    Server::connected(Mode::Sharded(subscriptions)).await
}

#[test]
fn what_follows_a_request_waits_until_it_is_done() {
    run(async || {
        let server = sharded(Subscriptions::Static).await;
        for message in [request("a"), broadcast(1), request("b"), broadcast(2), broadcast(3)] {
            server.memory.say(MAIN, &message);
        }
        server.settled().await;
        let expected = ["request a", "broadcast 1", "request b", "broadcast 2", "broadcast 3"];
        for done in 1..=expected.len() {
            assert_eq!(told(&server), expected[..done]);
            server.tell(Command::Done(0));
            server.settled().await;
        }
        assert_eq!(told(&server), expected);
    });
}

#[test]
fn a_turn_comes_behind_what_was_told_and_what_comes_next_waits() {
    run(async || {
        let server = sharded(Subscriptions::Static).await;
        server.memory.say(MAIN, &broadcast(1));
        server.memory.say(MAIN, &broadcast(2));
        server.settled().await;
        server.tell(Command::Turn(0));
        server.settled().await;
        server.tell(Command::Done(0));
        server.settled().await;
        assert_eq!(told(&server), ["broadcast 1", "turn"], "two things are to be done");
        server.tell(Command::Done(0));
        server.settled().await;
        assert_eq!(told(&server), ["broadcast 1", "turn", "broadcast 2"]);
    });
}

#[test]
fn an_echo_comes_back_behind_what_was_told_with_and_without_a_connection() {
    run(async || {
        let server = sharded(Subscriptions::Static).await;
        server.memory.say(MAIN, &broadcast(1));
        server.settled().await;
        server.tell(Command::Echo(1));
        server.settled().await;
        server.memory.state().refuses = Some("ERR_CLUSTER_UNREACHABLE");
        server.lose().await;
        server.tell(Command::Echo(2));
        server.settled().await;
        assert_eq!(told(&server), ["broadcast 1", "echo 1", "echo 2"]);
    });
}

fn made(name: &str) -> Command {
    Command::Rooms { slot: 0, changes: vec![RoomChange::Made(RoomKey::text(name))] }
}

fn room(name: &str) -> Subscription {
    Subscription::Shard(format!("key#/#{name}#"))
}

#[test]
fn subscriptions_leave_in_batches_one_at_a_time() {
    run(async || {
        let server = sharded(Subscriptions::Dynamic).await;
        server.memory.state().changes.clear();
        server.memory.state().is_slow = true;
        server.tell(made("a"));
        server.tell(Command::Settle(1));
        server.settled().await;
        server.tell(made("b"));
        server.tell(Command::Rooms { slot: 0, changes: vec![RoomChange::Gone(RoomKey::text("a"))] });
        server.tell(Command::Settle(2));
        server.settled().await;
        let expected = [(1, vec![(room("a"), true)]), (1, vec![(room("b"), true), (room("a"), false)])];
        assert_eq!(server.memory.state().changes, expected[..1]);
        assert!(told(&server).is_empty());
        server.memory.state().is_slow = false;
        server.settled().await;
        assert_eq!(server.memory.state().changes, expected);
        assert_eq!(told(&server), ["settled 1", "settled 2"]);
    });
}

#[test]
fn nobody_waits_for_subscriptions_of_a_connection_that_is_lost() {
    run(async || {
        let server = sharded(Subscriptions::Dynamic).await;
        server.memory.state().is_slow = true;
        for (name, ticket) in [("a", 1), ("b", 2)] {
            server.tell(made(name));
            server.tell(Command::Settle(ticket));
            server.settled().await;
        }
        server.lose().await;
        assert_eq!(told(&server), ["settled 1", "settled 2"]);
        server.memory.state().is_slow = false;
        server.up(2).await;
        let state = server.memory.state();
        let (_, all) = state.changes.last().unwrap();
        assert!(all.contains(&(room("a"), true)) && all.contains(&(room("b"), true)), "{all:?}");
    });
}

#[test]
fn nothing_is_published_while_a_namespace_is_not_subscribed() {
    run(async || {
        let server = Server::connected(Mode::PubSub).await;
        server.memory.state().is_slow = true;
        let (nsp, rooms) = ("/a".into(), Arc::default());
        server.tell(Command::Join { slot: 1, nsp, rooms, native: true, recovery: None });
        server.broadcast([1]);
        server.tell(Command::Count { slot: 1, ticket: 4 });
        server.settled().await;
        assert_eq!(server.numbers().len(), 0);
        server.memory.state().is_slow = false;
        server.settled().await;
        assert_eq!(server.numbers(), [1]);
        let count = |event: &Event| if let Event::Count(4, census) = event { census.count } else { None };
        assert_eq!(server.heard().iter().find_map(count), Some(1), "asked when it is counted itself");
    });
}
