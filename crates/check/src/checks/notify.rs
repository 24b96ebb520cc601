//! Subscriptions and notifications.

use std::time::Duration;

use tokio::time::Instant;
use usp_proto::notify::Notification;

use super::{Check, check, should};
use crate::bench::{Bench, News, Row, Subject};
use crate::limits;
use crate::target::{CONTROLLER, SUBSCRIPTION};
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(
        recipient,
        "R-NOT.0-recipient",
        [Subscriptions],
        "The recipient of a subscription is the controller that made it."
    ),
    check!(
        disabled_first,
        "R-NOT.0-enable-is-false",
        [Subscriptions],
        "A subscription whose Enable is not given is disabled."
    ),
    check!(once, "R-NOT.0-reference-list-is-fixed", [Subscriptions], "The ReferenceList can't be changed."),
    check!(unique, "R-NOT.0-id-is-unique", [Subscriptions], "A controller has one subscription of an ID."),
    check!(
        change,
        "R-NOT.0-value-change",
        [Subscriptions],
        "A ValueChange names the parameter and its new value."
    ),
    check!(
        search,
        "R-NOT.0-value-change-by-object",
        [Subscriptions],
        "A subscription to an object hears of its parameters."
    ),
    check!(creation, "R-NOT.0-object-creation", [Subscriptions], "An ObjectCreation names the new row."),
    check!(
        creation_keys,
        "R-NOT.0-object-creation-keys",
        [Subscriptions],
        "An ObjectCreation gives the unique keys of the new row."
    ),
    check!(
        deletion,
        "R-NOT.0-object-deletion",
        [Subscriptions],
        "An ObjectDeletion names the row that went."
    ),
    check!(disabled, "R-NOT.0-disabled-is-silent", [Subscriptions], "A disabled subscription says nothing."),
    check!(
        no_response,
        "R-NOT.0-no-retry-wants-no-answer",
        [Subscriptions],
        "Without NotifRetry a notification is not sent again."
    ),
    should!(in_time, "R-NOT.0a-in-time", [Subscriptions], "A change is notified within ten seconds."),
    check!(
        retry,
        "R-NOT.1-first-retry",
        [Subscriptions],
        "A notification without its answer is sent again after 5 to 10 seconds."
    ),
    check!(
        delivered,
        "R-NOT.3-delivered",
        [Subscriptions],
        "A notification that was answered is not sent again."
    ),
    check!(id, "R-NOT.7-subscription-id", [Subscriptions], "A notification has the ID of its subscription."),
    should!(
        any_id,
        "R-NOT.9-other-subscription-id",
        [Subscriptions],
        "The subscription id of a NotifyResp does not matter."
    ),
];

/// Beyond the window of the first retry.
pub(super) const RETRIED: Duration = Duration::from_secs(11);

/// A parameter, and a subscription that hears of its changes.
pub(super) async fn watched(bench: &mut Bench, retry: bool) -> Result<(Subject, Row), Stop> {
    let subject = bench.subject().await?;
    let watch = bench.subscribe("ValueChange", &subject.path(), retry).await?;
    Ok((subject, watch))
}

/// Changes it.
pub(super) async fn touch(bench: &mut Bench, subject: &Subject) -> Result<(), Stop> {
    set_to(bench, subject, false).await
}

/// Changes it, or changes it once more.
pub(super) async fn set_to(bench: &mut Bench, subject: &Subject, second: bool) -> Result<(), Stop> {
    match bench.set(false, &[(subject.object(), &[subject.setting(second)])]).await? {
        Ok(_) => Ok(()),
        Err(error) => {
            let path = subject.path();
            Err(Stop::Error(format!("{path} can't be set: {} {}", error.err_code, error.err_msg)))
        }
    }
}

pub(super) fn kind(news: &News, expected: &str) -> Stop {
    let seen = news.notify.notification.as_ref().map_or("none", |what| what.name());
    Stop::fail("the kind of the notification", expected, seen)
}

async fn recipient(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let path = bench.value(&row.param("Recipient")).await?.unwrap_or_default();
    let dot = if path.ends_with('.') { "" } else { "." };
    let seen = bench.value(&format!("{path}{dot}EndpointID")).await?;
    same("EndpointID of the recipient", &Some(bench.controller().as_str().to_owned()), &seen)
}

async fn disabled_first(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    same("Enable of a new row", &Some(false), &bench.flag(&row.param("Enable")).await?)
}

async fn once(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let path = row.param("ReferenceList");
    let before = bench.value(&path).await?;
    let _ = bench.set(true, &[(&row.path, &[("ReferenceList", "Device.LocalAgent.", true)])]).await?;
    same("ReferenceList after a Set", &before, &bench.value(&path).await?)
}

async fn unique(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let settings = [("ID", row.id.as_str(), true), ("NotifType", "ValueChange", true)];
    let _ = bench.add(true, &[(SUBSCRIPTION, &settings)]).await?;
    same("rows of this ID", &vec![row.path.clone()], &bench.rows(&row.search()).await?)
}

pub(super) async fn hear_change(bench: &mut Bench, subject: &Subject, watch: &Row) -> Result<(), Stop> {
    let news = bench.must_hear(limits::NEWS, &watch.id).await?;
    let Notification::ValueChange(change) = news.what()? else { return Err(kind(&news, "ValueChange")) };
    let expected = (subject.path(), subject.value().to_owned());
    same("the parameter and its value", &expected, &(change.param_path.clone(), change.param_value.clone()))
}

async fn change(bench: &mut Bench) -> Result<(), Stop> {
    let (row, watch) = watched(bench, false).await?;
    touch(bench, &row).await?;
    hear_change(bench, &row, &watch).await
}

