//! Connections that are made, lost and made again.

use super::*;
use crate::format::Subscription;

/// The codes of the reasons that were told; empty for a connection.
fn told(server: &Server) -> Vec<&'static str> {
    let code = |event| match event {
        Event::Up => Some(""),
        Event::Down(code, _) => Some(code),
        _ => None,
    };
    server.heard().into_iter().filter_map(code).collect()
}

#[test]
fn each_attempt_waits_longer_and_each_reason_is_told_once() {
    run(async || {
        let memory = Memory::default();
        memory.state().refuses = Some("ERR_CLUSTER_UNREACHABLE");
        let server = Server::new(Mode::PubSub, &memory, |_| {});
        server.until("six attempts", |state| state.attempts.len() == 6).await;
        memory.state().refuses = Some("ERR_CLUSTER_AUTH");
        server.until("nine attempts", |state| state.attempts.len() == 9).await;
        let waits: Vec<_> = memory.state().attempts.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
        for (wait, longest) in waits.iter().zip([100, 200, 400, 800, 1600, 2000, 2000, 2000]) {
            // The clock has steps of a millisecond.
            assert!((longest / 2..=longest + 1).contains(wait), "{waits:?}");
        }
        assert_eq!(told(&server), ["ERR_CLUSTER_UNREACHABLE", "ERR_CLUSTER_AUTH"]);
        assert_eq!(server.stats().connected, 0);
    });
}

#[test]
fn after_a_connection_the_waits_begin_anew() {
    run(async || {
        let memory = Memory::default();
        memory.state().refuses = Some("ERR_CLUSTER_UNREACHABLE");
        let server = Server::new(Mode::PubSub, &memory, |_| {});
        server.until("six attempts", |state| state.attempts.len() == 6).await;
        memory.state().refuses = None;
        server.up(7).await;
        assert_eq!((server.stats().connected, server.stats().reconnects), (1, 0));
        let lost = tokio::time::Instant::now();
        server.lose().await;
        assert_eq!(server.stats().connected, 0);
        server.up(8).await;
        let wait = memory.state().attempts[7] - lost;
        assert!(wait <= Duration::from_millis(102), "{wait:?}");
        assert_eq!((server.stats().connected, server.stats().reconnects), (1, 1));
        assert_eq!(told(&server), ["ERR_CLUSTER_UNREACHABLE", "", "ERR_CLUSTER_UNREACHABLE", ""]);
    });
}

#[test]
fn all_is_subscribed_again_before_it_is_said_that_there_is_a_connection() {
    run(async || {
        let server = Server::connected(Mode::PubSub).await;
        let all = |number: usize| {
            let state = server.memory.state();
            let changes = state.changes.iter().filter(|(connection, _)| *connection == number);
            changes.flat_map(|(_, changes)| changes.clone()).collect::<Vec<_>>()
        };
        let first = all(1);
        for channel in ["key-native#", "key-native#me#", "key-request#/#", "key-response#/#", "key-response#/#me#"] {
            assert!(first.contains(&(Subscription::Channel(channel.into()), true)), "{channel} of {first:?}");
        }
        server.lose().await;
        server.memory.state().is_slow = true;
        server.until("another attempt", |state| state.attempts.len() == 2).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(told(&server), ["", "ERR_CLUSTER_UNREACHABLE"], "nothing is confirmed");
        server.memory.state().is_slow = false;
        server.up(2).await;
        assert_eq!(all(2), first);
        assert!(server.heard().ends_with(&[Event::Joined(0), Event::Up]));
    });
}

#[test]
fn subscriptions_that_redis_does_not_count_are_none() {
    run(async || {
        let memory = Memory::default();
        memory.state().is_forgetful = true;
        let server = Server::new(Mode::PubSub, &memory, |_| {});
        server.broadcast([1]);
        server.until("a second attempt", |state| state.attempts.len() == 2).await;
        assert_eq!((told(&server), server.numbers()), (vec!["ERR_CLUSTER_REFUSED"], vec![]));
        memory.state().is_forgetful = false;
        server.until_published(1).await;
        assert_eq!(told(&server), ["ERR_CLUSTER_REFUSED", ""]);
    });
}

#[test]
fn who_does_not_hear_itself_is_not_connected() {
    run(async || {
        let server = Server::connected(Mode::PubSub).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(server.memory.state().attempts.len(), 1, "it hears itself");
        server.memory.state().is_deaf = true;
        let since = tokio::time::Instant::now();
        server.until("another connection", |state| state.attempts.len() == 2).await;
        let late = since.elapsed().as_secs();
        assert!((5..=7).contains(&late), "{late} s");
        assert_eq!(told(&server)[..2], ["", "ERR_CLUSTER_UNREACHABLE"]);
    });
}

/// How many servers are connected and silent.
async fn silent(server: &Server, ticket: u32) -> Option<usize> {
    server.tell(Command::Count { slot: 0, ticket });
    server.settled().await;
    server.heard().into_iter().find_map(|event| match event {
        Event::Count(number, census) if number == ticket => census.count.map(|_| census.silent.len()),
        _ => None,
    })
}

#[test]
fn who_stood_still_itself_blames_nobody() {
    run(async || {
        let server = Server::connected(Mode::PubSub).await;
        server.memory.say("key-native#", r#"{"uid":"other","name":"the other"}"#);
        server.memory.state().others.insert("key-native#other#".into(), 1);
        server.settled().await;
        // The clock does not stop at what is due in between.
        tokio::time::advance(Duration::from_secs(30)).await;
        server.settled().await;
        assert_eq!(silent(&server, 1).await, Some(0));
        assert_eq!(server.memory.state().attempts.len(), 1, "the connection is as good as it was");
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(silent(&server, 2).await, Some(1), "now it is");
    });
}

#[test]
fn questions_are_answered_without_a_connection_too() {
    run(async || {
        let memory = Memory::default();
        memory.state().refuses = Some("ERR_CLUSTER_UNREACHABLE");
        let server = Server::new(Mode::PubSub, &memory, |_| {});
        server.tell(Command::Count { slot: 0, ticket: 1 });
        server.tell(Command::Settle(2));
        server.settled().await;
        let count = |ticket| Event::Count(ticket, crate::Census::default());
        assert!(server.heard().contains(&count(1)) && server.heard().contains(&Event::Settled(2)));
        memory.state().refuses = None;
        server.up_again().await;
        // One that is on its way when the connection is lost.
        memory.state().is_slow = true;
        server.tell(Command::Count { slot: 0, ticket: 3 });
        server.settled().await;
        assert!(!server.heard().contains(&count(3)));
        server.lose().await;
        assert!(server.heard().iter().any(|event| matches!(event, Event::Count(3, census) if census.count.is_none())));
    });
}
