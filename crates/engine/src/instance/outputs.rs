//! What the machine wants done.

use std::collections::VecDeque;

use dm::model::ObjectId;
use dm::tree::ChangeSet;
use usp_endpoint::agent::io::{Input, Output};

use super::commit::Job;
use super::links::Leaving;
use super::{Inner, Instance};
use crate::journal::{Entry, JournalError};
use crate::stored;

impl Instance {
    pub(super) fn output(&self, inner: &mut Inner, output: Output, inputs: &mut VecDeque<Input>) {
        match output {
            Output::Send(outbound) => {
                inner.links.leave(&self.journal, inner.barrier, Leaving::Send(outbound));
            }
            Output::Close { link, reason } => {
                inner.links.leave(&self.journal, inner.barrier, Leaving::Close(link, reason));
            }
            Output::Refresh { ticket, places, parts } => {
                let mut wants: Vec<(u16, ObjectId)> =
                    places.iter().flat_map(|place| inner.kind.wants(place)).collect();
                let mut exactly = Vec::new();
                for part in parts {
                    match self.reads_part(inner, &part) {
                        Some(provider) => exactly.push((provider, part)),
                        None => wants.extend(inner.kind.wants(&part.place)),
                    }
                }
                if !self.want(inner, Some(ticket), wants, exactly) {
                    inputs.push_back(Input::Refreshed(ticket));
                }
            }
            Output::Commit { ticket, transactions, .. } => {
                let transactions = transactions.into_iter().map(|transaction| transaction.changes).collect();
                self.commit(inner, Job::Commit(ticket, transactions), inputs);
            }
            Output::Wrote(changes) => {
                let told = changes.len();
                match self.keep(inner, changes) {
                    Ok(changes) if changes.len() > told => {
                        inputs.push_back(Input::Changed(changes[told..].to_vec()));
                    }
                    Ok(_) => {}
                    // The machine has already gone on from it.
                    Err(error) => self.cannot_remember(inner, &error),
                }
            }
            Output::Run { ticket, command_key, call, .. } => {
                if let Some(ended) = self.run(inner, ticket, command_key, call) {
                    inputs.push_back(ended);
                }
            }
            Output::Cancel(ticket) => {
                if let Some(cancel) = inner.commands.get(&ticket) {
                    cancel.send_replace(true);
                }
            }
            Output::Audit(entry) => {
                if let Some(auditor) = &inner.auditor {
                    auditor.note(self.host.now(), entry);
                }
            }
            Output::Noticed(what) => tracing::warn!("{what}"),
            Output::Watch(places) => {
                inner.watched = places.iter().flat_map(|place| inner.kind.wants(place)).collect();
                inner.watched.sort_unstable();
                inner.watched.dedup();
                // Whether a value has changed can only be told from one that is known.
                self.want(inner, None, inner.watched.clone(), Vec::new());
                self.begin_polling(inner);
            }
        }
    }

    /// Brings the row counts up to date with changes that are already in the tree, and remembers all.
    /// Gives the changes with those of the counts behind them.
    pub(super) fn keep(&self, inner: &mut Inner, mut changes: ChangeSet) -> Result<ChangeSet, JournalError> {
        let kind = inner.kind.clone();
        kind.settle_counts(&mut inner.tree, &mut changes);
        let entries = self.entries(inner, &changes);
        let position = self.journal.append_own(&entries)?;
        inner.barrier = inner.barrier.max(position);
        inner.observers.tell(kind.model(), &changes);
        Ok(changes)
    }

    /// The tree says what the next start will not know, and there is no way back: the instance stops, so
    /// that nobody is told.
    pub(super) fn cannot_remember(&self, inner: &mut Inner, error: &JournalError) {
        tracing::error!(%error, "what the agent itself changed can't be kept: it stops");
        self.stop(inner);
    }

    /// What the journal has to remember of changes that are in the tree.
    pub(super) fn entries(&self, inner: &mut Inner, changes: &ChangeSet) -> Vec<Entry> {
        let kind = inner.kind.clone();
        stored::note_aliases(&kind, &mut inner.aliases, changes);
        if self.journal.is_memory() || inner.forgetful {
            return Vec::new();
        }
        stored::remember(&kind, &inner.tree, &inner.keys, changes)
    }
}
