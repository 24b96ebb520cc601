//! The task of one service: it asks what the registered parts are, subscribes to what happens in them, and
//! brings news to the engine. However fast a service notifies, an object is read once at a time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dm::model::Model;
use dm::operation::{Get, ObjectValues, Operation, Outcome, Requested};
use dm::path::SchemaPath;
use dm::{Code, Fault};
use engine::provider::{Push, Report, Sink, Wanted};
use mtp::LinkId;
use tokio::time::Instant;

use super::hub::Hub;
use super::slot::{News, Slot};
use super::{learn, paths, report};
use crate::limits::{SERVICE_AGAIN, SERVICE_AGAIN_LONGEST, SERVICE_ANSWER, SERVICE_MODEL};

/// Serves until the service is gone.
pub(super) async fn serve(hub: Arc<Hub>, slot: Arc<Slot>, link: LinkId) {
    let mut owed = Owed::default();
    while let Some(News { parts, dirty, events }) = next(&slot, &owed).await {
        let Some(sink) = slot.sink() else { break };
        let is_news = parts.is_some() || !dirty.is_empty() || !events.is_empty();
        if let Some(parts) = parts {
            // Of parts that are others now all is read anyway.
            owed = Owed::default();
            owed.add(learn(&hub, &slot, link, &parts, &sink).await);
        }
        let model = slot.model();
        // What was told of a part that has gone since is nobody's.
        let dirty: Vec<SchemaPath> = dirty.into_iter().filter(|path| model.find(path).is_some()).collect();
        if !dirty.is_empty() {
            match read(&hub, link, &model, &dirty, SERVICE_ANSWER).await {
                Ok(report) => push(&sink, Push::Changed { subtrees: dirty, report }).await,
                Err(fault) => {
                    tracing::warn!(%fault, "news of a USP Service can't be read: it is asked again");
                    owed.add(dirty);
                }
            }
        }
        for event in events {
            push(&sink, event).await;
        }
        if !is_news {
            owed.ask(&hub, &slot, link, &sink).await;
        }
    }
    slot.free();
    if let Some(sink) = slot.sink() {
        push(&sink, Push::ModelChanged).await;
    }
}

/// What could not be read when it was told, and is asked for again: the service will not tell of it a second time.
#[derive(Default)]
struct Owed {
    paths: BTreeSet<SchemaPath>,
    /// How often all of it has been asked for.
    rounds: u32,
    /// When it is asked for again.
    due: Option<Instant>,
}

impl Owed {
    fn add(&mut self, paths: impl IntoIterator<Item = SchemaPath>) {
        self.paths.extend(paths);
        self.rounds = 0;
        self.set_due();
    }

    fn set_due(&mut self) {
        let wait = SERVICE_AGAIN.saturating_mul(1 << self.rounds.min(6)).min(SERVICE_AGAIN_LONGEST);
        self.due = (!self.paths.is_empty()).then(|| Instant::now() + wait);
    }

    /// One by one, so that what can't be read holds up nothing else, and with more patience: who is slow is not to be
    /// taken for one who does not answer.
    async fn ask(&mut self, hub: &Hub, slot: &Slot, link: LinkId, sink: &Sink) {
        let model = slot.model();
        for path in std::mem::take(&mut self.paths) {
            if model.find(&path).is_none() {
                continue;
            }
            match read(hub, link, &model, std::slice::from_ref(&path), SERVICE_MODEL).await {
                Ok(report) => push(sink, Push::Changed { subtrees: vec![path], report }).await,
                Err(_) => drop(self.paths.insert(path)),
            }
        }
        self.rounds += 1;
        self.set_due();
    }
}

/// What has come up; nothing, when it is time to ask for what could not be read.
async fn next(slot: &Slot, owed: &Owed) -> Option<News> {
    let again = async {
        match owed.due {
            None => std::future::pending().await,
            Some(due) => tokio::time::sleep_until(due).await,
        }
    };
    tokio::select! {
        news = slot.news() => news,
        () = again => Some(News::default()),
    }
}

