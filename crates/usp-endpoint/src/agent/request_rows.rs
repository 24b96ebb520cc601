//! The rows of `Device.LocalAgent.Request.`, which stand for asynchronous commands, and the
//! OperationComplete that ends one.

use std::num::NonZeroU32;

use dm::path::ObjectPath;
use dm::tree::{Bit, Change, Place, Tree};
use dm::{Code, Fault, Value};
use usp_proto::notify::{CommandFailure, Notification, OperationComplete, OperationResp, OutputArgs};

use super::subscriptions::Kind;
use super::{AgentMachine, places};

/// Who asked for a command.
pub(super) struct Requester<'a> {
    /// Its endpoint.
    pub(super) originator: &'a str,
    pub(super) command_key: &'a str,
}

impl AgentMachine {
    /// OperationComplete, to whoever subscribed to it.
    pub(super) fn complete(
        &mut self,
        tree: &Tree,
        path: &str,
        command_key: &str,
        result: Result<Vec<(String, String)>, Fault>,
    ) {
        let Some((object, name)) = path.rfind('.').map(|at| path.split_at(at + 1)) else { return };
        let object = ObjectPath::parse(object).ok();
        let Some(place) = object.and_then(|object| Place::of(tree.model(), &object)) else { return };
        let operation_resp = match result {
            Ok(args) => OperationResp::ReqOutputArgs(OutputArgs { output_args: args.into_iter().collect() }),
            Err(fault) => {
                OperationResp::CmdFailure(CommandFailure { err_code: fault.code.0, err_msg: fault.message })
            }
        };
        let complete = OperationComplete {
            obj_path: place.text(tree.model()),
            command_name: name.to_owned(),
            command_key: command_key.to_owned(),
            operation_resp: Some(operation_resp),
        };
        let bare = name.trim_end_matches("()");
        for index in self.interested(tree, Kind::OperationComplete, &place, bare, Bit::CommandNotify) {
            let subscription = self.subscriptions[index].clone();
            self.enqueue(&subscription, Notification::OperComplete(complete.clone()));
        }
    }
}

/// A free number of the Request table, and the row of a command under it.
pub(super) fn new(tree: &Tree, asker: &Requester<'_>, command: &str) -> Option<(NonZeroU32, Vec<Change>)> {
    let table = places::table(tree, places::REQUEST)?;
    let number = tree.last_number(&table).checked_add(1).and_then(NonZeroU32::new)?;
    Some((number, changes(tree, asker, command, number)))
}

/// What makes the row of a command that runs; nothing where the model has no such table.
pub(super) fn changes(tree: &Tree, asker: &Requester<'_>, command: &str, number: NonZeroU32) -> Vec<Change> {
    let Some(row) = row(tree, number) else { return Vec::new() };
    let mut changes = tree.with_defaults(&row);
    for (name, text) in [
        ("Alias", format!("cpe-{number}").as_str()),
        ("Originator", asker.originator),
        ("Command", command),
        ("CommandKey", asker.command_key),
        ("Status", "Active"),
    ] {
        changes.extend(set(tree, &row, name, text));
    }
    changes
}

pub(super) fn twin() -> Fault {
    Fault::new(Code::RESOURCES_EXCEEDED, "it runs already under this command_key")
}

pub(super) fn cancelled() -> Fault {
    Fault::new(Code::COMMAND_CANCELED, "cancelled on request")
}

pub(super) fn row(tree: &Tree, number: NonZeroU32) -> Option<Place> {
    places::table(tree, places::REQUEST).map(|table| table.row(number))
}

pub(super) fn set(tree: &Tree, place: &Place, name: &str, text: &str) -> Option<Change> {
    let param = tree.model().param_index(place.object, name)?;
    Some(Change::Set { place: place.clone(), param, value: Some(Value::text(text)) })
}
