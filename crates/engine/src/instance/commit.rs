//! Making transactions durable and effective: over several providers all or nothing, undone when a
//! later provider fails, and undone again when a change may have cut the way to the controllers and
//! none of them is heard.

use std::collections::{BTreeSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use dm::path::ObjectPath;
use dm::tree::{Change, ChangeSet, Happening, Place};
use dm::{Code, Fault, Mono};
use futures_util::FutureExt as _;
use usp_endpoint::agent::io::{Input, Ticket};

use super::{Inner, Instance};
use crate::edits::{self, Batches};
use crate::journal::{Entry, JournalError, Lexical};
use crate::limits::{CONFIRM_WINDOW, TRANSACTION_TIMEOUT};
use crate::provider::{Committed, Edit, Pending, Prepared, Provider};

/// Commits under way and waiting.
#[derive(Default)]
pub(super) struct Commits {
    running: bool,
    queue: VecDeque<Job>,
    confirm: Option<Confirm>,
}

/// Transactions to commit in order.
pub(super) struct Job {
    pub(super) origin: Origin,
    pub(super) transactions: Vec<Vec<Change>>,
}

/// Who wants it.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    /// The machine.
    Machine(Ticket),
    /// The confirm window.
    Undo,
}

/// A change that stands only if a controller is heard.
struct Confirm {
    until: Mono,
    undo: Vec<Vec<Change>>,
}

/// How a job went so far.
#[derive(Default)]
struct Progress {
    ends: Vec<Result<(), Fault>>,
    changes: ChangeSet,
    undo: Vec<Vec<Change>>,
}

impl Commits {
    /// A controller was heard: what waited for that stands. What is being committed right now waits for
    /// the next one.
    pub(super) fn heard(&mut self) {
        if self.confirm.take().is_some() {
            tracing::info!("a change that could have cut the way to the controllers is confirmed");
        }
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        self.confirm.as_ref().map(|confirm| confirm.until)
    }
}

impl Instance {
    /// Commits a job, now or when those before it are done.
    pub(super) fn commit(&self, inner: &mut Inner, job: Job, inputs: &mut VecDeque<Input>) {
        if inner.commit.running {
            inner.commit.queue.push_back(job);
            return;
        }
        if inner.forgetful {
            let refused = Fault::new(Code::REQUEST_DENIED, "the agent is being reset");
            let ends = vec![Err(refused); job.transactions.len()];
            inputs.push_back(ended(job.origin, Progress { ends, ..Progress::default() }));
            return;
        }
        let batch = |changes: &Vec<Change>| edits::batches(&self.kind, &inner.keys, changes);
        let involved: BTreeSet<u16> =
            job.transactions.iter().flat_map(|changes| batch(changes).into_keys()).collect();
        if involved.is_empty() {
            let mut progress = Progress::default();
            for changes in &job.transactions {
                self.settle(inner, changes, &[], &mut progress);
            }
            inputs.push_back(ended(job.origin, progress));
            return;
        }
        inner.commit.running = true;
        for provider in &involved {
            inner.refresh.block(*provider);
        }
        // A row that the system makes meanwhile must not take a planned row's number.
        for change in job.transactions.iter().flatten() {
            if let Change::Create { row, .. } = change
                && let Some((table, number)) = row.table()
            {
                inner.tree.reserve_number(&table, number.get());
            }
        }
        if let Some(me) = self.me.upgrade() {
            self.host.runtime.spawn(async move { me.run_commit(job, involved).await });
        }
    }

    async fn run_commit(self: Arc<Self>, job: Job, involved: BTreeSet<u16>) {
        let mut progress = Progress::default();
        for changes in &job.transactions {
            let batches = match self.enter() {
                Some(inner) => edits::batches(&self.kind, &inner.keys, changes),
                None => return,
            };
            let end = transact(&self.providers, &batches).await;
            let Some(mut inner) = self.enter() else { return };
            match end {
                Ok(committed) => self.settle(&mut inner, changes, &committed, &mut progress),
                Err(fault) => progress.ends.push(Err(fault)),
            }
        }
        self.finish_commit(job.origin, progress, &involved);
    }

