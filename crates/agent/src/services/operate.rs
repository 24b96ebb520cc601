//! Commands of a service: sent on, awaited, cancelled.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dm::operation::{CommandResult as Ended, Operate, Operation, Outcome};
use engine::broker::io::Failure;
use engine::provider::{Call, CommandResult};
use tokio::sync::{oneshot, watch};

use super::paths::join;
use super::serve::unexpected;
use super::slot::Slot;
use crate::limits::{SERVICE_ANSWER, SERVICE_COMMAND};

/// Commands that run on at the service, by what their end names, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Completions(Mutex<VecDeque<Running>>);

#[derive(Debug)]
struct Running {
    path: String,
    command_key: String,
    ended: oneshot::Sender<CommandResult>,
}

impl Completions {
    fn expect(&self, path: &str, command_key: &str) -> oneshot::Receiver<CommandResult> {
        let (ended, end) = oneshot::channel();
        let running = Running { path: path.to_owned(), command_key: command_key.to_owned(), ended };
        let mut all = self.all();
        // Who waited for a command that ended otherwise is gone.
        all.retain(|running| !running.ended.is_closed());
        all.push_back(running);
        end
    }

    /// A command has ended.
    pub(super) fn complete(&self, path: &str, command_key: &str, result: CommandResult) {
        let mut all = self.all();
        let is_it = |running: &Running| running.path == path && running.command_key == command_key;
        match all.iter().position(is_it).and_then(|at| all.remove(at)) {
            // Who waited may be gone.
            Some(running) => drop(running.ended.send(result)),
            None => tracing::warn!(path, "a USP Service ends a command that nobody waits for"),
        }
    }

    /// The service has left: nothing of it ends any more.
    pub(super) fn leave(&self) {
        self.all().clear();
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a command at the service to its end.
pub(super) async fn operate(slot: &Slot, call: Call, mut cancelled: watch::Receiver<bool>) -> CommandResult {
    let (hub, link) = slot.owner([&call.object])?;
    let command = format!("{}{}()", join(&call.object, &call.keys)?, call.command);
    // Its end may be faster than the answer that it has begun.
    let mut end = slot.completions.expect(&command, &call.command_key);
    let operate = Operate { command, command_key: call.command_key, send_resp: true, args: call.args };
    let started = match hub.ask(link, Operation::Operate(operate), SERVICE_COMMAND).await? {
        Outcome::Operate(mut results) if results.len() == 1 => results.remove(0).result?,
        other => return Err(unexpected(other)),
    };
    let request = match started {
        Ended::Output(outputs) => return Ok(outputs),
        Ended::Started(request) => request,
    };
    let gone = |_| Err(Failure::Gone.fault());
    tokio::select! {
        ended = &mut end => return ended.unwrap_or_else(gone),
        _ = cancelled.wait_for(|cancelled| *cancelled) => {}
    }
    let command = format!("{}.Cancel()", request.trim_end_matches('.'));
    let cancel = Operate { command, command_key: String::new(), send_resp: true, args: Vec::new() };
    if let Err(fault) = hub.ask(link, Operation::Operate(cancel), SERVICE_ANSWER).await {
        tracing::warn!(%fault, "a command of a USP Service is not cancelled");
    }
    end.await.unwrap_or_else(gone)
}
