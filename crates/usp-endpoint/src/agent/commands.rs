//! Operate: commands that the host runs, and those that the machine runs itself.

use std::num::NonZeroU32;

use dm::operation::{CommandResult, Operate, Requested};
use dm::tree::{Change, CommandCall, Place, Tree};
use dm::{Code, Fault, Now, Outcome, Value};
use usp_proto::{EndpointId, ErrorBody};

use super::access::NewRows;
use super::controllers::Controller;
use super::io::{Output, Ticket};
use super::request_rows::{self, Requester};
use super::requests::Origin;
use super::{AgentMachine, arguments};
use crate::limits::{MAX_CALLS, MAX_RUNNING_COMMANDS};

/// A command that the host runs. It is known by its path, because the model may change meanwhile.
pub(super) struct Running {
    /// With instance numbers and `()`.
    path: String,
    originator: String,
    command_key: String,
    reports: Reports,
}

/// How its end is told.
enum Reports {
    /// In the answer to the Operate, at this index.
    Answer(Ticket, usize),
    /// By OperationComplete; until then a row stands for it.
    Complete { row: NonZeroU32, cancelled: bool },
}

/// The answer to one Operate, as long as synchronous commands of it run.
pub(super) struct Group {
    origin: Origin,
    send_resp: bool,
    results: Vec<(String, Option<Result<CommandResult, Fault>>)>,
}

impl AgentMachine {
    pub(super) fn operate(
        &mut self,
        now: Now,
        tree: &mut Tree,
        origin: Origin,
        controller: &Controller,
        operate: &Operate,
    ) {
        let rows = NewRows::of(controller, now);
        let calls = tree.commands(operate, &rows.requester(controller.access()));
        let calls = calls.and_then(|calls| match calls.len() {
            0..=MAX_CALLS => Ok(calls),
            _ => Err(Fault::new(Code::RESOURCES_EXCEEDED, "the path matches too many commands")),
        });
        let calls = match calls {
            Ok(calls) => calls,
            Err(fault) => return self.finish(&origin, Err(ErrorBody::new(fault.code.0, fault.message))),
        };
        let group = self.ticket();
        let mut results = Vec::with_capacity(calls.len());
        self.auditing.acting = Some(origin.controller.clone());
        for (path, verdict) in calls {
            let result = match verdict {
                Ok(call) => self.call(now, tree, &origin, operate, call, (group, results.len())),
                Err(fault) => Some(Err(fault)),
            };
            results.push((path, result));
        }
        self.auditing.acting = None;
        self.groups.insert(group, Group { origin, send_resp: operate.send_resp, results });
        self.answer_group(now, group);
    }

    /// Runs one command. `None`: the answer waits for its end.
    fn call(
        &mut self,
        now: Now,
        tree: &mut Tree,
        origin: &Origin,
        operate: &Operate,
        mut call: CommandCall,
        slot: (Ticket, usize),
    ) -> Option<Result<CommandResult, Fault>> {
        let model = tree.model().clone();
        let object = model.object(call.place.object);
        let command = &object.commands[usize::from(call.command)];
        if let Err(fault) = self.check_command(now, tree, &origin.controller, &call) {
            return Some(Err(fault));
        }
        self.audit_command(&origin.controller, command.name.as_str(), &call.path);
        match (object.path.as_str(), command.name.as_str()) {
            ("Device.LocalAgent.Request.{i}.", "Cancel") => {
                return Some(self.cancel(now, tree, &call.place));
            }
            ("Device.LocalAgent.Controller.{i}.", "SendOnBoardRequest") => {
                return Some(self.send_on_board_request(now, tree, &call.place));
            }
            ("Device.LocalAgent.Controller.{i}.E2ESession.", "Reset") => {
                return Some(self.reset_session(tree, &call.place));
            }
            ("Device.LocalAgent.ControllerTrust.", "RequestChallenge") => {
                return Some(self.request_challenge(now, tree, &origin.controller, &call));
            }
            ("Device.LocalAgent.ControllerTrust.", "ChallengeResponse") => {
                return Some(self.challenge_response(now, tree, &origin.controller, &call));
            }
            ("Device.", "ScheduleTimer") => {
                let (originator, command_key) = (origin.controller.as_str(), operate.command_key.as_str());
                let asker = Requester { originator, command_key };
                if let Some(started) = self.schedule_timer(now, tree, &asker, &call) {
                    return Some(started);
                }
            }
            own => {
                if let Some(ended) = self.certificate_command(now, tree, origin, own, &call) {
                    return Some(ended);
                }
            }
        }
        arguments::complete(command, &mut call.args);
        // R-OPR.3: denied, never at the cost of one that runs.
        if self.running.len() >= MAX_RUNNING_COMMANDS {
            return Some(Err(Fault::new(Code::RESOURCES_EXCEEDED, "too many commands run")));
        }
        let running = Running {
            path: call.path.clone(),
            originator: origin.controller.as_str().to_owned(),
            command_key: operate.command_key.clone(),
            reports: Reports::Answer(slot.0, slot.1),
        };
        if command.is_async {
            self.start(now, tree, origin, running, call)
        } else {
            self.run(origin, running, call)
        }
    }

