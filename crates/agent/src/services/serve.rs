//! The task of one service: it asks what the registered parts are, subscribes to what happens in them, and
//! brings news to the engine. However fast a service notifies, an object is read once at a time.

use std::collections::BTreeSet;
use std::sync::Arc;

use dm::model::Model;
use dm::operation::{Get, ObjectValues, Operation, Outcome, Requested};
use dm::path::SchemaPath;
use dm::{Code, Fault};
use engine::provider::{Push, Report, Sink, Wanted};
use mtp::LinkId;

use super::hub::Hub;
use super::slot::{News, Slot};
use super::{learn, paths, report};
use crate::limits::{SERVICE_AGAIN, SERVICE_ANSWER, SERVICE_MODEL};

/// Serves until the service is gone.
pub(super) async fn serve(hub: Arc<Hub>, slot: Arc<Slot>, link: LinkId) {
    let (mut owed, mut is_mute) = (BTreeSet::new(), false);
    while let Some(News { parts, dirty, events }) = next(&slot, &mut owed).await {
        let Some(sink) = slot.sink() else { break };
        if let Some(parts) = parts {
            owed = learn(&hub, &slot, link, &parts, &sink).await;
        }
        if !dirty.is_empty() {
            let dirty: Vec<SchemaPath> = dirty.into_iter().collect();
            match read(&hub, link, &slot.model(), &dirty).await {
                Ok(report) => {
                    is_mute = false;
                    push(&sink, Push::Changed { subtrees: dirty, report }).await;
                }
                Err(fault) => {
                    // Said once, however often it is asked.
                    if !std::mem::replace(&mut is_mute, true) {
                        tracing::warn!(%fault, "news of a USP Service can't be read: it is asked again");
                    }
                    owed.extend(dirty);
                }
            }
        }
        for event in events {
            push(&sink, event).await;
        }
    }
    slot.free();
    if let Some(sink) = slot.sink() {
        push(&sink, Push::ModelChanged).await;
    }
}

/// What has come up; after a while also what could not be read: the service will not tell of it a second time.
async fn next(slot: &Slot, owed: &mut BTreeSet<SchemaPath>) -> Option<News> {
    let again = async {
        match owed.is_empty() {
            true => std::future::pending().await,
            false => tokio::time::sleep(SERVICE_AGAIN).await,
        }
    };
    let mut news = tokio::select! {
        news = slot.news() => news?,
        () = again => News::default(),
    };
    // Of parts that are others now all is read anyway.
    if news.parts.is_none() {
        news.dirty.append(owed);
    }
    Some(news)
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
    match read(hub, link, &model, parts).await {
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
) -> Result<Report, Fault> {
    report::report(model, get(hub, link, objects.iter().map(paths::all).collect()).await?)
}

/// What these objects, rows and parameters alone hold now.
pub(super) async fn read_parts(
    hub: &Hub,
    link: LinkId,
    model: &Model,
    parts: &[Wanted],
) -> Result<Report, Fault> {
    let paths = parts.iter().map(paths::exactly).collect::<Result<_, _>>()?;
    let mut results = get(hub, link, paths).await?;
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
) -> Result<Vec<Requested<Vec<ObjectValues>>>, Fault> {
    match hub.ask(link, Operation::Get(Get { paths, max_depth: 0 }), SERVICE_ANSWER).await? {
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
