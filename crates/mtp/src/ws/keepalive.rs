//! The shared keep-alive: one task pings all links in turn, so that an idle link needs no timer.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use crate::link::{LinkSender, Shared};

/// The interval is divided into this many turns, so that the pings of many links are spread over it.
const SLOTS: usize = 64;

/// Pings every link that it watches once per interval (R-WS.17), and gives up a link whose peer showed
/// no sign of life for [`MAX_MISSED_PINGS`](crate::limits::MAX_MISSED_PINGS) of them. Clones share one task, which ends with the last of them.
#[derive(Clone, Debug)]
pub struct KeepAlive(Arc<Wheel>);

#[derive(Debug)]
struct Wheel(Mutex<Slots>);

struct Slots {
    slots: Vec<Vec<Weak<Shared>>>,
    turn: usize,
}

impl KeepAlive {
    /// Starts the task. Must be called within a tokio runtime. R-WS.18: `interval` is the
    /// configuration's; at least a second's sixty-fourth per turn is kept, so zero means the shortest.
    pub fn start(interval: Duration) -> KeepAlive {
        let wheel = Arc::new(Wheel(Mutex::new(Slots { slots: vec![Vec::new(); SLOTS], turn: 0 })));
        let turn = (interval / SLOTS as u32).max(Duration::from_secs(1) / SLOTS as u32);
        tokio::spawn(run(Arc::downgrade(&wheel), turn));
        KeepAlive(wheel)
    }

    /// Watches a link from now on.
    pub(crate) fn watch(&self, link: &Arc<Shared>) {
        let mut slots = self.0.lock();
        // The first ping comes after half an interval at least: a fresh link has other things to say. The
        // ids spread links that came together.
        let ahead = SLOTS / 2 + link.link.0 as usize % (SLOTS / 2);
        let slot = (slots.turn + ahead) % SLOTS;
        slots.slots[slot].push(Arc::downgrade(link));
    }

    /// Asks every watched link to close.
    pub(crate) fn close_all(&self, code: u16, reason: &'static str) {
        let links: Vec<Arc<Shared>> =
            self.0.lock().slots.iter().flatten().filter_map(Weak::upgrade).collect();
        for link in links {
            LinkSender(link).close(code, reason);
        }
    }
}

impl Wheel {
    fn turn(&self) {
        let (slot, mut links) = {
            let mut slots = self.lock();
            slots.turn = (slots.turn + 1) % SLOTS;
            let slot = slots.turn;
            (slot, std::mem::take(&mut slots.slots[slot]))
        };
        links.retain(|link| link.upgrade().is_some_and(|link| link.keep_alive()));
        let mut slots = self.lock();
        // Links that came while the slot was out were put into its empty place.
        links.append(&mut slots.slots[slot]);
        if links.capacity() > 2 * links.len() + 16 {
            links.shrink_to_fit();
        }
        slots.slots[slot] = links;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Slots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let links: usize = self.slots.iter().map(Vec::len).sum();
        f.debug_struct("Slots").field("links", &links).finish_non_exhaustive()
    }
}

async fn run(wheel: Weak<Wheel>, turn: Duration) {
    let mut ticks = tokio::time::interval_at(Instant::now() + turn, turn);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match wheel.upgrade() {
            Some(wheel) => wheel.turn(),
            None => break,
        }
    }
}
