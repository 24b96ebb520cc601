//! Changes that may cut the way to the controllers: each stands once a controller is known to be reachable
//! after it, and is taken back when the window ends without that.
//!
//! What still comes by a connection that stood before the change proves nothing: it may have been sent
//! before, and says nothing of the way back. So the connections are made anew once the answer has left, and
//! only a controller that is recognised on a newer one confirms: by its certificate, or by a Record that the
//! machine believes.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use dm::Mono;
use dm::path::ObjectPath;
use dm::tree::{Change, ChangeSet};
use usp_endpoint::agent::io::Input;
use usp_endpoint::link::LinkId;

use super::commit::{Commits, Job, Settled};
use super::links::Leaving;
use super::transact::{Part, take_back};
use super::{Inner, Instance};
use crate::journal::Journal;
use crate::limits::CONFIRM_WINDOW;
use crate::provider::{Committed, RowKey};
use crate::shift::Shift;

/// What waits for a controller.
pub(super) struct Confirm {
    until: Mono,
    /// The connections that stood when the change was made.
    older: BTreeSet<LinkId>,
    /// The way back, the last change first.
    undo: Vec<Undo>,
}

/// What leads back from one transaction.
pub(super) struct Undo {
    /// In the tree.
    pub(super) changes: Vec<Change>,
    /// At the providers, who know what was there before better than the tree does.
    pub(super) parts: Vec<Part>,
    /// Keys of the rows that it removed.
    pub(super) keys: Vec<(ObjectPath, RowKey)>,
    /// What the journal calls it, for the case that the process ends before.
    pub(super) name: Option<String>,
}

impl Commits {
    /// A served controller was recognised on this link. What is being committed right now waits for the
    /// next time. Gives what the journal calls the ways back that nobody needs any more.
    pub(super) fn recognised(&mut self, link: LinkId) -> Vec<String> {
        let Some(confirm) = self.confirm.take_if(|confirm| !confirm.older.contains(&link)) else {
            return Vec::new();
        };
        tracing::info!("a change that could have cut the way to the controllers is confirmed");
        confirm.undo.into_iter().filter_map(|undo| undo.name).collect()
    }

    /// Goes over to the next model.
    pub(super) fn shift(&mut self, shift: &Shift<'_>) {
        for undo in self.confirm.iter_mut().flat_map(|confirm| &mut confirm.undo) {
            undo.changes = undo.changes.iter().filter_map(|change| shift.change(change)).collect();
        }
    }

    /// When the window ends.
    pub(super) fn deadline(&self) -> Option<Mono> {
        self.confirm.as_ref().map(|confirm| confirm.until)
    }
}

impl Instance {
    /// Opens the window. What was committed just before and is not confirmed yet goes back with it. Gives
    /// what has to be done once the answer is on its way.
    pub(super) fn await_confirm(&self, inner: &mut Inner, undo: Vec<Undo>) -> Vec<Leaving> {
        let older: BTreeSet<LinkId> = inner.links.ids().collect();
        let earlier = inner.commit.confirm.take().map(|confirm| confirm.undo);
        let undo = undo.into_iter().rev().chain(earlier.into_iter().flatten()).collect();
        let renewals = older.iter().copied().map(Leaving::Renew).collect();
        inner.commit.confirm = Some(Confirm { until: self.host.now().mono + CONFIRM_WINDOW, older, undo });
        renewals
    }

    /// Undoes what was not confirmed in time.
    pub(super) fn undo_unconfirmed(&self, inner: &mut Inner, now: Mono, inputs: &mut VecDeque<Input>) {
        if inner.commit.deadline().is_some_and(|until| until <= now)
            && let Some(Confirm { undo, .. }) = inner.commit.confirm.take()
        {
            tracing::warn!("no controller was heard after a change that could cut the way to it: undone");
            self.commit(inner, Job::Undo(undo), inputs);
        }
    }

    pub(super) fn begin_undo(&self, inner: &mut Inner, undo: Vec<Undo>) {
        let involved = undo.iter().flat_map(|undo| &undo.parts).map(|part| part.provider).collect();
        self.occupy(inner, &involved);
        if let Some(me) = self.me.upgrade() {
            self.host.runtime.spawn(async move { me.run_undo(undo, involved).await });
        }
    }

    async fn run_undo(self: Arc<Self>, undo: Vec<Undo>, involved: BTreeSet<u16>) {
        let mut changes = ChangeSet::new();
        for Undo { changes: back, parts, keys, name } in undo {
            let lost = take_back(&self.providers, parts).await;
            if !lost.is_empty() {
                tracing::error!(lost = lost.join("; "), "an unconfirmed change could not be undone");
            }
            let Some(mut inner) = self.enter() else { return };
            let rows = Committed { keys, ..Committed::default() };
            match self.settle(&mut inner, &back, &[rows], Journal::append_own) {
                Ok(Settled { changes: applied, .. }) => {
                    changes.extend(applied);
                    self.forget_undo(&mut inner, name.as_slice());
                }
                // The system has gone back, so what the tree says is wrong.
                Err(error) => return self.cannot_remember(&mut inner, &error),
            }
        }
        self.finish_commit(Input::Changed(changes), Vec::new(), &involved);
    }
}
