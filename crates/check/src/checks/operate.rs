//! Operate, with a command that does nothing but end after a while.

use std::time::Duration;

use tokio::time::Instant;
use usp_proto::notify::{Notification, OperationComplete};
use usp_proto::operate::{CommandStatus, Operate, OperateResp};
use usp_proto::{Body, Msg, Request, Response};

use super::{Check, check, code, should};
use crate::bench::{Bench, Row, describe};
use crate::limits;
use crate::target::REQUEST;
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(row, "R-OPR.0-request-row", [Timer], "An asynchronous command has a row in the Request table."),
    check!(
        row_key,
        "R-OPR.0-request-row-names-its-key",
        [Timer],
        "The row of a command has its command key."
    ),
    check!(
        row_removed,
        "R-OPR.0-request-row-is-removed",
        [Timer, Subscriptions],
        "The row is gone once the command is complete."
    ),
    check!(
        complete,
        "R-OPR.0-completion-is-told",
        [Timer, Subscriptions],
        "The end of a command is told, with its command key."
    ),
    check!(in_answer, "R-OPR.1-failure-in-the-result", [Timer], "A command that fails fails in its result."),
    check!(
        parallel,
        "R-OPR.3-running-ones-go-on",
        [Timer, Subscriptions],
        "A second command does not end the first."
    ),
    check!(
        cancelled,
        "R-OPR.3-cancelled",
        [Timer, Cancel, Subscriptions],
        "A command that is cancelled ends with 7023."
    ),
    should!(silent, "R-OPR.4-no-answer-wanted", [Timer], "Where no answer is wanted, a success gives none."),
    check!(
        silent_runs,
        "R-OPR.4-runs-all-the-same",
        [Timer, Subscriptions],
        "A command whose answer is not wanted runs and is told."
    ),
    check!(
        mandatory,
        "R-OPR.5-missing-argument",
        [Timer],
        "A mandatory argument that is missing gives 7027."
    ),
    check!(
        not_started,
        "R-OPR.5-missing-argument-stops",
        [Timer],
        "Without its mandatory argument a command does not start."
    ),
    check!(unknown, "R-OPR.6-unknown-argument", [Timer], "An argument that nobody knows is ignored."),
];

/// Long enough to be looked at, short enough to be waited for.
const SHORT: &str = "3";

/// The timer without its mandatory argument.
fn without_argument(bench: &mut Bench) -> Operate {
    let key = bench.next_id();
    Operate { input_args: [].into(), ..bench.timer(&key, SHORT) }
}

/// Path of the Request row that an answer names. Some agents leave out its last dot.
pub(super) fn started(resp: &OperateResp) -> Result<String, Stop> {
    match resp.operation_results.first().map(|result| result.status()) {
        Some(CommandStatus::Running(path)) => Ok(format!("{}.", path.trim_end_matches('.'))),
        Some(CommandStatus::Failed(failure)) => {
            Err(Stop::fail("the command starts", "the path of its Request row", failure.err_code.to_string()))
        }
        _ => Err(Stop::fail("the command starts", "the path of its Request row", "none")),
    }
}

pub(super) fn failed(resp: &OperateResp) -> Option<u32> {
    match resp.operation_results.first().map(|result| result.status()) {
        Some(CommandStatus::Failed(failure)) => Some(failure.err_code),
        _ => None,
    }
}

async fn watch(bench: &mut Bench) -> Result<Row, Stop> {
    bench.subscribe("OperationComplete", &bench.timer_path(), false).await
}

/// Waits for the end of the command with this key.
async fn end(bench: &mut Bench, watch: &Row, key: &str) -> Result<OperationComplete, Stop> {
    let patience = Duration::from_secs(3) + limits::NEWS;
    loop {
        let news = bench.must_hear(patience, &watch.id).await?;
        match news.what()? {
            Notification::OperComplete(complete) if complete.command_key == key => {
                return Ok(complete.clone());
            }
            Notification::OperComplete(_) => {}
            other => {
                return Err(Stop::fail("the kind of the notification", "OperationComplete", other.name()));
            }
        }
    }
}

async fn row(bench: &mut Bench) -> Result<(), Stop> {
    let key = bench.next_id();
    let path = started(&bench.operate(bench.timer(&key, SHORT)).await?)?;
    let rows = bench.rows(REQUEST).await?;
    holds(rows.contains(&path), "rows of the Request table", || path.clone(), || rows.join(", "))
}

