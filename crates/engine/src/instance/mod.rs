//! One agent: a monitor around machine, tree and numbering, entered by whoever has news.
//!
//! A link's task comes with a Record, the journal's thread with a sync, a provider's task with a report,
//! the shared timer with a deadline. Each takes the lock, lets the machine work, does what the machine
//! wants done, and leaves; what takes time runs in a task and comes back. No lock is held over an await.

mod auditor;
mod command;
mod commit;
mod confirm;
mod leftover;
mod links;
mod observers;
mod outputs;
mod push;
mod refresh;
mod remodel;
mod restart;
mod transact;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use dm::model::ObjectId;
use dm::tree::{Change, Tree};
use dm::{Mono, Now};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use usp_endpoint::EndpointId;
use usp_endpoint::agent::io::{Boot, CloseReason, Input, ModelEvent, Ticket};
use usp_endpoint::link::{Contact, Inbound, LinkId, Outbound, PeerAuth, ReturnPath};

use crate::clock::Clock;
use crate::error::EngineError;
use crate::journal::{Entry, Journal, OnSync, Position};
use crate::keys::Keys;
use crate::kind::Kind;
use crate::limits::{MAX_HELD_SENDS, SHUTDOWN_TIME};
use crate::machine::Machine;
use crate::provider::Provider;
use crate::report::Aliases;
use crate::stored::FactoryDefault;
use crate::wheel::{TimerId, Wake, Wheel};

pub use auditor::Auditor;

/// What all instances of a process share.
pub struct Host {
    clock: Arc<dyn Clock>,
    wheel: Wheel,
    runtime: Handle,
}

/// Where an instance's Records leave. Called with the instance's lock held: it must neither block nor
/// call the instance.
pub trait Outlet: Send + Sync {
    /// Queues a Record for whom its return path leads to.
    ///
    /// # Errors
    /// When the connection is gone; the instance is told by [`Instance::link_down`], not by this.
    fn send(&self, outbound: Outbound) -> Result<(), OutletClosed>;
    /// Closes the connection once what was queued has left.
    fn close(&self, reason: CloseReason);
    /// Closes the connection once what was queued has left, to be made anew at once: only a connection that
    /// is younger than a change that could cut the way to the controller shows that it did not. Nothing
    /// needs doing where no provider makes such changes.
    fn renew(&self) {}
}

/// The connection is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the connection is gone")]
pub struct OutletClosed;

/// What an instance is made of.
pub struct InstanceConfig {
    /// Its model and base tree.
    pub kind: Arc<Kind>,
    /// The protocol's machine, fresh.
    pub machine: Box<dyn Machine>,
    /// The providers, in the order that the kind was built with.
    pub providers: Vec<Arc<dyn Provider>>,
    /// Defaults beside the kind's.
    pub defaults: Vec<FactoryDefault>,
    /// Its memory.
    pub journal: Journal,
    /// Tells whether the firmware changed since the last start.
    pub software_version: String,
    /// Whether to ask the providers for everything before the start: so that rows that were there
    /// before are not announced as created.
    pub refresh_first: bool,
}

/// An agent.
pub struct Instance {
    me: Weak<Instance>,
    host: Arc<Host>,
    providers: Vec<Arc<dyn Provider>>,
    journal: Journal,
    timer: TimerId,
    software_version: String,
    refresh_first: bool,
    /// Notified when the journal has synced, and when a commit has ended.
    moved: Notify,
    inner: Mutex<Inner>,
}

struct Inner {
    kind: Arc<Kind>,
    machine: Box<dyn Machine>,
    tree: Tree,
    keys: Keys,
    aliases: Aliases,
    links: links::Links,
    refresh: refresh::Refreshes,
    commit: commit::Commits,
    commands: BTreeMap<Ticket, watch::Sender<bool>>,
    observers: observers::Observers,
    auditor: Option<Arc<dyn Auditor>>,
    watched: Vec<(u16, ObjectId)>,
    next_poll: Option<Mono>,
    /// After the good-byes: no connection is taken any more.
    closing: bool,
    /// Nothing leaves before this is on stable storage.
    barrier: Position,
    /// After a factory reset: nothing goes into the journal, which is the next start's.
    forgetful: bool,
    /// After a panic, or when the tree could not be kept in line with the journal.
    stopped: bool,
}

