//! What providers tell unasked.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use dm::model::Located;
use dm::path::{ObjectPath, SchemaPath};
use tokio::sync::mpsc;
use usp_endpoint::agent::io::{Input, ModelEvent};

use super::{Inner, Instance};
use crate::limits::PUSH_QUEUE;
use crate::pointers::outputs_to_numbers;
use crate::provider::{Push, Report, Sink};
use crate::wants::Wants;

impl Instance {
    /// Gives each provider its sink; one that uses it gets a task.
    pub(super) fn watch_providers(&self) {
        for (index, provider) in (0..).zip(&self.providers) {
            let (sink, pushes) = mpsc::channel(PUSH_QUEUE);
            let sees_changes = provider.watch(Sink(sink));
            if let Some(mut inner) = self.enter().filter(|_| sees_changes) {
                inner.refresh.set_pushes(index);
            }
            // Events are told by some that see no changes.
            if sees_changes || !pushes.is_closed() {
                self.host.runtime.spawn(consume(self.me.clone(), index, pushes));
            }
        }
    }

    /// Takes a push in; not while the provider commits, because its row may be one that is being made.
    async fn pushed(&self, provider: u16, push: Push) {
        self.until(|| self.enter().is_none_or(|inner| !inner.refresh.is_blocked(provider))).await;
        if matches!(push, Push::ModelChanged) {
            return self.remodel().await;
        }
        let Some(mut inner) = self.enter() else { return };
        match push {
            Push::Changed { subtrees, report } => {
                let changes = self.pushed_report(&mut inner, provider, &subtrees, &report);
                self.drive_all(&mut inner, changes);
            }
            Push::Event { object, keys, name, mut params } => {
                let kind = inner.kind.clone();
                let model = kind.model();
                let place = inner.keys.place(model, &object, &keys);
                let path = place.and_then(|place| ObjectPath::parse(&place.text(model)).ok());
                let Some(path) = path else {
                    tracing::debug!(%object, name, "an event of an unknown row");
                    return;
                };
                outputs_to_numbers(model, &inner.keys, &mut params);
                self.drive(&mut inner, Input::Event(ModelEvent { object: path, name, params }));
            }
            Push::ModelChanged => {}
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
        let located = subtrees.iter().filter_map(|path| inner.kind.model().locate(path));
        let wants = located.filter_map(|located| match located {
            Located::Object(id) => Some(id),
            _ => None,
        });
        let wants = Wants::of(wants.collect());
        let changes = self.take_in(inner, provider, &wants, report);
        if changes.is_empty() { VecDeque::new() } else { VecDeque::from([Input::Changed(changes)]) }
    }
}

async fn consume(instance: Weak<Instance>, provider: u16, mut pushes: mpsc::Receiver<Push>) {
    while let Some(push) = pushes.recv().await {
        let Some(instance): Option<Arc<Instance>> = instance.upgrade() else { return };
        instance.pushed(provider, push).await;
    }
}
