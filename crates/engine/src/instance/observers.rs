//! Those in the host who follow tables: which connections there should be, for one.

use dm::model::Model;
use dm::path::ObjectPath;
use dm::tree::{ChangeSet, Happening, Place};
use tokio::sync::watch;

use super::Instance;
use crate::shift::Shift;

/// Who is told, each for one part of the tree.
#[derive(Default)]
pub(super) struct Observers(Vec<(Place, watch::Sender<u64>)>);

impl Observers {
    /// Goes over to the next model.
    pub(super) fn shift(&mut self, shift: &Shift<'_>) {
        let observers = std::mem::take(&mut self.0).into_iter();
        self.0 = observers.filter_map(|(part, observer)| Some((shift.place(&part)?, observer))).collect();
    }

    /// Tells those whose part has changed.
    pub(super) fn tell(&mut self, model: &Model, changes: &ChangeSet) {
        self.0.retain(|(_, observer)| !observer.is_closed());
        for (part, observer) in &self.0 {
            let touches = changes.iter().any(|happening| {
                let (Happening::Changed { place, .. }
                | Happening::Created(place)
                | Happening::Deleted(place)) = happening;
                place.is_within(model, part)
            });
            if touches {
                observer.send_modify(|count| *count += 1);
            }
        }
    }
}

impl Instance {
    /// Counts the changes of a table, or of an object with all below it, from now on: of a provider's part, those that
    /// it reports. None if the model has no such place, or the instance has stopped.
    pub fn follow(&self, part: &ObjectPath) -> Option<watch::Receiver<u64>> {
        let mut inner = self.enter()?;
        let part = Place::of(inner.kind.model(), part)?;
        let (observer, changes) = watch::channel(0);
        inner.observers.0.push((part, observer));
        Some(changes)
    }

    /// Ready when what has happened so far is on stable storage, and what waited for that is on its way. Also
    /// when it never will be.
    pub async fn settled(&self) {
        let position = self.journal.appended();
        let is_out = || self.enter().is_none_or(|inner| inner.links.held() == 0);
        self.until(|| self.journal.failure().is_some() || self.journal.is_synced(position) && is_out()).await;
    }
}