const META_STARTED: &str = "started";
const META_VERSION: &str = "software_version";
const META_CAUSE: &str = "boot.cause";
const META_COMMAND_KEY: &str = "boot.command_key";
const META_REASON: &str = "boot.reason";

impl Host {
    /// Starts the shared timer in the current tokio runtime.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Host> {
        let runtime = Handle::current();
        let wheel = Wheel::start(clock.clone(), &runtime);
        Arc::new(Host { clock, wheel, runtime })
    }

    fn now(&self) -> Now {
        self.clock.now()
    }
}

impl Instance {
    /// An instance with what its journal remembers, or its defaults at first start. It does nothing
    /// before [`Instance::start`].
    ///
    /// # Errors
    /// When a default is not for the model, or the journal has failed.
    pub fn new(host: Arc<Host>, config: InstanceConfig) -> Result<Arc<Instance>, EngineError> {
        let memory = restart::remembered(&config.kind, &config.journal, &config.defaults)?;
        Ok(Instance::over(host, config, memory))
    }

    fn over(
        host: Arc<Host>,
        config: InstanceConfig,
        (tree, keys, aliases): (Tree, Keys, Aliases),
    ) -> Arc<Instance> {
        let InstanceConfig { kind, machine, providers, journal, .. } = config;
        let inner = Inner {
            kind,
            machine,
            tree,
            keys,
            aliases,
            links: links::Links::default(),
            refresh: refresh::Refreshes::new(providers.len()),
            commit: commit::Commits::default(),
            commands: BTreeMap::new(),
            observers: observers::Observers::default(),
            auditor: None,
            watched: Vec::new(),
            next_poll: None,
            closing: false,
            barrier: journal.appended(),
            forgetful: false,
            stopped: false,
        };
        let instance = Arc::new_cyclic(|me: &Weak<Instance>| Instance {
            me: me.clone(),
            timer: host.wheel.register(me.clone()),
            host,
            providers,
            journal: journal.clone(),
            software_version: config.software_version,
            refresh_first: config.refresh_first,
            moved: Notify::new(),
            inner: Mutex::new(inner),
        });
        let listener: Weak<dyn OnSync> = instance.me.clone();
        journal.listen(listener);
        instance
    }