    fn run(
        &mut self,
        origin: &Origin,
        running: Running,
        call: CommandCall,
    ) -> Option<Result<CommandResult, Fault>> {
        let ticket = self.ticket();
        let (controller, command_key) = (origin.controller.clone(), running.command_key.clone());
        self.running.insert(ticket, running);
        self.outputs.push_back(Output::Run { ticket, controller, command_key, call });
        None
    }

    /// R-OPR.0, R-OPR.2: a row per command that goes on after the answer.
    fn start(
        &mut self,
        now: Now,
        tree: &mut Tree,
        origin: &Origin,
        mut running: Running,
        call: CommandCall,
    ) -> Option<Result<CommandResult, Fault>> {
        let twin_of = |other: &Running| {
            matches!(other.reports, Reports::Complete { .. })
                && (&other.originator, &other.path, &other.command_key)
                    == (&running.originator, &running.path, &running.command_key)
        };
        if self.running.values().any(twin_of) {
            return Some(Err(request_rows::twin()));
        }
        let asker = Requester { originator: &running.originator, command_key: &running.command_key };
        let Some((number, changes)) = request_rows::new(tree, &asker, &running.path) else {
            return Some(Err(Fault::new(Code::INTERNAL_ERROR, "no row for the command")));
        };
        running.reports = Reports::Complete { row: number, cancelled: false };
        self.write(now, tree, &changes);
        self.run(origin, running, call);
        let row = request_rows::row(tree, number)?;
        Some(Ok(CommandResult::Started(row.text(tree.model()))))
    }

    pub(super) fn command_ended(
        &mut self,
        now: Now,
        tree: &mut Tree,
        ticket: Ticket,
        result: Result<Vec<(String, String)>, Fault>,
    ) {
        let Some(running) = self.running.remove(&ticket) else { return };
        match &running.reports {
            Reports::Answer(group, index) => {
                if let Some(slot) = self.groups.get_mut(group).and_then(|group| group.results.get_mut(*index))
                {
                    slot.1 = Some(result.map(CommandResult::Output));
                }
                self.answer_group(now, *group);
            }
            Reports::Complete { row, cancelled } => {
                let result = match result {
                    Err(_) if *cancelled => Err(request_rows::cancelled()),
                    other => other,
                };
                if let Err(fault) = &result
                    && let Ok(by) = EndpointId::receive(&running.originator)
                {
                    let outcome = vec![Requested { path: running.path.clone(), result: Err(fault.clone()) }];
                    self.audit_refusals(now, &by, &Outcome::Operate(outcome));
                }
                self.complete(tree, &running.path, &running.command_key, result);
                if let Some(row) = request_rows::row(tree, *row) {
                    self.write(now, tree, &[Change::Remove { row }]);
                }
            }
        }
    }

    /// Answers an Operate once every command that the answer waits for has ended.
    fn answer_group(&mut self, now: Now, ticket: Ticket) {
        let done =
            self.groups.get(&ticket).is_some_and(|group| group.results.iter().all(|(_, r)| r.is_some()));
        let Some(group) = done.then(|| self.groups.remove(&ticket)).flatten() else { return };
        let results =
            group.results.into_iter().filter_map(|(path, result)| Some(Requested { path, result: result? }));
        let results: Vec<Requested<CommandResult>> = results.collect();
        // R-OPR.4: who wants no response still hears of failures.
        if group.send_resp || results.iter().any(|result| result.result.is_err()) {
            let outcome = Outcome::Operate(results);
            self.audit_refusals(now, &group.origin.controller, &outcome);
            self.finish_with(&group.origin, outcome);
        } else {
            self.forget(&group.origin);
        }
    }

    fn cancel(&mut self, now: Now, tree: &mut Tree, request: &Place) -> Result<CommandResult, Fault> {
        let number = request.rows().last();
        let found = self.running.iter_mut().find_map(|(ticket, running)| match &mut running.reports {
            Reports::Complete { row, cancelled } if Some(&*row) == number => Some((*ticket, cancelled)),
            _ => None,
        });
        let Some((ticket, cancelled)) = found else {
            if self.cancel_timer(now, tree, request) {
                return Ok(CommandResult::Output(Vec::new()));
            }
            return Err(Fault::new(Code::COMMAND_FAILURE, "this command does not run"));
        };
        if !std::mem::replace(cancelled, true) {
            self.outputs.push_back(Output::Cancel(ticket));
        }
        let changes: Vec<Change> =
            request_rows::set(tree, request, "Status", "Canceling").into_iter().collect();
        self.write(now, tree, &changes);
        Ok(CommandResult::Output(Vec::new()))
    }

    /// R-NOT.5
    fn send_on_board_request(
        &mut self,
        now: Now,
        tree: &mut Tree,
        row: &Place,
    ) -> Result<CommandResult, Fault> {
        let Some(endpoint) = self.controllers.iter().find(|c| c.row == *row).map(|c| c.endpoint.clone())
        else {
            return Err(Fault::new(Code::COMMAND_FAILURE, "this controller is not enabled"));
        };
        let param = tree.model().param_index(row.object, "OnBoardingComplete");
        if let Some(param) = param {
            let value = Some(Value::Bool(false));
            self.write(now, tree, &[Change::Set { place: row.clone(), param, value }]);
        }
        self.onboard(&endpoint);
        Ok(CommandResult::Output(Vec::new()))
    }
}
