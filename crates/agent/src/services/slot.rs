//! A place for one service at a time: a provider of the engine whose calls are messages to the service.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use dm::model::{Model, ModelBuilder};
use dm::path::{ObjectPath, SchemaPath};
use dm::{Code, Fault};
use engine::broker::io::{Failure, Notification, Notify as Notice};
use engine::provider::{
    Call, CommandResult, Committed, Edit, Pending, Prepared, Provider, ProviderError, Push, Report, Sink,
    Wanted,
};
use mtp::{EndpointId, LinkId};
use tokio::sync::{Notify, watch};

use super::edits::Transaction;
use super::hub::Hub;
use super::operate::{self, Completions};
use super::table::{Entry, Table};
use super::{paths, serve};
use crate::limits::{MAX_SERVICE_EVENTS, SERVICE_ANSWER};

/// The place.
pub(super) struct Slot {
    /// Which of them.
    place: usize,
    table: Arc<Table>,
    hub: Arc<OnceLock<Weak<Hub>>>,
    state: Mutex<State>,
    /// There is news, or the service has left.
    woken: Notify,
    pub(super) completions: Completions,
}

#[derive(Default)]
struct State {
    /// Taken, until its task has ended and the agent's model is without its part: what the former service had must
    /// not pass for the next one's.
    taken: bool,
    /// Its task has ended.
    ended: bool,
    /// Whoever is there.
    link: Option<LinkId>,
    /// Its name.
    endpoint: Option<EndpointId>,
    /// What it has registered.
    parts: Vec<SchemaPath>,
    /// What they are, as far as it has said.
    model: Arc<Model>,
    /// The parts that it has said it of.
    described: Vec<SchemaPath>,
    /// Whose parts the agent's model was given last.
    given: Option<Entry>,
    /// Whether it has taken all subscriptions, so that it tells what changes.
    tells: bool,
    sink: Option<Sink>,
    news: News,
}

impl State {
    fn owns(&self, object: &SchemaPath) -> bool {
        self.parts.iter().any(|part| object.as_str().starts_with(part.as_str()))
    }

    /// What the table says once the model has what this place has now.
    fn entry(&self) -> Option<Entry> {
        let known = |part: &&SchemaPath| self.described.contains(part);
        let paths: Vec<SchemaPath> = self.parts.iter().filter(known).cloned().collect();
        let endpoint = self.endpoint.clone().filter(|_| !paths.is_empty())?;
        Some(Entry { endpoint, paths })
    }
}

/// What the service's task has to see to.
#[derive(Default)]
pub(super) struct News {
    /// The parts that are registered now, if they are others than before.
    pub(super) parts: Option<Vec<SchemaPath>>,
    /// Objects in which something changed.
    pub(super) dirty: BTreeSet<SchemaPath>,
    /// Events.
    pub(super) events: VecDeque<Push>,
}

impl Slot {
    pub(super) fn new(place: usize, hub: Arc<OnceLock<Weak<Hub>>>, table: Arc<Table>) -> Slot {
        let (state, woken, completions) = (Mutex::default(), Notify::new(), Completions::default());
        Slot { place, table, hub, state, woken, completions }
    }

    pub(super) fn join(&self, hub: &Arc<Hub>) {
        // All slots share it: the first one tells all.
        let _ = self.hub.set(Arc::downgrade(hub));
    }

    /// Takes the place for a service, unless it is taken.
    pub(super) fn take(&self, link: LinkId, endpoint: &EndpointId) -> bool {
        let mut state = self.state();
        if state.taken {
            return false;
        }
        (state.taken, state.link, state.endpoint) = (true, Some(link), Some(endpoint.clone()));
        true
    }

    /// The service has left. Its part goes with the next look at the model.
    pub(super) fn leave(&self) {
        let mut state = self.state();
        (state.link, state.model, state.news) = (None, Arc::default(), News::default());
        state.tells = false;
        state.parts.clear();
        state.described.clear();
        drop(state);
        self.completions.leave();
        self.woken.notify_one();
    }

    /// The service's task ends: the next one may come as soon as the agent's model is without its part.
    pub(super) fn free(&self) {
        self.state().ended = true;
    }

    pub(super) fn registered(&self, paths: Vec<SchemaPath>) {
        let mut state = self.state();
        state.parts.extend(paths);
        state.news.parts = Some(state.parts.clone());
        self.woken.notify_one();
    }

