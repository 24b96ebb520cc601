//! One timer for all sessions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use dm::Mono;
use fleet::port::Store;
use tokio::sync::Notify;
use usp_endpoint::controller::io::Input;
use usp_endpoint::link::LinkId;

use super::session::Session;
use super::{Inner, Usp, lock};

/// Who is to be woken when. One entry per session at most.
pub(super) struct Timers<S: Store> {
    table: Mutex<Table<S>>,
    sooner: Arc<Notify>,
}

struct Table<S: Store> {
    by_time: BTreeMap<(Mono, LinkId), Weak<Session<S>>>,
    by_session: BTreeMap<LinkId, Mono>,
}

impl<S: Store> Default for Timers<S> {
    fn default() -> Self {
        let table = Table { by_time: BTreeMap::new(), by_session: BTreeMap::new() };
        Timers { table: Mutex::new(table), sooner: Arc::new(Notify::new()) }
    }
}

impl<S: Store> Usp<S> {
    /// Takes over when a session wants to be woken now that it has been entered.
    pub(super) fn arm(&self, session: &Arc<Session<S>>) {
        let mut table = lock(&self.0.timers.table);
        // Asked under the table's lock: of two who enter a session at once, the later answer stands.
        let at = session.wake_at();
        let old = table.by_session.get(&session.link).copied();
        if old == at {
            return;
        }
        if let Some(old) = old {
            table.by_time.remove(&(old, session.link));
            table.by_session.remove(&session.link);
        }
        if let Some(at) = at {
            let first = table.by_time.keys().next().is_none_or(|(first, _)| at < *first);
            table.by_time.insert((at, session.link), Arc::downgrade(session));
            table.by_session.insert(session.link, at);
            if first {
                self.0.timers.sooner.notify_one();
            }
        }
    }
}

/// Runs the timer until the role is gone.
pub(super) fn run<S: Store>(usp: &Usp<S>) {
    let sooner = Arc::clone(&usp.0.timers.sooner);
    let weak = Arc::downgrade(&usp.0);
    tokio::spawn(async move {
        while let Some(wait) = turn(&weak) {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = sooner.notified() => {}
            }
        }
    });
}

/// Wakes who is due; how long until the next, or `None` when the role is gone.
fn turn<S: Store>(weak: &Weak<Inner<S>>) -> Option<Duration> {
    let usp = Usp(weak.upgrade()?);
    let now = usp.0.clock.now().mono;
    loop {
        let due = {
            let mut table = lock(&usp.0.timers.table);
            match table.by_time.first_key_value() {
                None => return Some(Duration::from_secs(3600)),
                Some(((at, _), _)) if *at > now => return Some(*at - now),
                Some(_) => {
                    let ((_, link), session) = table.by_time.pop_first()?;
                    table.by_session.remove(&link);
                    session
                }
            }
        };
        if let Some(session) = due.upgrade() {
            let usp = usp.clone();
            tokio::spawn(async move { usp.guarded(&session, session.input(&usp, Input::Timeout)).await });
        }
    }
}
