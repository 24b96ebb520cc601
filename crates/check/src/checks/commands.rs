//! Commands: what their Request rows and results say, and how they are cancelled.

use tokio::time::Instant;
use usp_proto::operate::{CommandStatus, Operate, OperateResp};

use super::operate::{failed, started};
use super::{Check, check};
use crate::bench::Bench;
use crate::limits;
use crate::target::REQUEST;
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(
        row_command,
        "R-OPR.0-request-row-names-its-command",
        [Timer],
        "The row of a command names the command."
    ),
    check!(
        row_originator,
        "R-OPR.0-request-row-names-its-originator",
        [Timer],
        "The row of a command names who asked for it."
    ),
    check!(
        row_status,
        "R-OPR.0-request-row-has-a-status",
        [Timer],
        "The row of a running command says that it runs."
    ),
    check!(
        executed,
        "R-MSG.3-operate-names-the-command",
        [Timer],
        "The result of a command names the command."
    ),
    check!(
        bad_argument,
        "R-OPR.1-bad-argument-in-the-result",
        [Timer],
        "An argument of the wrong type fails the command in its result."
    ),
    check!(
        cancelled_row,
        "R-OPR.0-cancelled-row-is-removed",
        [Timer, Cancel],
        "The row of a command that was cancelled is removed."
    ),
    check!(
        by_search,
        "R-MSG.3-operate-reports-numbers",
        [Timer, Cancel],
        "A command by a search names the row that it ran on."
    ),
    check!(one_each, "R-OPR.2-one-row-each", [Timer], "Each command that runs has a row of its own."),
];

/// Long enough to be looked at; the bench cancels it, or waits.
const SECONDS: &str = "5";

async fn running(bench: &mut Bench) -> Result<(String, String), Stop> {
    let key = bench.next_id();
    let path = started(&bench.operate(bench.timer(&key, SECONDS)).await?)?;
    Ok((path, key))
}

async fn row_command(bench: &mut Bench) -> Result<(), Stop> {
    let (path, _) = running(bench).await?;
    same("Command of the row", &Some(bench.timer_path()), &bench.value(&format!("{path}Command")).await?)
}

async fn row_originator(bench: &mut Bench) -> Result<(), Stop> {
    let (path, _) = running(bench).await?;
    let own = Some(bench.controller().as_str().to_owned());
    same("Originator of the row", &own, &bench.value(&format!("{path}Originator")).await?)
}

async fn row_status(bench: &mut Bench) -> Result<(), Stop> {
    let (path, _) = running(bench).await?;
    let status = bench.value(&format!("{path}Status")).await?;
    let is_right = matches!(status.as_deref(), Some("Requested" | "Active"));
    holds(is_right, "Status of the row", || "Requested or Active".to_owned(), || format!("{status:?}"))
}

async fn executed(bench: &mut Bench) -> Result<(), Stop> {
    let key = bench.next_id();
    let resp = bench.operate(bench.timer(&key, "1")).await?;
    same("executed_command", &vec![bench.timer_path()], &commands(&resp))
}

fn commands(resp: &OperateResp) -> Vec<String> {
    resp.operation_results.iter().map(|result| result.executed_command.clone()).collect()
}

async fn bad_argument(bench: &mut Bench) -> Result<(), Stop> {
    let key = bench.next_id();
    let resp = bench.operate(bench.timer(&key, "soon")).await?;
    holds(failed(&resp).is_some(), "the result", || "cmd_failure".to_owned(), || "none".to_owned())
}

fn cancel(command: String) -> Operate {
    Operate { command, send_resp: true, ..Operate::default() }
}

async fn cancelled_row(bench: &mut Bench) -> Result<(), Stop> {
    let key = bench.next_id();
    let path = started(&bench.operate(bench.timer(&key, "600")).await?)?;
    bench.operate(cancel(format!("{path}Cancel()"))).await?;
    let deadline = Instant::now() + limits::ROW_GONE;
    while bench.rows(REQUEST).await?.contains(&path) {
        if Instant::now() >= deadline {
            return Err(Stop::fail("rows of the Request table", format!("not {path}"), path));
        }
        bench.pause(limits::POLL).await?;
    }
    Ok(())
}

async fn by_search(bench: &mut Bench) -> Result<(), Stop> {
    let (path, key) = running(bench).await?;
    let resp = bench.operate(cancel(format!("{REQUEST}[CommandKey==\"{key}\"].Cancel()"))).await?;
    same("executed_command", &vec![format!("{path}Cancel()")], &commands(&resp))
}

async fn one_each(bench: &mut Bench) -> Result<(), Stop> {
    let (first, _) = running(bench).await?;
    let key = bench.next_id();
    let resp = bench.operate(bench.timer(&key, SECONDS)).await?;
    if let Some(CommandStatus::Failed(failure)) = resp.operation_results.first().map(|result| result.status())
    {
        // R-OPR.3 lets it refuse.
        return Err(Stop::Skip(format!("the agent refuses a second timer: {}", failure.err_code)));
    }
    let second = started(&resp)?;
    holds(first != second, "the row of the second command", || format!("not {first}"), || second.clone())
}