async fn search(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.subject().await?;
    let watch = bench.subscribe("ValueChange", row.object(), false).await?;
    touch(bench, &row).await?;
    hear_change(bench, &row, &watch).await
}

async fn created(bench: &mut Bench) -> Result<(Row, News), Stop> {
    let watch = bench.subscribe("ObjectCreation", SUBSCRIPTION, false).await?;
    let row = bench.row().await?;
    Ok((row, bench.must_hear(limits::NEWS, &watch.id).await?))
}

async fn creation(bench: &mut Bench) -> Result<(), Stop> {
    let (row, news) = created(bench).await?;
    let Notification::ObjCreation(creation) = news.what()? else { return Err(kind(&news, "ObjectCreation")) };
    same("the row", &row.path, &creation.obj_path)
}

async fn creation_keys(bench: &mut Bench) -> Result<(), Stop> {
    let (row, news) = created(bench).await?;
    let Notification::ObjCreation(creation) = news.what()? else { return Err(kind(&news, "ObjectCreation")) };
    same("its key ID", &Some(&row.id), &creation.unique_keys.get("ID"))
}

async fn deletion(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let watch = bench.subscribe("ObjectDeletion", &row.path, false).await?;
    let _ = bench.delete(vec![row.path.clone()], false).await?;
    let news = bench.must_hear(limits::NEWS, &watch.id).await?;
    let Notification::ObjDeletion(deletion) = news.what()? else { return Err(kind(&news, "ObjectDeletion")) };
    same("the row", &row.path, &deletion.obj_path)
}

pub(super) async fn quiet(bench: &mut Bench, watch: &Row, patience: Duration) -> Result<(), Stop> {
    let news = bench.news_of(patience, &watch.id).await?;
    holds(news.is_none(), "notifications", || "none".to_owned(), || "one".to_owned())
}

async fn disabled(bench: &mut Bench) -> Result<(), Stop> {
    let (row, watch) = watched(bench, false).await?;
    if bench.set(false, &[(&watch.path, &[("Enable", "false", true)])]).await?.is_err() {
        return Err(Stop::Error("a subscription can't be disabled".to_owned()));
    }
    bench.adopted().await?;
    touch(bench, &row).await?;
    quiet(bench, &watch, limits::NEWS).await
}

async fn no_response(bench: &mut Bench) -> Result<(), Stop> {
    bench.leave_unanswered();
    let (row, watch) = watched(bench, false).await?;
    touch(bench, &row).await?;
    bench.must_hear(limits::NEWS, &watch.id).await?;
    quiet(bench, &watch, RETRIED).await
}

async fn in_time(bench: &mut Bench) -> Result<(), Stop> {
    let (row, watch) = watched(bench, false).await?;
    touch(bench, &row).await?;
    let began = Instant::now();
    let news = bench.must_hear(2 * limits::NEWS, &watch.id).await?;
    let took = news.at.saturating_duration_since(began);
    holds(
        took <= limits::IN_TIME,
        "when it came",
        || "within 10 s".to_owned(),
        || format!("{:.1} s", took.as_secs_f64()),
    )
}

/// The windows that are looked at are those of the default settings.
pub(super) async fn usual_retries(bench: &mut Bench) -> Result<(), Stop> {
    let own = format!("{CONTROLLER}[EndpointID==\"{}\"].USPNotifRetry", bench.controller());
    for (param, usual) in [("MinimumWaitInterval", "5"), ("IntervalMultiplier", "2000")] {
        let seen = bench.value(&format!("{own}{param}")).await?;
        if seen.as_deref().is_some_and(|seen| seen != usual) {
            return Err(Stop::Skip(format!("USPNotifRetry{param} of the controller is not {usual}")));
        }
    }
    Ok(())
}

async fn retry(bench: &mut Bench) -> Result<(), Stop> {
    usual_retries(bench).await?;
    bench.leave_unanswered();
    let (row, watch) = watched(bench, true).await?;
    touch(bench, &row).await?;
    let first = bench.must_hear(limits::NEWS, &watch.id).await?;
    let second = bench.must_hear(2 * RETRIED, &watch.id).await?;
    bench.acknowledge(&second, &watch.id)?;
    within(first.at, second.at, 5, 10)
}

/// The window of a retry, seconds.
pub(super) fn within(from: Instant, to: Instant, least: u32, most: u32) -> Result<(), Stop> {
    let wait = to.saturating_duration_since(from).as_secs_f64();
    let (early, late) = limits::RETRY_TOLERANCE;
    holds(
        (f64::from(least) - early..=f64::from(most) + late).contains(&wait),
        "the wait before the retry",
        || format!("{least} to {most} s"),
        || format!("{wait:.1} s"),
    )
}

async fn delivered_under(bench: &mut Bench, other: Option<&str>) -> Result<(), Stop> {
    bench.leave_unanswered();
    let (row, watch) = watched(bench, true).await?;
    touch(bench, &row).await?;
    let news = bench.must_hear(limits::NEWS, &watch.id).await?;
    bench.acknowledge(&news, other.unwrap_or(&watch.id))?;
    quiet(bench, &watch, RETRIED).await
}

async fn delivered(bench: &mut Bench) -> Result<(), Stop> {
    delivered_under(bench, None).await
}

async fn any_id(bench: &mut Bench) -> Result<(), Stop> {
    delivered_under(bench, Some("another")).await
}

async fn id(bench: &mut Bench) -> Result<(), Stop> {
    let (row, watch) = watched(bench, false).await?;
    touch(bench, &row).await?;
    let path = row.path();
    let is_it = |notify: &usp_proto::notify::Notify| matches!(&notify.notification, Some(Notification::ValueChange(change)) if change.param_path == path);
    let news = bench.news(limits::NEWS, is_it).await?;
    same("subscription_id", &Some(watch.id), &news.map(|news| news.notify.subscription_id))
}
