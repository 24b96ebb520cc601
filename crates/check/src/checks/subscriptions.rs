//! Subscriptions: events, what they lead to, retries, and how they end.

use tokio::time::Instant;
use usp_proto::notify::{Event, Notification};

use super::notify::{RETRIED, hear_change, kind, quiet, set_to, touch, usual_retries, watched, within};
use super::operate::started;
use super::{Check, check, should};
use crate::bench::{Bench, News, Row, Subject};
use crate::limits;
use crate::target::{LOCAL_AGENT, SUBSCRIPTION};
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(event, "R-NOT.0-event", [Periodic, Subscriptions], "An Event names its object and itself."),
    check!(
        event_by_object,
        "R-NOT.0-event-by-object",
        [Periodic, Subscriptions],
        "A subscription to an object hears its events."
    ),
    check!(
        interval,
        "R-NOT.0-periodic-interval",
        [Periodic, Subscriptions],
        "Periodic! comes as often as the controller wants it."
    ),
    check!(
        operation_by_object,
        "R-NOT.0-operation-by-object",
        [Timer, Subscriptions],
        "A subscription to an object hears of commands below it."
    ),
    check!(
        deleted,
        "R-NOT.0-deleted-is-silent",
        [Subscriptions],
        "A subscription that was deleted says nothing."
    ),
    check!(enabled, "R-NOT.0-enabled-again", [Subscriptions], "A subscription that is enabled speaks."),
    check!(
        wants_answer,
        "R-NOT.0-retry-wants-an-answer",
        [Subscriptions],
        "With NotifRetry a notification wants an answer."
    ),
    should!(
        wants_none,
        "R-NOT.0-no-retry-sends-plain",
        [Subscriptions],
        "Without NotifRetry a notification wants no answer."
    ),
    check!(
        second_retry,
        "R-NOT.1-second-retry",
        [Subscriptions],
        "The second retry comes 10 to 20 seconds after the first."
    ),
    check!(same_content, "R-NOT.1-same-notification", [Subscriptions], "A retry says the same again."),
    check!(
        count,
        "R-NOT.3-count-starts-again",
        [Subscriptions],
        "After a delivery retries begin at 5 to 10 seconds again."
    ),
    check!(expiration, "R-NOT.2-expiration", [Subscriptions], "Retries end with NotifExpiration."),
    check!(lifetime, "R-NOT.0-time-to-live", [Subscriptions], "A subscription goes after its TimeToLive."),
    check!(
        deletion_by_wildcard,
        "R-NOT.0-deletion-by-wildcard",
        [Subscriptions],
        "An ObjectDeletion subscription by a wildcard hears of rows that come later."
    ),
    check!(
        change_by_wildcard,
        "R-NOT.0-change-by-wildcard",
        [Subscriptions],
        "A ValueChange subscription by a wildcard hears of every row."
    ),
    check!(
        change_by_search,
        "R-NOT.0-change-by-search",
        [Subscriptions],
        "A ValueChange subscription by a search hears of the row that matches."
    ),
    check!(
        no_change,
        "R-NOT.0-same-value-is-no-change",
        [Subscriptions],
        "A Set to the same value is no ValueChange."
    ),
    check!(
        two_references,
        "R-NOT.0-two-references",
        [Subscriptions],
        "A subscription hears of each entry of its list."
    ),
];

/// Subscribes to Periodic!, two seconds apart, by this reference.
async fn periodic(bench: &mut Bench, reference: &str) -> Result<Row, Stop> {
    let watch = bench.subscribe("Event", reference, false).await?;
    let own = bench.own_row().await?;
    bench.change(&own, "PeriodicNotifInterval", "2").await?;
    Ok(watch)
}

fn what(news: &News) -> Result<&Event, Stop> {
    let Notification::Event(event) = news.what()? else { return Err(kind(news, "Event")) };
    Ok(event)
}

