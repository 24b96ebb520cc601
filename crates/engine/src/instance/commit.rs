//! Making transactions durable and effective: over several providers all or nothing, in the tree and in
//! the journal together.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use dm::model::Model;
use dm::path::{Name, ObjectPath};
use dm::tree::{Change, ChangeSet, Happening, Place, Staging};
use dm::{Code, Fault, Value};
use usp_endpoint::agent::io::{Input, Ticket};

use super::confirm::{Confirm, Undo};
use super::leftover;
use super::transact::{Done, Part, take_back, transact, with_losses};
use super::{Inner, Instance};
use crate::edits;
use crate::journal::{Entry, Journal, JournalError, Lexical, Position};
use crate::provider::{Committed, RowKey};

/// Commits under way and waiting.
#[derive(Default)]
pub(super) struct Commits {
    running: bool,
    queue: VecDeque<Job>,
    pub(super) confirm: Option<Confirm>,
    /// How many changes of this process led to a way back in the journal.
    kept: u32,
}

impl Commits {
    /// Whether nothing is under way or waits.
    pub(super) fn is_idle(&self) -> bool {
        !self.running && self.queue.is_empty()
    }
}

/// What is done in one go, one after another.
pub(super) enum Job {
    /// Transactions that the machine wants, in order.
    Commit(Ticket, Vec<Vec<Change>>),
    /// The way back from what nobody confirmed.
    Undo(Vec<Undo>),
}

/// How a job went so far.
#[derive(Default)]
struct Progress {
    ends: Vec<Result<(), Fault>>,
    changes: ChangeSet,
    undo: Vec<Undo>,
    staging: Staging,
}

impl Progress {
    /// How the next transaction ended.
    fn end(&mut self, end: Result<(), Fault>) {
        self.staging.ended(end.is_ok());
        self.ends.push(end);
    }
}

/// A transaction that is in tree and journal.
pub(super) struct Settled {
    /// What changed in the tree.
    pub(super) changes: ChangeSet,
    /// What leads the tree back, if it needs to be confirmed.
    undo: Vec<Change>,
    /// Keys of the rows that are gone.
    keys: Vec<(ObjectPath, RowKey)>,
    /// What the journal calls the way back.
    name: Option<String>,
}

impl Instance {
    /// Does a job, now or when those before it are done.
    pub(super) fn commit(&self, inner: &mut Inner, job: Job, inputs: &mut VecDeque<Input>) {
        if inner.commit.running {
            inner.commit.queue.push_back(job);
            return;
        }
        match job {
            Job::Commit(ticket, transactions) => self.begin_commit(inner, ticket, transactions, inputs),
            Job::Undo(undo) => self.begin_undo(inner, undo),
        }
    }

    fn begin_commit(
        &self,
        inner: &mut Inner,
        ticket: Ticket,
        transactions: Vec<Vec<Change>>,
        inputs: &mut VecDeque<Input>,
    ) {
        if inner.forgetful {
            let refused = Fault::new(Code::REQUEST_DENIED, "the agent is being reset");
            let ends = vec![Err(refused); transactions.len()];
            inputs.push_back(Input::Committed { ticket, ends, changes: ChangeSet::new() });
            return;
        }
        let batch = |changes: &Vec<Change>| edits::batches(&inner.kind, &inner.keys, changes);
        let involved: BTreeSet<u16> =
            transactions.iter().flat_map(|changes| batch(changes).into_keys()).collect();
        if involved.is_empty() {
            let mut progress = Progress::default();
            for changes in &transactions {
                let changes = &progress.staging.next(&inner.tree, changes);
                if let Err((fault, _)) = self.conclude(inner, changes, Done::default(), &mut progress) {
                    progress.end(Err(fault));
                }
            }
            inputs.push_back(progress.ended(ticket).0);
            return;
        }
        self.occupy(inner, &involved);
        // A row that the system makes meanwhile must not take a planned row's number.
        for change in transactions.iter().flatten() {
            if let Change::Create { row, .. } = change
                && let Some((table, number)) = row.table()
            {
                inner.tree.reserve_number(&table, number.get());
            }
        }
        if let Some(me) = self.me.upgrade() {
            self.host.runtime.spawn(async move { me.run_commit(ticket, transactions, involved).await });
        }
    }

