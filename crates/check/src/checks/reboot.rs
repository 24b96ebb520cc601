//! What a restart leaves, and how the agent tells of it. The profile has to allow restarts.

use std::time::Duration;

use usp_proto::notify::Event;
use usp_proto::operate::Operate;
use usp_proto::{Msg, Request};

use super::operate::failed;
use super::{Check, check};
use crate::bench::{Bench, Row};
use crate::limits;
use crate::target::SUBSCRIPTION;
use crate::verdict::{Stop, same};

pub(super) static CHECKS: &[Check] = &[
    check!(told, "R-NOT.0-boot", [Reboot, Subscriptions], "After a restart Device.Boot! is told."),
    check!(
        cause,
        "R-NOT.0-boot-tells-the-cause",
        [Reboot, Subscriptions],
        "Boot! has the cause of a restart by a controller, and its command key."
    ),
    check!(
        persistent,
        "R-ARC.8-number-survives-a-restart",
        [Reboot, Subscriptions],
        "A persistent row has its number after a restart."
    ),
    check!(
        passing,
        "R-NOT.0-passing-row-goes",
        [Reboot, Subscriptions],
        "A subscription that is not persistent is gone after a restart."
    ),
];

/// Restarts the device, and waits for what it tells of that; with the key that it was given, and the row that watches.
async fn restarted(bench: &mut Bench) -> Result<(Event, String, Row), Stop> {
    let allowed = bench.profile().reboot.clone();
    let Some(allowed) = allowed else { return Err(Stop::Skip("the profile allows no restart".to_owned())) };
    let watch = bench.subscribe_with("Event", "Device.Boot!", &[("Persistent", "true")]).await?;
    bench.may_break();
    let (id, key) = (bench.next_id(), bench.row_id());
    let command = crate::target::REBOOT.to_owned();
    let operate = Operate { command, command_key: key.clone(), send_resp: true, ..Operate::default() };
    bench.send_msg(&Msg::request(id.clone(), Request::Operate(operate)))?;
    // Who restarts at once may owe the answer.
    if let Some(arrived) = bench.answer(&id, limits::SILENCE).await?
        && let usp_proto::Body::Response(usp_proto::Response::OperateResp(resp)) = &arrived.msg.body
        && let Some(code) = failed(resp)
    {
        return Err(Stop::Skip(format!("Device.Reboot() fails: {code}")));
    }
    let news = bench.must_hear(Duration::from_secs(allowed.seconds), &watch.id).await?;
    match news.what()? {
        usp_proto::notify::Notification::Event(event) => Ok((event.clone(), key, watch)),
        other => Err(Stop::fail("the kind of the notification", "Event", other.name())),
    }
}

async fn told(bench: &mut Bench) -> Result<(), Stop> {
    let (event, ..) = restarted(bench).await?;
    same("the event", &("Device.", "Boot!"), &(event.obj_path.as_str(), event.event_name.as_str()))
}

async fn cause(bench: &mut Bench) -> Result<(), Stop> {
    let (event, key, _) = restarted(bench).await?;
    let arg = |name: &str| event.params.get(name).cloned().unwrap_or_default();
    let expected = ("RemoteReboot".to_owned(), key);
    same("Cause and CommandKey", &expected, &(arg("Cause"), arg("CommandKey")))
}

async fn persistent(bench: &mut Bench) -> Result<(), Stop> {
    let (.., watch) = restarted(bench).await?;
    same("rows of this ID", &vec![watch.path.clone()], &bench.rows(&watch.search()).await?)
}

async fn passing(bench: &mut Bench) -> Result<(), Stop> {
    let params = [("NotifType", "ValueChange"), ("Persistent", "false")];
    let row = bench.subscription(&params).await?;
    restarted(bench).await?;
    let rows = bench.rows(SUBSCRIPTION).await?;
    same("whether the row is left", &false, &rows.contains(&row.path))
}