    pub(super) fn deregistered(&self, paths: &[SchemaPath]) {
        let mut state = self.state();
        state.parts.retain(|part| !paths.contains(part));
        state.news.parts = Some(state.parts.clone());
        self.woken.notify_one();
    }

    /// The service has said what these parts are.
    pub(super) fn describe(&self, model: Arc<Model>, parts: &[SchemaPath]) {
        let mut state = self.state();
        (state.model, state.described) = (model, parts.to_vec());
    }

    /// Whether the service has taken all subscriptions. What it does not tell has to be asked for.
    pub(super) fn tells(&self, all: bool) {
        self.state().tells = all;
    }

    /// What has come up; `None` once the service has left.
    pub(super) async fn news(&self) -> Option<News> {
        loop {
            {
                let mut state = self.state();
                state.link?;
                let news = std::mem::take(&mut state.news);
                if news.parts.is_some() || !news.dirty.is_empty() || !news.events.is_empty() {
                    return Some(news);
                }
            }
            self.woken.notified().await;
        }
    }

    pub(super) fn sink(&self) -> Option<Sink> {
        self.state().sink.clone()
    }

    pub(super) fn model(&self) -> Arc<Model> {
        self.state().model.clone()
    }

    /// The service notifies. What it says of others' parts is not believed.
    pub(super) fn notified(&self, notice: Notice) {
        match notice.notification {
            Some(Notification::ValueChange(change)) => {
                let object = change.param_path.rsplit_once('.').map_or("", |(object, _)| object);
                self.soil(&format!("{object}."));
            }
            Some(Notification::ObjCreation(creation)) => self.soil(&creation.obj_path),
            Some(Notification::ObjDeletion(deletion)) => self.soil(&deletion.obj_path),
            Some(Notification::Event(event)) => {
                let Some((object, keys)) = self.own(&event.obj_path) else { return };
                let params = event.params.into_iter().collect();
                self.raise(Push::Event { object, keys, name: event.event_name, params });
            }
            Some(Notification::OperComplete(complete)) => {
                let path = format!("{}{}", complete.obj_path, complete.command_name);
                let result = match complete.status() {
                    Ok(outputs) => {
                        let outputs = outputs.map(|outputs| outputs.output_args.clone());
                        Ok(outputs.unwrap_or_default().into_iter().collect())
                    }
                    Err(failure) => Err(Fault::new(Code(failure.err_code), failure.err_msg.clone())),
                };
                self.completions.complete(&path, &complete.command_key, result);
            }
            Some(Notification::OnBoardReq(_)) | None => {}
        }
    }

    fn soil(&self, path: &str) {
        let Some((object, _)) = self.own(path) else { return };
        let mut state = self.state();
        if state.model.find(&object).is_some() {
            state.news.dirty.insert(object);
            self.woken.notify_one();
        }
    }

    fn raise(&self, event: Push) {
        let mut state = self.state();
        if state.news.events.len() >= MAX_SERVICE_EVENTS {
            return tracing::warn!("a USP Service raises more events than can be told");
        }
        state.news.events.push_back(event);
        self.woken.notify_one();
    }

    /// Object and keys of an instance path, if it is the service's own.
    fn own(&self, path: &str) -> Option<(SchemaPath, Vec<engine::provider::RowKey>)> {
        let (object, keys) = paths::split(&ObjectPath::parse(path).ok()?);
        self.state().owns(&object).then_some((object, keys))
    }