async fn event(bench: &mut Bench) -> Result<(), Stop> {
    let watch = periodic(bench, "Device.LocalAgent.Periodic!").await?;
    let news = bench.must_hear(limits::NEWS, &watch.id).await?;
    let event = what(&news)?;
    same("the event", &(LOCAL_AGENT, "Periodic!"), &(event.obj_path.as_str(), event.event_name.as_str()))
}

async fn event_by_object(bench: &mut Bench) -> Result<(), Stop> {
    let watch = match periodic(bench, LOCAL_AGENT).await {
        // R-NOT.0: ReferenceList may be an object path for each NotifType but creation and deletion.
        Err(Stop::Error(why)) => return Err(Stop::fail("the subscription", "a row", why)),
        watch => watch?,
    };
    bench.must_hear(limits::NEWS, &watch.id).await.map(drop)
}

async fn interval(bench: &mut Bench) -> Result<(), Stop> {
    let watch = periodic(bench, "Device.LocalAgent.Periodic!").await?;
    // The first may come for an interval that began before.
    bench.must_hear(limits::NEWS, &watch.id).await?;
    let first = bench.must_hear(limits::NEWS, &watch.id).await?;
    let second = bench.must_hear(limits::NEWS, &watch.id).await?;
    let wait = second.at.saturating_duration_since(first.at).as_secs_f64();
    holds(
        (1.0..=4.0).contains(&wait),
        "time between two Periodic!",
        || "2 s".to_owned(),
        || format!("{wait:.1} s"),
    )
}

async fn operation_by_object(bench: &mut Bench) -> Result<(), Stop> {
    let watch = bench.subscribe("OperationComplete", "Device.", false).await?;
    let key = bench.next_id();
    started(&bench.operate(bench.timer(&key, "1")).await?)?;
    let news = bench.must_hear(limits::NEWS, &watch.id).await?;
    let Notification::OperComplete(complete) = news.what()? else {
        return Err(kind(&news, "OperationComplete"));
    };
    same("the key of the command", &key, &complete.command_key)
}

async fn deleted(bench: &mut Bench) -> Result<(), Stop> {
    let (row, watch) = watched(bench, false).await?;
    let _ = bench.delete(vec![watch.path.clone()], false).await?;
    bench.adopted().await?;
    touch(bench, &row).await?;
    quiet(bench, &watch, limits::NEWS).await
}

async fn enabled(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.subject().await?;
    let path = row.path();
    let params = [("NotifType", "ValueChange"), ("ReferenceList", path.as_str())];
    let watch = bench.subscription(&params).await?;
    if bench.set(false, &[(&watch.path, &[("Enable", "true", true)])]).await?.is_err() {
        return Err(Stop::Error("a subscription can't be enabled".to_owned()));
    }
    bench.adopted().await?;
    touch(bench, &row).await?;
    hear_change(bench, &row, &watch).await
}

async fn send_resp(bench: &mut Bench, retry: bool) -> Result<bool, Stop> {
    let (row, watch) = watched(bench, retry).await?;
    touch(bench, &row).await?;
    Ok(bench.must_hear(limits::NEWS, &watch.id).await?.notify.send_resp)
}

async fn wants_answer(bench: &mut Bench) -> Result<(), Stop> {
    same("send_resp", &true, &send_resp(bench, true).await?)
}

async fn wants_none(bench: &mut Bench) -> Result<(), Stop> {
    same("send_resp", &false, &send_resp(bench, false).await?)
}

/// Leaves a notification unanswered until it came this often.
async fn tries(bench: &mut Bench, watch: &Row, times: usize) -> Result<Vec<News>, Stop> {
    let mut heard = Vec::with_capacity(times);
    for _ in 0..times {
        heard.push(bench.must_hear(3 * RETRIED, &watch.id).await?);
    }
    Ok(heard)
}

async fn second_retry(bench: &mut Bench) -> Result<(), Stop> {
    usual_retries(bench).await?;
    bench.leave_unanswered();
    let (row, watch) = watched(bench, true).await?;
    touch(bench, &row).await?;
    let heard = tries(bench, &watch, 3).await?;
    bench.acknowledge(&heard[2], &watch.id)?;
    within(heard[1].at, heard[2].at, 10, 20)
}