    /// From now on until [`Instance::finish_commit`] these providers are not asked, and other jobs wait.
    pub(super) fn occupy(&self, inner: &mut Inner, involved: &BTreeSet<u16>) {
        inner.commit.running = true;
        for provider in involved {
            inner.refresh.block(*provider);
        }
    }

    async fn run_commit(
        self: Arc<Self>,
        ticket: Ticket,
        transactions: Vec<Vec<Change>>,
        involved: BTreeSet<u16>,
    ) {
        let mut progress = Progress::default();
        for changes in &transactions {
            let (changes, batches) = match self.enter() {
                Some(inner) => {
                    let changes = progress.staging.next(&inner.tree, changes);
                    let batches = edits::batches(&inner.kind, &inner.keys, &changes);
                    (changes, batches)
                }
                None => return,
            };
            let changes = &changes;
            let fault = match transact(&self.providers, batches).await {
                Ok(done) => {
                    let concluded = match self.enter() {
                        Some(mut inner) => self.conclude(&mut inner, changes, done, &mut progress),
                        None => return,
                    };
                    let Err((fault, parts)) = concluded else { continue };
                    with_losses(fault, &take_back(&self.providers, parts).await)
                }
                Err(fault) => fault,
            };
            progress.end(Err(fault));
        }
        let (ended, undo) = progress.ended(ticket);
        self.finish_commit(ended, undo, &involved);
    }

    /// Lets the machine hear how a job ended, and begins the next one.
    pub(super) fn finish_commit(&self, ended: Input, undo: Vec<Undo>, involved: &BTreeSet<u16>) {
        let Some(mut inner) = self.enter() else { return };
        for provider in involved {
            self.unblock(&mut inner, *provider);
        }
        let renewals = if undo.is_empty() { Vec::new() } else { self.await_confirm(&mut inner, undo) };
        self.drive(&mut inner, ended);
        for renewal in renewals {
            let barrier = inner.barrier;
            inner.links.leave(&self.journal, barrier, renewal);
        }
        // Not earlier: what the machine has just asked for comes after what waits already.
        inner.commit.running = false;
        let mut inputs = VecDeque::new();
        while !inner.commit.running
            && let Some(job) = inner.commit.queue.pop_front()
        {
            self.commit(&mut inner, job, &mut inputs);
        }
        self.drive_all(&mut inner, inputs);
        drop(inner);
        self.moved.notify_waiters();
    }

    /// Ends a transaction whose providers have done their part.
    ///
    /// # Errors
    /// When it can't be remembered: why, and what the providers have to take back.
    fn conclude(
        &self,
        inner: &mut Inner,
        changes: &[Change],
        done: Done,
        progress: &mut Progress,
    ) -> Result<(), (Fault, Vec<Part>)> {
        let settled = match self.settle(inner, changes, &done.committed, Journal::append) {
            Ok(settled) => settled,
            Err(error) => return Err((not_remembered(&error), done.parts)),
        };
        if done.committed.iter().any(|committed| committed.needs_confirm) {
            let Settled { undo: changes, keys, name, .. } = &settled;
            let (changes, keys, name) = (changes.clone(), keys.clone(), name.clone());
            progress.undo.push(Undo { changes, parts: done.parts, keys, name });
        }
        progress.changes.extend(settled.changes);
        progress.end(Ok(()));
        Ok(())
    }