    /// The service that is there, if these objects are its own: until the model follows, they may be those of the
    /// one that was here before.
    pub(super) fn owner<'a>(
        &self,
        objects: impl IntoIterator<Item = &'a SchemaPath>,
    ) -> Result<(Arc<Hub>, LinkId), Fault> {
        let hub = self.hub.get().and_then(Weak::upgrade);
        let state = self.state();
        let owns = objects.into_iter().all(|object| state.owns(object));
        hub.zip(state.link).filter(|_| owns).ok_or_else(|| Failure::Gone.fault())
    }

    /// The service that is there.
    fn service(&self) -> Result<(Arc<Hub>, LinkId), Fault> {
        let hub = self.hub.get().and_then(Weak::upgrade);
        hub.zip(self.state().link).ok_or_else(|| Failure::Gone.fault())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Provider for Slot {
    fn name(&self) -> &'static str {
        "usp-service"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        let mut state = self.state();
        state.given = state.entry();
        let left_out: usize = state.parts.iter().map(|part| model.take_remote(&state.model, part)).sum();
        if left_out > 0 {
            tracing::warn!(left_out, "there is no room for all that a USP Service supports");
        }
    }

    fn in_effect(&self) {
        let given = {
            let mut state = self.state();
            if state.ended && state.given.is_none() {
                (state.taken, state.ended) = (false, false);
            }
            state.given.clone()
        };
        self.table.put(self.place, given);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        self.state().parts.clone()
    }

    fn counts_rows(&self) -> bool {
        true
    }

    fn max_age(&self) -> Duration {
        Duration::ZERO
    }

    fn refresh<'a>(&'a self, want: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(async move {
            if want.is_empty() {
                return Ok(Report::default());
            }
            let failed = |fault: Fault| ProviderError(fault.message);
            let (hub, link) = self.owner(want).map_err(failed)?;
            serve::read(&hub, link, &self.model(), want, SERVICE_ANSWER).await.map_err(failed)
        })
    }

    fn reads_parts(&self) -> bool {
        true
    }

    fn read<'a>(&'a self, want: &'a [Wanted]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(async move {
            let failed = |fault: Fault| ProviderError(fault.message);
            let objects = want.iter().map(|wanted| &wanted.object);
            let (hub, link) = self.owner(objects).map_err(failed)?;
            serve::read_parts(&hub, link, &self.model(), want).await.map_err(failed)
        })
    }

    fn watch(&self, sink: Sink) -> bool {
        self.state().sink = Some(sink);
        true
    }

    fn sees_changes(&self) -> bool {
        self.state().tells
    }

    fn prepare<'a>(&'a self, changes: &'a [Edit]) -> Pending<'a, Result<Prepared, Fault>> {
        Box::pin(async move {
            let (hub, link) = self.owner(changes.iter().map(object_of))?;
            let transaction = Transaction::prepare(&hub, link, changes).await?;
            Ok(Prepared(Box::new(transaction)))
        })
    }

    fn commit<'a>(&'a self, prepared: &'a mut Prepared) -> Pending<'a, Result<Committed, Fault>> {
        Box::pin(async move {
            let (hub, _) = self.service()?;
            match prepared.0.downcast_mut::<Transaction>() {
                Some(transaction) => transaction.commit(&hub).await,
                None => Ok(Committed::default()),
            }
        })
    }

    fn abort(&self, prepared: Prepared) -> Pending<'_, Result<(), Fault>> {
        Box::pin(async move {
            match prepared.0.downcast::<Transaction>() {
                Ok(transaction) => match self.service() {
                    Ok((hub, _)) => transaction.undo(&hub).await,
                    Err(_) if !transaction.is_done() => Ok(()),
                    Err(fault) => Err(fault),
                },
                Err(_) => Ok(()),
            }
        })
    }

    fn operate(&self, call: Call, cancelled: watch::Receiver<bool>) -> Pending<'_, CommandResult> {
        Box::pin(operate::operate(self, call, cancelled))
    }
}

fn object_of(edit: &Edit) -> &SchemaPath {
    match edit {
        Edit::Set { object, .. } | Edit::Add { object, .. } | Edit::Delete { object, .. } => object,
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("parts", &self.state().parts).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dm::model::ModelBuilder;
    use dm::path::SchemaPath;
    use dm::schema::Protocol;
    use engine::provider::Provider as _;
    use mtp::{EndpointId, LinkId};

    use super::{Slot, Table};

    #[test]
    fn what_the_former_service_had_is_not_the_next_ones() {
        let path = |text: &str| SchemaPath::parse(text).expect("a path");
        let endpoint = EndpointId::receive("proto::one").expect("an endpoint id");
        let slot = Slot::new(0, Arc::default(), Arc::new(Table::new(None)));
        assert!(slot.take(LinkId(1), &endpoint));
        slot.registered(vec![path("Device.X_A.")]);
        assert!(slot.state().owns(&path("Device.X_A.Row.{i}.")));
        slot.leave();
        slot.free();
        assert!(!slot.take(LinkId(2), &endpoint), "the agent's model may still have its part");
        slot.supported(&mut ModelBuilder::new("", Protocol::Usp));
        slot.in_effect();
        assert!(slot.take(LinkId(2), &endpoint));
        slot.registered(vec![path("Device.X_B.")]);
        assert!(slot.state().owns(&path("Device.X_B.")));
        assert!(!slot.state().owns(&path("Device.X_A.Row.{i}.")));
    }
}