/// Takes the parts that are registered now into the model, with what is in them. Gives what could not be read.
async fn learn(
    hub: &Hub,
    slot: &Slot,
    link: LinkId,
    parts: &[SchemaPath],
    sink: &Sink,
) -> BTreeSet<SchemaPath> {
    let model = match parts.is_empty() {
        true => Arc::default(),
        false => match hub.ask(link, Operation::GetSchema(learn::question(parts)), SERVICE_MODEL).await {
            Ok(Outcome::GetSchema(results)) => learn::model(parts, results),
            other => {
                let fault = other.map_or_else(|fault| fault, unexpected);
                tracing::warn!(%fault, "the model of a USP Service");
                // It may come again and register anew.
                hub.disconnect(link, "the part that is registered is not described");
                return BTreeSet::new();
            }
        },
    };
    slot.describe(model.clone(), parts);
    slot.tells(false);
    push(sink, Push::ModelChanged).await;
    if parts.is_empty() {
        return BTreeSet::new();
    }
    slot.tells(subscribe(hub, link, &model, parts).await);
    match read(hub, link, &model, parts, SERVICE_ANSWER).await {
        Ok(report) => push(sink, Push::Changed { subtrees: parts.to_vec(), report }).await,
        Err(fault) => {
            tracing::warn!(%fault, "first values of a USP Service: it is asked again");
            return parts.iter().cloned().collect();
        }
    }
    BTreeSet::new()
}

/// Subscribes at a service to what happens in its parts; whether it tells all of it from now on.
async fn subscribe(hub: &Hub, link: LinkId, model: &Model, parts: &[SchemaPath]) -> bool {
    let mut all = true;
    for operation in learn::subscriptions(model, parts) {
        // What an earlier connection left may not be there.
        let is_wanted = matches!(operation, Operation::Add(_));
        match hub.ask(link, operation, SERVICE_ANSWER).await {
            Ok(Outcome::Add(results)) => {
                for failed in results.into_iter().filter_map(|result| result.result.err()) {
                    all = false;
                    tracing::warn!(fault = %failed, "a USP Service refuses a subscription: it is asked instead");
                }
            }
            Ok(Outcome::Failed(failure)) => {
                all &= !is_wanted;
                tracing::warn!(fault = %failure.fault, "a USP Service refuses subscriptions: it is asked instead");
            }
            Ok(_) => all &= !is_wanted,
            Err(fault) => {
                all &= !is_wanted;
                tracing::warn!(%fault, "subscriptions at a USP Service");
            }
        }
    }
    all
}

/// What these objects, with all below them, hold now.
pub(super) async fn read(
    hub: &Hub,
    link: LinkId,
    model: &Model,
    objects: &[SchemaPath],
    patience: Duration,
) -> Result<Report, Fault> {
    let paths = objects.iter().map(paths::all).collect();
    report::report(model, get(hub, link, paths, patience).await?)
}

/// What these objects, rows and parameters alone hold now.
pub(super) async fn read_parts(
    hub: &Hub,
    link: LinkId,
    model: &Model,
    parts: &[Wanted],
) -> Result<Report, Fault> {
    let paths = parts.iter().map(paths::exactly).collect::<Result<_, _>>()?;
    let mut results = get(hub, link, paths, SERVICE_ANSWER).await?;
    // A row that is gone by now, or a parameter that it does not have.
    let is_there = |result: &Requested<_>| {
        result.result.as_ref().err().map(|fault| fault.code) != Some(Code::INVALID_PATH)
    };
    results.retain(is_there);
    report::report(model, results)
}

async fn get(
    hub: &Hub,
    link: LinkId,
    paths: Vec<String>,
    patience: Duration,
) -> Result<Vec<Requested<Vec<ObjectValues>>>, Fault> {
    let asked: BTreeSet<String> = paths.iter().cloned().collect();
    let answers = |results: &[Requested<_>]| {
        let told: BTreeSet<&str> = results.iter().map(|result| result.path.as_str()).collect();
        asked.iter().all(|path| told.contains(path.as_str()))
    };
    match hub.ask(link, Operation::Get(Get { paths, max_depth: 0 }), patience).await? {
        // What it says nothing of is not gone: there is a result for each path.
        Outcome::Get(results) if !answers(&results) => {
            Err(Fault::new(Code::INTERNAL_ERROR, "the USP Service answered less than it was asked"))
        }
        Outcome::Get(results) => Ok(results),
        other => Err(unexpected(other)),
    }
}

/// The fault of an outcome that is none of the asked kind.
pub(super) fn unexpected(outcome: Outcome) -> Fault {
    match outcome {
        Outcome::Failed(failure) => failure.params.iter().fold(failure.fault, |mut fault, param| {
            fault.message.push_str(&format!("; {}: {}", param.param, param.fault));
            fault
        }),
        _ => Fault::new(Code::INTERNAL_ERROR, "the USP Service answered something else"),
    }
}

async fn push(Sink(sink): &Sink, push: Push) {
    // Without its instance the agent is at its end.
    let _ = sink.send(push).await;
}