    fn finish_commit(&self, origin: Origin, mut progress: Progress, involved: &BTreeSet<u16>) {
        let Some(mut inner) = self.enter() else { return };
        inner.commit.running = false;
        for provider in involved {
            self.unblock(&mut inner, *provider);
        }
        let undo = std::mem::take(&mut progress.undo);
        if matches!(origin, Origin::Machine(_)) && !undo.is_empty() {
            // What was committed just before and is not confirmed yet must not be forgotten for this.
            let earlier = inner.commit.confirm.take().map(|confirm| confirm.undo);
            let undo = undo.into_iter().rev().chain(earlier.into_iter().flatten()).collect();
            inner.commit.confirm = Some(Confirm { until: self.host.now().mono + CONFIRM_WINDOW, undo });
        }
        let mut inputs = VecDeque::from([ended(origin, progress)]);
        while !inner.commit.running
            && let Some(job) = inner.commit.queue.pop_front()
        {
            self.commit(&mut inner, job, &mut inputs);
        }
        self.drive_all(&mut inner, inputs);
        drop(inner);
        self.moved.notify_waiters();
    }

    /// Puts one transaction into tree and journal; the providers have done their part.
    fn settle(
        &self,
        inner: &mut Inner,
        changes: &[Change],
        committed: &[Committed],
        progress: &mut Progress,
    ) {
        let before = (inner.tree.clone(), inner.keys.clone(), inner.aliases.clone());
        let mut entries = Vec::new();
        let mut applied = inner.tree.apply(changes);
        for (path, key) in committed.iter().flat_map(|committed| &committed.keys) {
            self.bind(inner, path, key, &mut applied, &mut entries);
        }
        self.kind.settle_counts(&mut inner.tree, &mut applied);
        entries.extend(self.entries(inner, &applied));
        for happening in &applied {
            if let Happening::Deleted(row) = happening {
                inner.keys.unbind(row);
                inner.keys.forget_below(self.kind.model(), row);
            }
        }
        if inner.forgetful {
            entries.clear();
        }
        match self.journal.append(&entries) {
            Ok(position) => {
                inner.barrier = inner.barrier.max(position);
                if committed.iter().any(|committed| committed.needs_confirm) {
                    progress.undo.push(edits::undo(&before.0, changes));
                }
                progress.changes.extend(applied);
                progress.ends.push(Ok(()));
            }
            Err(error) => {
                (inner.tree, inner.keys, inner.aliases) = before;
                progress.ends.push(Err(not_remembered(&error)));
            }
        }
    }

    /// Ties a row to the key that its provider gave it. From then on the provider's reports say what it
    /// holds.
    fn bind(
        &self,
        inner: &mut Inner,
        path: &ObjectPath,
        key: &crate::provider::RowKey,
        applied: &mut ChangeSet,
        entries: &mut Vec<Entry>,
    ) {
        let model = self.kind.model();
        let Some(row) = Place::of(model, path) else { return };
        let Some((table, number)) = row.table() else { return };
        // A push may have been faster, and have made the row under a number of its own.
        if let Some(twin) = inner.keys.number(&table, key).filter(|twin| *twin != number) {
            applied.extend(inner.tree.apply(&[Change::Remove { row: table.row(twin) }]));
        }
        let unbound = inner.keys.key(&row).is_none();
        inner.keys.bind(&table, key, number);
        if self.kind.is_volatile(row.object) {
            return;
        }
        if unbound {
            entries.push(Entry::RemoveRow { path: path.to_string() });
        }
        let (key, number) = (key.0.to_string(), number.get());
        entries.push(Entry::RowKey { table: table.text(model), key, number });
        if let Some(alias) = inner.aliases.get(&row) {
            let value = Some(Lexical { text: alias.expose().into(), secret: false });
            entries.push(Entry::SetParam { path: path.to_string(), param: "Alias".to_owned(), value });
        }
    }

    /// Undoes what was not confirmed in time.
    pub(super) fn undo_unconfirmed(&self, inner: &mut Inner, now: Mono, inputs: &mut VecDeque<Input>) {
        if inner.commit.deadline().is_some_and(|until| until <= now)
            && let Some(Confirm { undo, .. }) = inner.commit.confirm.take()
        {
            tracing::warn!("no controller was heard after a change that could cut the way to it: undone");
            self.commit(inner, Job { origin: Origin::Undo, transactions: undo }, inputs);
        }
    }
}

