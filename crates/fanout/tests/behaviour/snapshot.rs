//! A broadcast reaches exactly those that it was for when it was called, each once.

use crate::support::{CONFIG, Client, Engine};

/// Room sizes that are kept in different ways: one index, an array, a bitmap.
const SIZES: [u32; 4] = [1, 2, 20, 100];

/// Sends a last text to each, and returns what each got before.
fn collect(engine: &Engine, clients: &mut [Client]) -> Vec<String> {
    for (index, _) in (0..).zip(clients.iter()) {
        engine.send(index, "end");
    }
    engine.fanout.wake();
    let until_end = |client: &mut Client| {
        let texts = std::iter::from_fn(|| Some(client.text()).filter(|text| text != "end"));
        texts.collect::<Vec<_>>().join(",")
    };
    clients.iter_mut().map(until_end).collect()
}

#[test]
fn joining_or_leaving_right_after_a_broadcast_changes_nothing_of_it() {
    for size in SIZES {
        let engine = Engine::start(CONFIG);
        let room = engine.room("room");
        let mut clients: Vec<_> = (0..size).map(|index| engine.connect(index, &["room"])).collect();
        clients.push(engine.connect(size, &[]));
        engine.broadcast(&["room"], &[], "before");
        engine.namespace.join(size, room);
        engine.namespace.leave(0, room);
        engine.broadcast(&["room"], &[], "after");
        let got = collect(&engine, &mut clients);
        assert_eq!(got[0], "before", "the one that left, of {size}");
        assert_eq!(got[size as usize], "after", "the one that joined, after {size}");
        assert!(got[1..size as usize].iter().all(|texts| texts == "before,after"));
    }
}

#[test]
fn a_socket_that_exits_right_after_a_broadcast_still_gets_it() {
    for size in SIZES {
        let engine = Engine::start(CONFIG);
        let mut clients: Vec<_> = (0..size).map(|index| engine.connect(index, &["room"])).collect();
        engine.broadcast(&[], &[], "to all");
        engine.broadcast(&["room"], &[], "to the room");
        engine.namespace.exit(0);
        engine.broadcast(&[], &[], "late");
        let got = collect(&engine, &mut clients);
        assert_eq!(got[0], "to all,to the room");
        assert!(got[1..].iter().all(|texts| texts == "to all,to the room,late"));
    }
}

#[test]
fn a_member_of_several_rooms_gets_a_broadcast_once() {
    let engine = Engine::start(CONFIG);
    let mut clients: Vec<_> = (0..80).map(|index| engine.connect(index, &["many"])).collect();
    for index in 0..3 {
        engine.namespace.join(index, engine.room("few"));
    }
    engine.namespace.join(1, engine.room("one"));
    engine.broadcast(&["one", "few", "many", "many", "nobody"], &[], "union");
    engine.broadcast(&["few", "one"], &[], "again");
    let got = collect(&engine, &mut clients);
    assert!(got[..3].iter().all(|texts| texts == "union,again"), "{got:?}");
    assert!(got[3..].iter().all(|texts| texts == "union"), "{got:?}");
}

#[test]
fn those_in_an_excepted_room_get_nothing() {
    let engine = Engine::start(CONFIG);
    let mut clients = vec![
        engine.connect(0, &["room", "0"]),
        engine.connect(1, &["room", "1"]),
        engine.connect(2, &["room", "1", "2"]),
    ];
    engine.broadcast(&["room"], &["1"], "room");
    engine.broadcast(&[], &["0", "nobody"], "all");
    engine.broadcast(&["2"], &["1"], "one");
    assert_eq!(collect(&engine, &mut clients), ["room", "all", "all"]);
}

#[test]
fn sockets_that_the_caller_writes_to_are_skipped() {
    let engine = Engine::start(CONFIG);
    let mut clients: Vec<_> = (0..3).map(|index| engine.connect(index, &["room"])).collect();
    engine.namespace.join(1, engine.room("one"));
    engine.namespace.set_compat(1, true);
    for rooms in [&["room"][..], &["one"], &[]] {
        engine.broadcast(rooms, &[], "by lanes");
    }
    engine.namespace.set_compat(1, false);
    engine.broadcast(&["one"], &[], "now too");
    assert_eq!(collect(&engine, &mut clients), ["by lanes,by lanes", "now too", "by lanes,by lanes"]);
}
