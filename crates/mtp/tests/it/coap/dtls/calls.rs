//! Calls that come to nothing: whoever waits for one hears of that.

use std::time::Duration;

use mtp::coap::dtls::Event;

use super::strangers::second_hello;
use super::trust::{Calling, Served, ca};
use super::world::{DEVICE, SERVER, World, at};

#[test]
fn a_call_that_is_hung_up_is_told() {
    let ca = ca();
    let mut world = World::new(Calling::device(&ca), Served::by(&ca));
    world.say(DEVICE, SERVER, b"one");
    let now = world.now;
    let device = world.end(DEVICE);
    device.layer.hang_up(now, at(SERVER), "nobody answers");
    world.collect();
    let gone = Event::Gone { at: at(SERVER), why: "nobody answers".to_owned(), was: None };
    assert_eq!(world.end(DEVICE).told, [gone]);
}

/// Who is called while it calls itself need not be called. When it does not go through with that, that is what became of
/// the call; nobody is told of such a handshake otherwise.
#[test]
fn a_handshake_of_the_other_side_that_fails_is_told_to_who_wanted_to_call() {
    for called in [false, true] {
        let ca = ca();
        let mut world = World::new(Calling::device(&ca), Served::by(&ca));
        let hello = second_hello(&mut world, DEVICE);
        world.hand_over(DEVICE, SERVER, &hello);
        world.ends.remove(0);
        world.wire.clear();
        let now = world.now;
        if called {
            assert!(world.end(SERVER).layer.call(now, at(DEVICE)));
        }
        world.pass(Duration::from_secs(60));
        assert!(!world.end(SERVER).layer.knows(at(DEVICE)));
        let told = &world.end(SERVER).told;
        assert_eq!(told.iter().any(|event| matches!(event, Event::Gone { .. })), called, "{told:?}");
    }
}