fn ended(origin: Origin, progress: Progress) -> Input {
    match origin {
        Origin::Machine(ticket) => {
            Input::Committed { ticket, ends: progress.ends, changes: progress.changes }
        }
        Origin::Undo => {
            for fault in progress.ends.iter().filter_map(|end| end.as_ref().err()) {
                tracing::error!(%fault, "an unconfirmed change could not be undone");
            }
            Input::Changed(progress.changes)
        }
    }
}

fn not_remembered(error: &JournalError) -> Fault {
    match error {
        JournalError::Full => Fault::new(Code::RESOURCES_EXCEEDED, error.to_string()),
        _ => Fault::new(Code::INTERNAL_ERROR, error.to_string()),
    }
}

/// One transaction over its providers: all prepare, then all commit; what fails takes the others back.
async fn transact(providers: &[Arc<dyn Provider>], batches: &Batches) -> Result<Vec<Committed>, Fault> {
    let mut parts: Vec<Part<'_>> = Vec::with_capacity(batches.len());
    for (index, edits) in batches {
        let provider = providers[usize::from(*index)].as_ref();
        match flatten(guard(provider, provider.prepare(edits)).await) {
            Ok(prepared) => parts.push(Part { provider, edits, prepared }),
            Err(fault) => {
                take_back(parts).await;
                return Err(fault);
            }
        }
    }
    let mut committed = Vec::with_capacity(parts.len());
    for at in 0..parts.len() {
        let part = &mut parts[at];
        let end = guard(part.provider, part.provider.commit(&mut part.prepared)).await;
        match end {
            Ok(Ok(done)) => committed.push(done),
            // The provider itself has cleaned up.
            Ok(Err(fault)) => {
                parts.remove(at);
                return Err(with_losses(fault, &take_back(parts).await));
            }
            // It may be half done.
            Err(fault) => return Err(with_losses(fault, &take_back(parts).await)),
        }
    }
    Ok(committed)
}

/// One provider's part of a transaction.
struct Part<'a> {
    provider: &'a dyn Provider,
    edits: &'a [Edit],
    prepared: Prepared,
}

/// Takes prepared and committed parts back, the last first; gives what could not be.
async fn take_back(parts: Vec<Part<'_>>) -> Vec<String> {
    let mut lost = Vec::new();
    for part in parts.into_iter().rev() {
        if let Err(fault) = flatten(guard(part.provider, part.provider.abort(part.prepared)).await) {
            let paths: Vec<String> = part.edits.iter().map(edited).collect();
            lost.push(format!("{} ({})", paths.join(", "), fault.message));
        }
    }
    lost
}

fn edited(edit: &Edit) -> String {
    match edit {
        Edit::Set { path, param, .. } => path.param_text(param),
        Edit::Add { path, .. } | Edit::Delete { path, .. } => path.to_string(),
    }
}

/// 7003 with the list, if something could not be undone.
fn with_losses(fault: Fault, lost: &[String]) -> Fault {
    if lost.is_empty() {
        return fault;
    }
    let message = format!("{}; could not be undone: {}", fault.message, lost.join("; "));
    Fault::new(Code::INTERNAL_ERROR, message)
}

/// Bounds a provider's call in time, and its panics to itself. The outer error: it did not end properly.
async fn guard<T>(
    provider: &dyn Provider,
    call: Pending<'_, Result<T, Fault>>,
) -> Result<Result<T, Fault>, Fault> {
    let broken = |what: &str| Fault::new(Code::INTERNAL_ERROR, format!("{} {what}", provider.name()));
    match tokio::time::timeout(TRANSACTION_TIMEOUT, AssertUnwindSafe(call).catch_unwind()).await {
        Ok(Ok(end)) => Ok(end),
        Ok(Err(_)) => Err(broken("panicked")),
        Err(_) => Err(broken("did not answer in time")),
    }
}

fn flatten<T>(end: Result<Result<T, Fault>, Fault>) -> Result<T, Fault> {
    end.and_then(|end| end)
}
