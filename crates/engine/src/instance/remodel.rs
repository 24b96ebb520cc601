//! Another supported model while the instance runs: USP Services come and go.
//!
//! Everything that is kept by place is taken along by name. What a vanished part still held, or one that another
//! provider has now, is deleted first, under the old model, so that those who follow it hear of that; what a new
//! part holds is reported afterwards by its provider.

use std::sync::Arc;

use usp_endpoint::agent::io::Input;

use super::{Inner, Instance};
use crate::shift::Shift;

impl Instance {
    /// Asks the providers again what they support, and goes over to that. Not while a transaction is under way:
    /// its places are those of the old model.
    pub(super) async fn remodel(&self) {
        loop {
            self.until(|| self.enter().is_none_or(|inner| inner.commit.is_idle())).await;
            let Some(mut inner) = self.enter() else { return };
            if inner.commit.is_idle() && self.remodel_now(&mut inner) {
                return;
            }
        }
    }

    /// False if the deletions that it told set off something that has to end first. Within one lock: of two that
    /// ask at the same time the later one must win.
    fn remodel_now(&self, inner: &mut Inner) -> bool {
        let kind = match inner.kind.anew(&self.providers) {
            Ok(kind) => Arc::new(kind),
            Err(error) => {
                tracing::error!(%error, "the supported model stays as it was");
                return true;
            }
        };
        let old = inner.kind.clone();
        let shift = Shift::new(&old, &kind);
        if kind.model() == old.model() && !shift.moves() {
            inner.kind = kind;
            // Who told of changes may do so no longer.
            if inner.next_poll.is_none() {
                self.begin_polling(inner);
                self.set_timer(inner);
            }
            self.tell_in_effect();
            return true;
        }
        let vanished = shift.vanished(&inner.tree);
        if !vanished.is_empty() {
            let deleted = inner.tree.apply(&vanished);
            self.drive(inner, Input::Changed(deleted));
            if !inner.commit.is_idle() {
                return false;
            }
        }
        inner.tree = shift.tree(&inner.tree);
        inner.keys = inner.keys.shifted(&shift);
        inner.aliases = shift.places(&inner.aliases);
        inner.observers.shift(&shift);
        inner.refresh.shift(&shift);
        inner.commit.shift(&shift);
        inner.watched.clear();
        inner.kind = kind;
        self.drive(inner, Input::ModelChanged);
        self.tell_in_effect();
        true
    }

    fn tell_in_effect(&self) {
        self.providers.iter().for_each(|provider| provider.in_effect());
    }
}