    /// Puts one transaction into tree and journal, or into neither; the providers have done their part.
    /// `append` says how much may wait for the disk.
    pub(super) fn settle(
        &self,
        inner: &mut Inner,
        changes: &[Change],
        committed: &[Committed],
        append: impl Fn(&Journal, &[Entry]) -> Result<Position, JournalError>,
    ) -> Result<Settled, JournalError> {
        let kind = inner.kind.clone();
        let before = (inner.tree.clone(), inner.keys.clone(), inner.aliases.clone());
        let mut entries = Vec::new();
        let mut applied = inner.tree.apply(changes);
        for (path, key) in committed.iter().flat_map(|committed| &committed.keys) {
            self.bind(inner, path, key, &mut applied, &mut entries);
        }
        let values = committed.iter().flat_map(|committed| &committed.values);
        let values: Vec<Change> = values.filter_map(|value| filled(kind.model(), value)).collect();
        applied.extend(inner.tree.apply(&values));
        kind.settle_counts(&mut inner.tree, &mut applied);
        entries.extend(self.entries(inner, &applied));
        let mut keys = Vec::new();
        for happening in &applied {
            if let Happening::Deleted(row) = happening {
                let path = ObjectPath::parse(&row.text(kind.model())).ok();
                keys.extend(path.zip(inner.keys.key(row).cloned()));
                inner.keys.unbind(row);
                inner.keys.forget_below(kind.model(), row);
            }
        }
        let risky = committed.iter().any(|committed| committed.needs_confirm);
        let undo = if risky { edits::undo(&before.0, changes) } else { Vec::new() };
        let mut name = None;
        if risky && !self.journal.is_memory() {
            inner.commit.kept += 1;
            let (called, entry) = leftover::kept(kind.model(), inner.commit.kept, &undo);
            entries.push(entry);
            name = Some(called);
        }
        if inner.forgetful {
            entries.clear();
        }
        match append(&self.journal, &entries) {
            Ok(position) => {
                inner.barrier = inner.barrier.max(position);
                inner.observers.tell(kind.model(), &applied);
                Ok(Settled { changes: applied, undo, keys, name })
            }
            Err(error) => {
                (inner.tree, inner.keys, inner.aliases) = before;
                Err(error)
            }
        }
    }

    /// Ties a row to the key that its provider gave it. From then on the provider's reports say what it
    /// holds.
    fn bind(
        &self,
        inner: &mut Inner,
        path: &ObjectPath,
        key: &RowKey,
        applied: &mut ChangeSet,
        entries: &mut Vec<Entry>,
    ) {
        let kind = inner.kind.clone();
        let model = kind.model();
        let Some(row) = Place::of(model, path) else { return };
        let Some((table, number)) = row.table() else { return };
        // A push may have been faster, and have made the row under a number of its own.
        if let Some(twin) = inner.keys.number(&table, key).filter(|twin| *twin != number) {
            applied.extend(inner.tree.apply(&[Change::Remove { row: table.row(twin) }]));
        }
        let unbound = inner.keys.key(&row).is_none();
        inner.keys.bind(&table, key, number);
        if kind.is_volatile(row.object) {
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
}

impl Progress {
    fn ended(self, ticket: Ticket) -> (Input, Vec<Undo>) {
        (Input::Committed { ticket, ends: self.ends, changes: self.changes }, self.undo)
    }
}

/// A value of an added row that its provider gave.
fn filled(model: &Model, (path, name, text): &(ObjectPath, Name, String)) -> Option<Change> {
    let place = Place::of(model, path)?;
    let param = model.param_index(place.object, name.as_str())?;
    let known = &model.object(place.object).params[usize::from(param)];
    let value = match known.is_list() {
        true => Value::parse_list(known.ty, text),
        false => Value::parse(known.ty, text),
    };
    let value = value.ok().map(|value| if known.is_secret() { value.into_secret() } else { value })?;
    Some(Change::Set { place, param, value: Some(value) })
}

fn not_remembered(error: &JournalError) -> Fault {
    match error {
        JournalError::Full => Fault::new(Code::RESOURCES_EXCEEDED, error.to_string()),
        _ => Fault::new(Code::INTERNAL_ERROR, error.to_string()),
    }
}
