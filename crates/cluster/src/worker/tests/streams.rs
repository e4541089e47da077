//! Mode `streams`: what is on its way when the connection is lost, sessions, and who comes back.

use super::*;
use crate::streams::{Id, Recovery};

/// The numbers of the broadcasts that the stream has.
fn entries(server: &Server) -> Vec<u32> {
    let state = server.memory.state();
    state.stream.iter().filter_map(|entry| json_number(entry.data.as_ref()?)).collect()
}

/// Another server writes so many requests.
fn write(server: &Server, count: u64) {
    let mut state = server.memory.state();
    for _ in 0..count {
        let id = Id { milliseconds: 1, sequence: state.stream.len() as u64 + 1 };
        let data = Some(format!(r#"{{"opts":{{}},"rooms":["{}"]}}"#, id.sequence).into());
        state.stream.push(Raw { id, uid: "other".into(), nsp: "/".into(), kind: Some(4), data, number: None });
    }
}

#[test]
fn entries_that_did_not_arrive_are_written_again_once_and_in_order() {
    run(async || {
        let server = Server::connected(Mode::Streams).await;
        server.broadcast(0..3);
        server.settled().await;
        // These arrive, but nobody says so, and they are not read.
        server.memory.state().is_slow = true;
        server.memory.state().is_unread = true;
        server.broadcast(3..300);
        server.settled().await;
        assert_eq!(entries(&server), (0..300).collect::<Vec<_>>());
        // These do not.
        server.memory.state().loses = true;
        server.broadcast(300..900);
        server.settled().await;
        server.lose().await;
        server.broadcast(900..910);
        server.memory.state().is_slow = false;
        server.memory.state().loses = false;
        server.up(2).await;
        assert_eq!(entries(&server), (0..910).collect::<Vec<_>>());
        assert_eq!((server.stats().rewritten, server.stats().unconfirmed), (600, 0));
        // Once more, without anything on its way.
        server.lose().await;
        server.up(3).await;
        assert_eq!((entries(&server).len(), server.stats().rewritten), (910, 600));
    });
}

#[test]
fn entries_stay_on_their_way_over_several_connections() {
    run(async || {
        let server = Server::connected(Mode::Streams).await;
        server.memory.state().loses = true;
        server.broadcast(0..5);
        server.settled().await;
        server.lose().await;
        // The next connection is lost before the stream could be read.
        server.until("a second attempt", |state| state.attempts.len() == 2).await;
        server.lose().await;
        server.memory.state().loses = false;
        server.up(3).await;
        assert_eq!(entries(&server), (0..5).collect::<Vec<_>>());
    });
}

#[test]
fn a_batch_that_was_refused_is_written_again_when_the_next_one_was_not() {
    run(async || {
        let server = Server::connected(Mode::Streams).await;
        server.settled().await;
        // Two batches are on their way when the first one is refused.
        let next = server.memory.state().batches;
        server.memory.state().refused = Some(next);
        server.broadcast(0..300);
        server.up(2).await;
        let mut arrived = entries(&server);
        assert_eq!(arrived.first(), Some(&256), "the second one has arrived");
        arrived.sort_unstable();
        assert_eq!(arrived, (0..300).collect::<Vec<_>>());
        assert_eq!(server.stats().rewritten, 256);
    });
}

#[test]
fn messages_beside_the_stream_are_given_up() {
    run(async || {
        let server = Server::connected(Mode::Streams).await;
        server.memory.state().loses = true;
        server.broadcast(0..3);
        server.tell(Command::Answer { slot: 0, to: Some("other".into()), payload: "{}".into() });
        server.settled().await;
        server.lose().await;
        server.memory.state().loses = false;
        server.up(2).await;
        assert_eq!((server.stats().unconfirmed, server.stats().rewritten), (1, 3));
        let state = server.memory.state();
        assert!(!state.arrived.iter().any(|(_, message)| message.route.name().ends_with("#other#")));
    });
}

#[test]
fn entries_that_were_read_before_they_were_confirmed_count_as_nothing_else() {
    run(async || {
        let server = Server::connected(Mode::Streams).await;
        let published = server.memory.state().batches;
        server.memory.state().is_slow = true;
        server.broadcast(0..3);
        server.settled().await;
        server.tell(Command::Answer { slot: 0, to: Some("other".into()), payload: "{}".into() });
        server.settled().await;
        // The entries are confirmed, the answer is not.
        server.memory.state().answers = published + 1;
        server.settled().await;
        server.lose().await;
        assert_eq!(server.stats().unconfirmed, 1);
    });
}

#[test]
fn the_connection_of_before_is_ended_in_redis() {
    run(async || {
        let server = Server::connected(Mode::Streams).await;
        assert!(server.memory.state().fenced.is_empty());
        server.lose().await;
        server.up(2).await;
        assert_eq!(server.memory.state().fenced, ["1"]);
    });
}

#[test]
fn what_others_wrote_meanwhile_is_read_once() {
    run(async || {
        let server = Server::connected(Mode::Streams).await;
        write(&server, 3);
        server.settled().await;
        server.lose().await;
        // More than is read at once.
        write(&server, 25);
        server.up(2).await;
        write(&server, 2);
        for _ in 0..30 {
            server.settled().await;
            server.tell(Command::Done(0));
        }
        server.settled().await;
        let told = server.heard().into_iter().filter_map(|event| {
            let Event::Request(0, bytes) = event else { return None };
            Some(json_text(&bytes, r#""rooms":[""#)?.parse().unwrap())
        });
        assert_eq!(told.collect::<Vec<u64>>(), (1..=30).collect::<Vec<_>>());
    });
}

#[test]
fn sessions_that_were_not_kept_are_kept_later_and_newer_ones_count() {
    run(async || {
        let server = Server::connected(Mode::Streams).await;
        server.memory.state().is_slow = true;
        let save = |key: &str, value: &str| Command::Save(vec![(key.into(), Some(value.into()), 1000)]);
        server.tell(save("a", "old"));
        server.tell(save("b", "one"));
        server.settled().await;
        server.tell(save("a", "new"));
        server.settled().await;
        server.lose().await;
        server.memory.state().is_slow = false;
        server.up(2).await;
        let kept = [("a", "new"), ("b", "one")].map(|(key, session)| (key.to_owned(), Some(session.to_owned())));
        assert_eq!(server.memory.state().sessions, kept.into());
    });
}

#[test]
fn who_comes_back_while_the_connection_is_lost_is_answered() {
    run(async || {
        let server = Server::connected(Mode::Streams).await;
        let recovery = Recovery::new(1, (100, 10_000), Arc::clone(&server.events), Arc::default());
        let (nsp, rooms, recovery) = ("/a".into(), Arc::default(), Some(Arc::new(recovery)));
        server.tell(Command::Join { slot: 1, nsp, rooms, native: true, recovery });
        server.settled().await;
        server.memory.state().is_slow = true;
        let restore = |ticket| Command::Restore { slot: 1, ticket, key: "session".into(), offset: Id::ZERO };
        server.tell(restore(7));
        server.settled().await;
        assert!(!server.heard().contains(&Event::Restored(7, None)));
        server.lose().await;
        assert!(server.heard().contains(&Event::Restored(7, None)));
        // Without a connection at once.
        server.tell(restore(8));
        server.settled().await;
        assert!(server.heard().contains(&Event::Restored(8, None)));
    });
}
