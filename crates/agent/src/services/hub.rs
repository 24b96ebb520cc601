//! The host of the Broker's machine: a monitor that links, the timer and those who ask enter, and that leaves
//! every Record, every answer and every piece of news where it belongs. Nothing in it waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dm::{Fault, Mono, Operation, Outcome};
use engine::broker::Broker;
use engine::broker::io::{Failure, Input, Output, Ticket};
use engine::{Clock, SystemClock};
use mtp::ws::close_code;
use mtp::{EndpointId, Inbound, LinkId, LinkSender, ReturnPath};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::serve;
use super::slot::Slot;

/// What all services share.
pub(super) struct Hub {
    clock: SystemClock,
    inner: Mutex<Inner>,
    slots: Vec<Arc<Slot>>,
    /// There is a nearer deadline.
    timer: Notify,
}

struct Inner {
    machine: Broker,
    links: BTreeMap<LinkId, Link>,
    waiting: BTreeMap<Ticket, oneshot::Sender<Result<Outcome, Failure>>>,
    next_ticket: u64,
    /// Until when the task that keeps time sleeps: for ever without it.
    sleeps_until: Option<Mono>,
}

struct Link {
    sender: LinkSender,
    slot: Arc<Slot>,
}

impl Hub {
    /// With the task that keeps its time, which never ends by itself.
    pub(super) fn start(machine: Broker, slots: Vec<Arc<Slot>>) -> (Arc<Hub>, JoinHandle<()>) {
        let inner = Inner {
            machine,
            links: BTreeMap::new(),
            waiting: BTreeMap::new(),
            next_ticket: 0,
            sleeps_until: None,
        };
        let (clock, timer) = (SystemClock::new(), Notify::new());
        let hub = Arc::new(Hub { clock, inner: Mutex::new(inner), slots, timer });
        for slot in &hub.slots {
            slot.join(&hub);
        }
        let time = tokio::spawn(keep_time(hub.clone()));
        (hub, time)
    }

    /// A service has connected: it gets a slot and a task, if there is one left.
    pub(super) fn link_up(
        self: &Arc<Self>,
        endpoint: EndpointId,
        return_path: ReturnPath,
        sender: LinkSender,
    ) {
        let link = return_path.link();
        let Some(slot) = self.slots.iter().find(|slot| slot.take(link, &endpoint)) else {
            return sender.close(close_code::POLICY, "too many services");
        };
        tracing::info!(service = %endpoint, "a USP Service has connected");
        self.inner().links.insert(link, Link { sender, slot: slot.clone() });
        self.feed(Input::LinkUp { endpoint, return_path });
        tokio::spawn(serve::serve(self.clone(), slot.clone(), link));
    }

    pub(super) fn link_down(&self, link: LinkId) {
        let Some(gone) = self.inner().links.remove(&link) else { return };
        tracing::info!("a USP Service has left");
        gone.slot.leave();
        self.feed(Input::LinkDown(link));
    }

    /// Ends the connection with a service.
    pub(super) fn disconnect(&self, link: LinkId, reason: &'static str) {
        tracing::warn!(reason, "a USP Service is disconnected");
        if let Some(link) = self.inner().links.get(&link) {
            link.sender.close(close_code::POLICY, reason);
        }
    }

    pub(super) fn record(&self, inbound: Inbound) {
        self.feed(Input::Record(inbound));
    }

    /// Asks a service, and waits for the answer; a fault if there is none in time.
    pub(super) async fn ask(
        &self,
        link: LinkId,
        operation: Operation,
        patience: Duration,
    ) -> Result<Outcome, Fault> {
        let answered = {
            let mut inner = self.inner();
            inner.next_ticket += 1;
            let ticket = Ticket(inner.next_ticket);
            let (answer, answered) = oneshot::channel();
            inner.waiting.insert(ticket, answer);
            let now = self.clock.now();
            let deadline = now.mono + patience;
            inner.machine.handle(now, Input::Submit { ticket, link, operation, deadline });
            self.work(&mut inner);
            // A request that is answered leaves its deadline where it was: the sleeper looks again by itself then.
            if inner.sleeps_until.is_none_or(|until| deadline < until) {
                self.timer.notify_one();
            }
            answered
        };
        let answer = answered.await.unwrap_or(Err(Failure::Gone));
        answer.map_err(|failure| failure.fault())
    }

    fn feed(&self, input: Input) {
        let mut inner = self.inner();
        inner.machine.handle(self.clock.now(), input);
        self.work(&mut inner);
    }

    fn work(&self, inner: &mut Inner) {
        while let Some(output) = inner.machine.poll_output() {
            match output {
                Output::Send(outbound) => {
                    let link = outbound.return_path.link();
                    let sent = inner.links.get(&link).map(|link| link.sender.send(outbound.record));
                    if let Some(Err(error)) = sent {
                        tracing::warn!(%error, "a Record for a USP Service was not sent");
                    }
                }
                Output::Close { link, reason } => {
                    tracing::warn!(reason, "a USP Service is disconnected");
                    if let Some(link) = inner.links.get(&link) {
                        link.sender.close(close_code::POLICY, reason);
                    }
                }
                Output::Answered { ticket, answer } => {
                    if let Some(waiting) = inner.waiting.remove(&ticket) {
                        // Who asked may not wait any more.
                        let _ = waiting.send(answer);
                    }
                }
                Output::Registered { link, paths } => {
                    inner.tell(link, |slot| slot.registered(paths));
                }
                Output::Deregistered { link, paths } => {
                    inner.tell(link, |slot| slot.deregistered(&paths));
                }
                Output::Notified { link, notify } => inner.tell(link, |slot| slot.notified(*notify)),
                Output::Noticed(what) => tracing::warn!("{what}"),
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn tell(&self, link: LinkId, news: impl FnOnce(&Slot)) {
        if let Some(link) = self.links.get(&link) {
            news(&link.slot);
        }
    }
}

/// Wakes the machine when a deadline has come.
async fn keep_time(hub: Arc<Hub>) {
    loop {
        let next = {
            let mut inner = hub.inner();
            inner.sleeps_until = inner.machine.poll_timeout();
            inner.sleeps_until
        };
        let due = async {
            match next {
                Some(at) => hub.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => hub.feed(Input::Timeout),
            () = hub.timer.notified() => {}
        }
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}