    /// Lets providers push, asks them for their first values, and tells the machine that it starts.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn start(&self) -> Result<(), EngineError> {
        self.watch_providers();
        if self.refresh_first {
            self.first_refresh().await;
        }
        self.undo_left_over().await?;
        let boot = self.boot()?;
        self.feed(Input::Started(boot));
        Ok(())
    }

    /// A connection with a controller stands; `contact` is how it reaches us by it.
    pub fn link_up(
        &self,
        controller: EndpointId,
        return_path: ReturnPath,
        contact: Contact,
        peer: PeerAuth,
        outlet: Arc<dyn Outlet>,
    ) {
        let Some(mut inner) = self.enter() else { return };
        if inner.closing {
            return outlet.close(CloseReason::GoingAway);
        }
        inner.links.add(return_path.link(), outlet);
        self.drive(&mut inner, Input::LinkUp { controller, return_path, contact, peer });
    }

    /// A connection is gone.
    pub fn link_down(&self, link: LinkId) {
        let Some(mut inner) = self.enter() else { return };
        inner.links.remove(link);
        self.drive(&mut inner, Input::LinkDown(link));
        drop(inner);
        self.moved.notify_waiters();
    }

    /// A Record arrived. Waits while too many answers wait for the disk: that is the back-pressure on
    /// the peer.
    pub async fn record(&self, inbound: Inbound) {
        self.room().await;
        self.handle(inbound);
    }

    /// The same without back-pressure.
    pub fn handle(&self, inbound: Inbound) {
        let Some(mut inner) = self.enter() else { return };
        self.drive(&mut inner, Input::Record(inbound));
    }

    /// Something happened that the data model calls an event.
    pub fn event(&self, event: ModelEvent) {
        self.feed(Input::Event(event));
    }

    /// Reads the tree as it is, without asking a provider.
    pub fn with_tree<T>(&self, read: impl FnOnce(&Tree) -> T) -> Option<T> {
        self.enter().map(|inner| read(&inner.tree))
    }

    /// Makes a change that no controller asked for, in the engine's own part of the tree.
    ///
    /// # Errors
    /// When the instance has stopped, or the journal has failed or has no room: then nothing has changed.
    pub async fn change(&self, make: impl FnOnce(&Tree) -> Vec<Change>) -> Result<(), EngineError> {
        let position = {
            let mut inner = self.enter().ok_or(EngineError::Stopped)?;
            let before = (inner.tree.clone(), inner.aliases.clone());
            let changes = make(&inner.tree);
            let applied = inner.tree.apply(&changes);
            match self.keep(&mut inner, applied) {
                Ok(applied) => self.drive(&mut inner, Input::Changed(applied)),
                Err(error) => {
                    (inner.tree, inner.aliases) = before;
                    return Err(error.into());
                }
            }
            inner.barrier
        };
        self.durable(position).await
    }

    /// Remembers why the next start happens; ready when that is on stable storage. To be called before
    /// a reboot is set off.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn remember_boot(&self, boot: &Boot) -> Result<(), EngineError> {
        let position = self.journal.append(&boot_entries(boot))?;
        self.durable(position).await
    }

    /// Forgets everything; ready when that is on stable storage. From then on the instance remembers
    /// nothing and refuses writes, but still answers, so that the command that led here can be answered.
    /// The next instance over this journal makes a first start.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn factory_reset(&self, boot: &Boot) -> Result<(), EngineError> {
        let position = {
            let mut inner = self.enter().ok_or(EngineError::Stopped)?;
            inner.forgetful = true;
            let position = self.journal.reset(&boot_entries(boot))?;
            inner.barrier = position;
            position
        };
        self.durable(position).await
    }

    /// Says good-bye on every connection and closes it (R-MTP.7), and puts what is remembered on stable
    /// storage. Nothing is taken in from then on; the host makes no connection any more. Ready when the
    /// connections are gone, and after [`SHUTDOWN_TIME`] in any case.
    pub async fn shut_down(&self) {
        if let Some(mut inner) = self.enter() {
            inner.closing = true;
            self.drive(&mut inner, Input::Shutdown);
        }
        let is_over = || {
            let gone = self.enter().is_none_or(|inner| inner.links.are_gone());
            self.journal.failure().is_some() || gone && self.journal.is_synced(self.journal.appended())
        };
        if tokio::time::timeout(SHUTDOWN_TIME, self.until(is_over)).await.is_err() {
            tracing::warn!("not every connection was closed, or not everything kept, in time");
        }
    }

    /// Ready when the journal can no longer be written, or the instance has stopped. An
    /// agent's process should then end: nothing is ever answered again.
    pub async fn failed(&self) {
        self.until(|| self.journal.failure().is_some() || self.enter().is_none()).await;
    }

    /// Waits until a position is on stable storage.
    async fn durable(&self, position: Position) -> Result<(), EngineError> {
        self.until(|| self.journal.is_synced(position) || self.journal.failure().is_some()).await;
        self.journal.append(&[])?;
        Ok(())
    }

    async fn room(&self) {
        let has_room = || self.enter().is_none_or(|inner| inner.links.held() < MAX_HELD_SENDS);
        self.until(|| has_room() || self.journal.failure().is_some()).await;
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        loop {
            let mut moved = std::pin::pin!(self.moved.notified());
            moved.as_mut().enable();
            if is_so() {
                return;
            }
            moved.await;
        }
    }

    /// Why this start happens, and the marks for the next one.
    fn boot(&self) -> Result<Boot, EngineError> {
        let meta = |key: &str| self.journal.meta(key);
        let version = meta(META_VERSION);
        let boot = Boot {
            cause: meta(META_CAUSE).unwrap_or_else(|| "LocalReboot".to_owned()),
            command_key: meta(META_COMMAND_KEY).unwrap_or_default(),
            reason: meta(META_REASON).unwrap_or_default(),
            firmware_updated: version.is_some_and(|version| version != self.software_version),
        };
        let forget = |key: &str| Entry::Meta { key: key.to_owned(), value: None };
        let version =
            Entry::Meta { key: META_VERSION.to_owned(), value: Some(self.software_version.clone()) };
        let entries = [forget(META_CAUSE), forget(META_COMMAND_KEY), forget(META_REASON), version];
        self.journal.append(&entries)?;
        Ok(boot)
    }

    fn feed(&self, input: Input) {
        if let Some(mut inner) = self.enter() {
            self.drive(&mut inner, input);
        }
    }

    /// The lock, unless the instance has stopped. A panic inside ends this instance alone.
    fn enter(&self) -> Option<MutexGuard<'_, Inner>> {
        let inner = match self.inner.lock() {
            Ok(inner) => inner,
            Err(poisoned) => {
                let mut inner = poisoned.into_inner();
                self.stop(&mut inner);
                inner
            }
        };
        (!inner.stopped).then_some(inner)
    }

    /// Nothing enters or leaves any more.
    fn stop(&self, inner: &mut Inner) {
        if !std::mem::replace(&mut inner.stopped, true) {
            inner.links = links::Links::default();
            self.moved.notify_waiters();
        }
    }

    /// Lets the machine take an input, and does what it wants done, until there is nothing left.
    fn drive(&self, inner: &mut Inner, input: Input) {
        self.drive_all(inner, VecDeque::from([input]));
    }

    fn drive_all(&self, inner: &mut Inner, mut inputs: VecDeque<Input>) {
        while let Some(input) = inputs.pop_front() {
            inner.machine.handle(self.host.now(), &mut inner.tree, input);
            if let Some(link) = inner.machine.recognised() {
                let confirmed = inner.commit.recognised(link);
                if !confirmed.is_empty() {
                    self.forget_undo(inner, &confirmed);
                }
            }
            while let Some(output) = inner.machine.poll_output() {
                self.output(inner, output, &mut inputs);
            }
        }
        self.set_timer(inner);
    }

    fn set_timer(&self, inner: &Inner) {
        let deadlines = [inner.machine.poll_timeout(), inner.next_poll, inner.commit.deadline()];
        self.host.wheel.set(self.timer, deadlines.into_iter().flatten().min());
    }
}

