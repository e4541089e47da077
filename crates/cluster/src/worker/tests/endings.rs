//! The end: with a connection, with a slow one, and without.

use super::*;

/// Ends a server; returns how long it took.
async fn end(server: &mut Server) -> Duration {
    let since = tokio::time::Instant::now();
    server.tell(Command::Close);
    tokio::time::timeout(PATIENCE, &mut server.worker).await.unwrap().unwrap();
    since.elapsed()
}

fn is_farewell(took: Duration) -> bool {
    (FAREWELL..FAREWELL + Duration::from_millis(10)).contains(&took)
}

#[test]
fn what_was_handed_over_is_published_then_it_says_goodbye() {
    run(async || {
        let mut server = Server::connected(Mode::PubSub).await;
        server.broadcast(0..3000);
        assert!(end(&mut server).await < Duration::from_millis(10));
        assert_eq!(server.numbers(), (0..3000).collect::<Vec<_>>());
        let state = server.memory.state();
        let (_, last) = state.arrived.last().unwrap();
        assert!(is_hello(last) && last.payload.ends_with(br#""bye":true}"#), "{last:?}");
        assert_eq!((server.stats().unconfirmed, server.stats().outbox), (0, 0));
    });
}

#[test]
fn a_redis_that_does_not_answer_is_not_waited_for_for_long() {
    run(async || {
        let mut server = Server::connected(Mode::PubSub).await;
        server.memory.state().is_slow = true;
        server.broadcast(0..10);
        let took = end(&mut server).await;
        assert!(is_farewell(took), "{took:?}");
        assert_eq!(server.stats().unconfirmed, 12, "with a heartbeat and the goodbye");
    });
}

#[test]
fn without_a_connection_it_ends_in_time() {
    run(async || {
        let memory = Memory::default();
        memory.state().refuses = Some("ERR_CLUSTER_UNREACHABLE");
        let mut server = Server::new(Mode::PubSub, &memory, |_| {});
        server.broadcast([1]);
        let took = end(&mut server).await;
        assert!(is_farewell(took), "{took:?}");
    });
}

#[test]
fn who_ends_waits_for_nobody() {
    run(async || {
        let mut server = Server::connected(Mode::PubSub).await;
        server.memory.state().others.insert("key-request#/#".into(), 5);
        tokio::time::sleep(Duration::from_secs(2)).await;
        server.lose().await;
        server.memory.state().others.clear();
        server.broadcast([1]);
        server.up(2).await;
        assert_eq!(server.numbers().len(), 0, "the others are awaited");
        assert!(end(&mut server).await < Duration::from_millis(200));
        assert_eq!(server.numbers(), [1]);
    });
}

#[test]
fn sessions_are_kept_before_the_end() {
    run(async || {
        let mut server = Server::connected(Mode::Streams).await;
        server.tell(Command::Save(vec![("a".into(), Some("session".into()), 1000)]));
        end(&mut server).await;
        assert_eq!(server.memory.state().sessions.get("a"), Some(&Some("session".into())));
    });
}
