//! What is published, in which order, and what becomes of it when the connection is lost.

use super::*;

#[test]
fn broadcasts_keep_their_order_over_connections_and_none_is_published_twice() {
    run(async || {
        let memory = Memory::default();
        memory.state().refuses = Some("ERR_CLUSTER_UNREACHABLE");
        let server = Server::new(Mode::PubSub, &memory, |_| {});
        server.broadcast(0..1000);
        server.settled().await;
        memory.state().refuses = None;
        server.up_again().await;
        for connection in 1..=3 {
            server.broadcast(1000 * connection..1000 * connection + 500);
            server.settled().await;
            server.lose().await;
            server.broadcast(1000 * connection + 500..1000 * (connection + 1));
            server.up_again().await;
        }
        assert_eq!(server.numbers(), (0..4000).collect::<Vec<_>>());
        assert_eq!((server.stats().outbox, server.stats().unconfirmed), (0, 0));
    });
}

#[test]
fn who_comes_is_greeted_before_anything_else_is_published() {
    run(async || {
        let server = Server::connected(Mode::PubSub).await;
        server.lose().await;
        server.broadcast([1, 2]);
        server.up(2).await;
        let state = server.memory.state();
        let mut second = state.arrived.iter().filter(|(connection, _)| *connection == 2).map(|(_, message)| message);
        assert!(second.next().is_some_and(is_hello));
        assert_eq!(second.find_map(number_of), Some(1));
    });
}

#[test]
fn what_was_on_its_way_is_counted_and_given_up() {
    run(async || {
        let server = Server::connected(Mode::PubSub).await;
        let before = server.stats().published;
        server.memory.state().is_slow = true;
        server.broadcast(0..10);
        server.settled().await;
        assert_eq!((server.numbers().len(), server.stats().published), (10, before));
        server.lose().await;
        server.broadcast(10..12);
        server.memory.state().is_slow = false;
        server.up(2).await;
        assert_eq!(server.numbers(), (0..12).collect::<Vec<_>>(), "those that arrived do not arrive again");
        assert_eq!(server.stats().unconfirmed, 10);
        server.memory.state().loses = true;
        server.broadcast(12..15);
        server.settled().await;
        server.lose().await;
        server.memory.state().loses = false;
        server.up(3).await;
        assert_eq!((server.numbers().len(), server.stats().unconfirmed), (12, 13), "nor do those that did not");
    });
}

#[test]
fn an_answer_that_came_before_the_connection_was_lost_counts() {
    run(async || {
        let server = Server::connected(Mode::PubSub).await;
        let before = server.stats().published;
        server.memory.state().is_slow = true;
        server.broadcast(0..600);
        server.settled().await;
        server.memory.state().has_answered = true;
        server.lose().await;
        assert_eq!((server.stats().published - before, server.stats().unconfirmed), (600, 0));
    });
}

#[test]
fn few_batches_are_on_their_way_at_once() {
    run(async || {
        let server = Server::connected(Mode::PubSub).await;
        server.memory.state().is_slow = true;
        server.broadcast(0..5000);
        server.settled().await;
        assert_eq!(server.memory.state().most_under_way, IN_FLIGHT);
        assert_eq!(server.numbers(), (0..2048).collect::<Vec<_>>());
        assert_eq!(server.stats().outbox, 5000 - 2048);
        server.memory.state().is_slow = false;
        server.settled().await;
        assert_eq!(server.numbers(), (0..5000).collect::<Vec<_>>());
    });
}

#[test]
fn the_oldest_are_dropped_and_counted_when_the_outbox_is_full() {
    run(async || {
        let memory = Memory::default();
        memory.state().refuses = Some("ERR_CLUSTER_UNREACHABLE");
        let server = Server::new(Mode::PubSub, &memory, |config| config.outbox = 5);
        server.broadcast(0..12);
        server.settled().await;
        let stats = server.stats();
        assert_eq!((stats.outbox, stats.outbox_dropped), (5, 7));
        assert!(stats.outbox_bytes > 0);
        memory.state().refuses = None;
        server.up_again().await;
        // What the server says of itself takes two places.
        assert_eq!(server.numbers(), (9..12).collect::<Vec<_>>());
        let stats = server.stats();
        assert_eq!((stats.outbox, stats.outbox_bytes, stats.outbox_dropped), (0, 0, 9));
    });
}

/// A server that has noticed that another one is subscribed, too. Then both lose their connections, and it is back first.
async fn first_of_two() -> Server {
    let server = Server::connected(Mode::PubSub).await;
    server.memory.state().others.insert("key-request#/#".into(), 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.lose().await;
    server.memory.state().others.clear();
    server.broadcast([1]);
    server.up(2).await;
    server
}

#[test]
fn what_waited_is_published_when_the_others_can_hear_it() {
    run(async || {
        let server = first_of_two().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(server.numbers().len(), 0);
        server.memory.state().others.insert("key-request#/#".into(), 1);
        tokio::time::sleep(LOOK * 2).await;
        assert_eq!(server.arrived(), [(2, 1)]);
    });
}

#[test]
fn who_does_not_come_back_is_not_waited_for_for_long() {
    run(async || {
        let server = first_of_two().await;
        let since = tokio::time::Instant::now();
        server.until_published(1).await;
        let waited = since.elapsed().as_millis();
        assert!((2400..2700).contains(&waited), "{waited} ms");
    });
}