impl Wake for Instance {
    fn wake(&self) {
        let woken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let Some(mut inner) = self.enter() else { return };
            let now = self.host.now().mono;
            let mut inputs = VecDeque::new();
            if inner.machine.poll_timeout().is_some_and(|at| at <= now) {
                inputs.push_back(Input::Timeout);
            }
            self.poll_watched(&mut inner, now);
            self.undo_unconfirmed(&mut inner, now, &mut inputs);
            self.drive_all(&mut inner, inputs);
        }));
        if woken.is_err() {
            tracing::error!("an instance panicked and has stopped");
        }
    }
}

impl OnSync for Instance {
    fn synced(&self, _: Position) {
        if let Some(mut inner) = self.enter() {
            inner.links.release(&self.journal);
        }
        self.moved.notify_waiters();
    }

    fn failed(&self) {
        self.moved.notify_waiters();
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.host.wheel.remove(self.timer);
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").finish_non_exhaustive()
    }
}

fn boot_entries(boot: &Boot) -> Vec<Entry> {
    let told =
        [(META_CAUSE, &boot.cause), (META_COMMAND_KEY, &boot.command_key), (META_REASON, &boot.reason)];
    let meta =
        |(key, value): (&str, &String)| Entry::Meta { key: key.to_owned(), value: Some(value.clone()) };
    told.map(meta).to_vec()
}
