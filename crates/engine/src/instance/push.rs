//! What providers tell unasked.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use dm::model::{Located, ObjectId};
use dm::path::{ObjectPath, SchemaPath};
use dm::tree::Place;
use tokio::sync::mpsc;
use usp_endpoint::agent::io::{Input, ModelEvent};

use super::{Inner, Instance};
use crate::limits::PUSH_QUEUE;
use crate::provider::{Push, Report, RowKey, Sink};

impl Instance {
    /// Gives each provider its sink; one that uses it gets a task.
    pub(super) fn watch_providers(&self) {
        for (index, provider) in (0..).zip(&self.providers) {
            let (sink, pushes) = mpsc::channel(PUSH_QUEUE);
            if provider.watch(Sink(sink)) {
                if let Some(mut inner) = self.enter() {
                    inner.refresh.set_pushes(index);
                }
                self.host.runtime.spawn(consume(self.me.clone(), index, pushes));
            }
        }
    }

    /// Takes a push in; not while the provider commits, because its row may be one that is being made.
    async fn pushed(&self, provider: u16, push: Push) {
        self.until(|| self.enter().is_none_or(|inner| !inner.refresh.is_blocked(provider))).await;
        let Some(mut inner) = self.enter() else { return };
        match push {
            Push::Changed { subtrees, report } => {
                let changes = self.pushed_report(&mut inner, provider, &subtrees, &report);
                self.drive_all(&mut inner, changes);
            }
            Push::Event { object, keys, name, params } => {
                let Some(object) = self.object(&inner, &object, &keys) else {
                    tracing::debug!(%object, name, "an event of an unknown row");
                    return;
                };
                self.drive(&mut inner, Input::Event(ModelEvent { object, name, params }));
            }
            Push::ModelChanged => tracing::info!("the supported model changes with the next start"),
        }
    }

    fn pushed_report(
        &self,
        inner: &mut Inner,
        provider: u16,
        subtrees: &[SchemaPath],
        report: &Report,
    ) -> VecDeque<Input> {
        inner.refresh.overtake(provider);
        let located = subtrees.iter().filter_map(|path| self.kind.model().locate(path));
        let wants: Vec<ObjectId> = located
            .filter_map(|located| match located {
                Located::Object(id) => Some(id),
                _ => None,
            })
            .collect();
        let changes = self.take_in(inner, provider, &wants, report);
        if changes.is_empty() { VecDeque::new() } else { VecDeque::from([Input::Changed(changes)]) }
    }

    /// The concrete path of a provider's object.
    fn object(&self, inner: &Inner, object: &SchemaPath, keys: &[RowKey]) -> Option<ObjectPath> {
        let model = self.kind.model();
        let mut place = Place::root();
        let mut keys = keys.iter();
        for step in model.lineage(model.find(object)?) {
            place = place.child(step.object);
            if model.object(step.object).is_multi {
                place = place.row(inner.keys.number(&place, keys.next()?)?);
            }
        }
        ObjectPath::parse(&place.text(model)).ok()
    }
}

async fn consume(instance: Weak<Instance>, provider: u16, mut pushes: mpsc::Receiver<Push>) {
    while let Some(push) = pushes.recv().await {
        let Some(instance): Option<Arc<Instance>> = instance.upgrade() else { return };
        instance.pushed(provider, push).await;
    }
}