async fn row_key(bench: &mut Bench) -> Result<(), Stop> {
    let key = bench.next_id();
    let path = started(&bench.operate(bench.timer(&key, SHORT)).await?)?;
    same("CommandKey of the row", &Some(key), &bench.value(&format!("{path}CommandKey")).await?)
}

async fn row_removed(bench: &mut Bench) -> Result<(), Stop> {
    let watch = watch(bench).await?;
    let key = bench.next_id();
    let path = started(&bench.operate(bench.timer(&key, "1")).await?)?;
    end(bench, &watch, &key).await?;
    let deadline = Instant::now() + limits::ROW_GONE;
    loop {
        let rows = bench.rows(REQUEST).await?;
        if !rows.contains(&path) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Stop::fail("rows of the Request table", format!("not {path}"), rows.join(", ")));
        }
        bench.pause(limits::POLL).await?;
    }
}

async fn complete(bench: &mut Bench) -> Result<(), Stop> {
    let watch = watch(bench).await?;
    let key = bench.next_id();
    started(&bench.operate(bench.timer(&key, "1")).await?)?;
    let complete = end(bench, &watch, &key).await?;
    same("the command", &bench.timer_path(), &format!("{}{}", complete.obj_path, complete.command_name))?;
    same("its failure", &None, &complete.status().err().map(|failure| failure.err_code))
}

async fn in_answer(bench: &mut Bench) -> Result<(), Stop> {
    let request = without_argument(bench);
    match bench.ask(Request::Operate(request)).await? {
        Body::Response(Response::OperateResp(resp)) => {
            holds(failed(&resp).is_some(), "the result", || "cmd_failure".to_owned(), || "none".to_owned())
        }
        other => Err(Stop::fail("the kind of the answer", "OperateResp", describe(&other))),
    }
}

async fn parallel(bench: &mut Bench) -> Result<(), Stop> {
    let watch = watch(bench).await?;
    let (first, second) = (bench.next_id(), bench.next_id());
    started(&bench.operate(bench.timer(&first, SHORT)).await?)?;
    // It may be refused, run beside the first, or wait.
    bench.operate(bench.timer(&second, "1")).await?;
    let complete = end(bench, &watch, &first).await?;
    same("the failure of the first", &None, &complete.status().err().map(|failure| failure.err_code))
}

async fn cancelled(bench: &mut Bench) -> Result<(), Stop> {
    let watch = watch(bench).await?;
    let key = bench.next_id();
    let path = started(&bench.operate(bench.timer(&key, "600")).await?)?;
    let cancel = Operate { command: format!("{path}Cancel()"), send_resp: true, ..Operate::default() };
    bench.operate(cancel).await?;
    let complete = end(bench, &watch, &key).await?;
    let seen = complete.status().err().map(|failure| failure.err_code);
    same("the failure of the command", &Some(code::COMMAND_CANCELED), &seen)
}

fn unanswered(bench: &mut Bench, key: &str) -> Result<(), Stop> {
    let request = Operate { send_resp: false, ..bench.timer(key, "1") };
    let id = bench.next_id();
    bench.send_msg(&Msg::request(id, Request::Operate(request)))
}

async fn silent(bench: &mut Bench) -> Result<(), Stop> {
    let key = bench.next_id();
    unanswered(bench, &key)?;
    match bench.reaction().await? {
        None => Ok(()),
        Some(arrived) => {
            Err(Stop::fail("the answer to a command that starts", "none", describe(&arrived.msg.body)))
        }
    }
}

async fn silent_runs(bench: &mut Bench) -> Result<(), Stop> {
    let watch = watch(bench).await?;
    let key = bench.next_id();
    unanswered(bench, &key)?;
    end(bench, &watch, &key).await.map(drop)
}

async fn mandatory(bench: &mut Bench) -> Result<(), Stop> {
    let request = without_argument(bench);
    let resp = bench.operate(request).await?;
    same("cmd_failure", &Some(code::INVALID_COMMAND_ARGUMENTS), &failed(&resp))
}

async fn not_started(bench: &mut Bench) -> Result<(), Stop> {
    let before = bench.rows(REQUEST).await?;
    let request = without_argument(bench);
    bench.operate(request).await?;
    let after = bench.rows(REQUEST).await?;
    let new: Vec<&String> = after.iter().filter(|path| !before.contains(path)).collect();
    same("new rows of the Request table", &Vec::new(), &new)
}

async fn unknown(bench: &mut Bench) -> Result<(), Stop> {
    let key = bench.next_id();
    let mut request = bench.timer(&key, "1");
    request.input_args.insert("X_CUSP_NoSuchThing".to_owned(), "1".to_owned());
    started(&bench.operate(request).await?).map(drop)
}