async fn same_content(bench: &mut Bench) -> Result<(), Stop> {
    bench.leave_unanswered();
    let (row, watch) = watched(bench, true).await?;
    touch(bench, &row).await?;
    let heard = tries(bench, &watch, 2).await?;
    bench.acknowledge(&heard[1], &watch.id)?;
    same("the second try", &heard[0].notify, &heard[1].notify)
}

async fn count(bench: &mut Bench) -> Result<(), Stop> {
    usual_retries(bench).await?;
    bench.leave_unanswered();
    let (row, watch) = watched(bench, true).await?;
    touch(bench, &row).await?;
    let heard = tries(bench, &watch, 3).await?;
    bench.acknowledge(&heard[2], &watch.id)?;
    set_to(bench, &row, true).await?;
    let heard = tries(bench, &watch, 2).await?;
    bench.acknowledge(&heard[1], &watch.id)?;
    within(heard[0].at, heard[1].at, 5, 10)
}

async fn expiration(bench: &mut Bench) -> Result<(), Stop> {
    bench.leave_unanswered();
    let row = bench.subject().await?;
    let more = [("NotifRetry", "true"), ("NotifExpiration", "4")];
    let watch = bench.subscribe_with("ValueChange", &row.path(), &more).await?;
    touch(bench, &row).await?;
    bench.must_hear(limits::NEWS, &watch.id).await?;
    // The first retry would come after five seconds at the earliest.
    quiet(bench, &watch, RETRIED).await
}

async fn lifetime(bench: &mut Bench) -> Result<(), Stop> {
    let watch = bench.subscribe_with("ValueChange", SUBSCRIPTION, &[("TimeToLive", "2")]).await?;
    let deadline = Instant::now() + limits::NEWS;
    while bench.rows(SUBSCRIPTION).await?.contains(&watch.path) {
        if Instant::now() >= deadline {
            return Err(Stop::fail("the row of the subscription", "gone after 2 s", "still there"));
        }
        bench.pause(limits::POLL).await?;
    }
    Ok(())
}

async fn deletion_by_wildcard(bench: &mut Bench) -> Result<(), Stop> {
    let watch = bench.subscribe("ObjectDeletion", &format!("{SUBSCRIPTION}*."), false).await?;
    let row = bench.row().await?;
    let _ = bench.delete(vec![row.path.clone()], false).await?;
    let news = bench.must_hear(limits::NEWS, &watch.id).await?;
    let Notification::ObjDeletion(deletion) = news.what()? else { return Err(kind(&news, "ObjectDeletion")) };
    same("the row", &row.path, &deletion.obj_path)
}

async fn change_by(bench: &mut Bench, row: &Row, reference: &str) -> Result<(), Stop> {
    let watch = bench.subscribe("ValueChange", reference, false).await?;
    touch(bench, &Subject::of(row)).await?;
    hear_change(bench, &Subject::of(row), &watch).await
}

async fn change_by_wildcard(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    change_by(bench, &row, &format!("{SUBSCRIPTION}*.TimeToLive")).await
}

async fn change_by_search(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    change_by(bench, &row, &format!("{}TimeToLive", row.search())).await
}

async fn no_change(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.subject().await?;
    touch(bench, &row).await?;
    let watch = bench.subscribe("ValueChange", &row.path(), false).await?;
    touch(bench, &row).await?;
    quiet(bench, &watch, limits::NEWS).await
}

async fn two_references(bench: &mut Bench) -> Result<(), Stop> {
    let (one, two) = (bench.row().await?, bench.row().await?);
    let list = format!("{},{}", one.param("TimeToLive"), two.param("TimeToLive"));
    let watch = bench.subscribe("ValueChange", &list, false).await?;
    for row in [&one, &two] {
        touch(bench, &Subject::of(row)).await?;
        hear_change(bench, &Subject::of(row), &watch).await?;
    }
    Ok(())
}
