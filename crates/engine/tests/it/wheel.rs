//! The shared timer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dm::Mono;
use engine::wheel::{Wake, Wheel};
use engine::{Clock, SystemClock};

use crate::world::pass;

struct Bell {
    name: u32,
    clock: SystemClock,
    rung: Arc<Mutex<Vec<(u32, u64)>>>,
}

impl Wake for Bell {
    fn wake(&self) {
        let at = self.clock.now().mono.0 / 1_000_000;
        self.rung.lock().unwrap().push((self.name, at));
    }
}

#[tokio::test(start_paused = true)]
async fn timers_ring_once_in_order_and_only_while_they_are_set() {
    let clock = SystemClock::new();
    let wheel = Wheel::start(Arc::new(clock), &tokio::runtime::Handle::current());
    let rung = Arc::new(Mutex::default());
    let bells: Vec<Arc<Bell>> =
        (0..6).map(|name| Arc::new(Bell { name, clock, rung: Arc::clone(&rung) })).collect();
    let ids: Vec<_> = bells
        .iter()
        .map(|bell| {
            let weak: std::sync::Weak<dyn Wake> = Arc::downgrade(&(Arc::clone(bell) as Arc<dyn Wake>));
            wheel.register(weak)
        })
        .collect();
    let at = |seconds: u64| Some(Mono(seconds * 1_000_000));
    wheel.set(ids[0], at(9));
    wheel.set(ids[1], at(3));
    wheel.set(ids[2], at(5));
    wheel.set(ids[2], at(4));
    wheel.set(ids[3], at(2));
    wheel.set(ids[3], None);
    wheel.set(ids[4], at(2));
    wheel.remove(ids[4]);
    wheel.set(ids[5], at(6));
    let mut bells = bells;
    bells.pop();
    tokio::task::yield_now().await;
    pass(Duration::from_millis(4100)).await;
    // An earlier deadline than the one that is waited for.
    wheel.set(ids[1], at(7));
    pass(Duration::from_secs(20)).await;
    assert_eq!(*rung.lock().unwrap(), [(1, 3), (2, 4), (1, 7), (0, 9)]);
}
