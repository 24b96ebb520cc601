//! OnBoardRequest, which a controller can ask for.

use usp_proto::notify::{Notification, OnBoardRequest};
use usp_proto::operate::Operate;

use super::notify::{RETRIED, usual_retries, within};
use super::{Check, check};
use crate::bench::{Bench, News};
use crate::limits;
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(sent, "R-NOT.5-on-command", [OnBoarding], "SendOnBoardRequest() sends an OnBoardRequest."),
    check!(
        versions,
        "R-NOT.5-tells-versions",
        [OnBoarding],
        "An OnBoardRequest tells the versions of the agent."
    ),
    check!(serial, "R-NOT.5-tells-who", [OnBoarding], "An OnBoardRequest tells OUI and serial number."),
    check!(wants_answer, "R-NOT.6-wants-an-answer", [OnBoarding], "An OnBoardRequest wants an answer."),
    check!(
        retried,
        "R-NOT.6-retried",
        [OnBoarding],
        "An OnBoardRequest without its answer is sent again after 5 to 10 seconds."
    ),
    check!(again, "R-NOT.6a-retried-again", [OnBoarding], "An OnBoardRequest is sent until it is answered."),
    check!(
        no_subscription,
        "R-NOT.7-no-subscription",
        [OnBoarding],
        "An OnBoardRequest has no subscription id."
    ),
    check!(
        delivered,
        "R-NOT.3-on-board-is-delivered",
        [OnBoarding],
        "An OnBoardRequest that was answered is not sent again."
    ),
];

/// Asks for one. What the command clears is restored when the check ends.
async fn ask(bench: &mut Bench) -> Result<(), Stop> {
    let own = bench.own_row().await?;
    if let Some(complete) = bench.value(&format!("{own}OnBoardingComplete")).await? {
        bench.restore(&own, "OnBoardingComplete", complete);
    }
    let command = format!("{own}SendOnBoardRequest()");
    bench.operate(Operate { command, send_resp: true, ..Operate::default() }).await.map(drop)
}

async fn hear(bench: &mut Bench) -> Result<News, Stop> {
    let is_it =
        |notify: &usp_proto::notify::Notify| matches!(notify.notification, Some(Notification::OnBoardReq(_)));
    let news = bench.news(limits::NEWS + RETRIED, is_it).await?;
    news.ok_or_else(|| Stop::fail("an OnBoardRequest comes", "one", "none"))
}

fn what(news: &News) -> Result<&OnBoardRequest, Stop> {
    match news.what()? {
        Notification::OnBoardReq(request) => Ok(request),
        other => Err(Stop::fail("the kind of the notification", "OnBoardRequest", other.name())),
    }
}

async fn sent(bench: &mut Bench) -> Result<(), Stop> {
    ask(bench).await?;
    hear(bench).await.map(drop)
}

async fn versions(bench: &mut Bench) -> Result<(), Stop> {
    ask(bench).await?;
    let news = hear(bench).await?;
    let told = &what(&news)?.agent_supported_protocol_versions;
    let is_right = told.split(',').all(|version| version.trim().starts_with("1."));
    holds(is_right, "agent_supported_protocol_versions", || "such as 1.3,1.4".to_owned(), || told.clone())
}

async fn serial(bench: &mut Bench) -> Result<(), Stop> {
    ask(bench).await?;
    let news = hear(bench).await?;
    let OnBoardRequest { oui, serial_number, .. } = what(&news)?;
    let is_right = !oui.is_empty() && !serial_number.is_empty();
    holds(
        is_right,
        "oui and serial_number",
        || "both".to_owned(),
        || format!("{oui:?} and {serial_number:?}"),
    )
}

async fn wants_answer(bench: &mut Bench) -> Result<(), Stop> {
    ask(bench).await?;
    same("send_resp", &true, &hear(bench).await?.notify.send_resp)
}

async fn retried(bench: &mut Bench) -> Result<(), Stop> {
    usual_retries(bench).await?;
    bench.leave_unanswered();
    ask(bench).await?;
    let (first, second) = (hear(bench).await?, hear(bench).await?);
    bench.acknowledge(&second, "")?;
    within(first.at, second.at, 5, 10)
}

async fn again(bench: &mut Bench) -> Result<(), Stop> {
    bench.leave_unanswered();
    ask(bench).await?;
    for _ in 0..2 {
        hear(bench).await?;
    }
    let third = hear(bench).await?;
    bench.acknowledge(&third, "")
}

async fn no_subscription(bench: &mut Bench) -> Result<(), Stop> {
    ask(bench).await?;
    same("subscription_id", &String::new(), &hear(bench).await?.notify.subscription_id)
}

async fn delivered(bench: &mut Bench) -> Result<(), Stop> {
    ask(bench).await?;
    hear(bench).await?;
    let is_it =
        |notify: &usp_proto::notify::Notify| matches!(notify.notification, Some(Notification::OnBoardReq(_)));
    let more = bench.news(RETRIED, is_it).await?;
    holds(more.is_none(), "OnBoardRequests after the answer", || "none".to_owned(), || "one".to_owned())
}
