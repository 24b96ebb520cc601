//! Operate, as far as the tree is concerned: which commands a path names, and whether the arguments fit.
//!
//! Running them is the engine's business.

use crate::fault::{Code, Fault};
use crate::model::Command;
use crate::operation::Operate;
use crate::path::{Path, Target};
use crate::tree::{Bit, Place, Requester, Tree};

/// One command to run.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandCall {
    /// The object that the command stands on.
    pub place: Place,
    /// Its full path with instance numbers and `()`.
    pub path: String,
    /// Index into the object's commands.
    pub command: u16,
    /// Checked arguments; those that are missing and optional are absent.
    pub args: Vec<(String, String)>,
}

impl Tree {
    /// The calls that an Operate makes, each with its own verdict; or why the message itself is bad.
    ///
    /// R-OPR.2: one call per object that the path matches; R-OPR.5-7: a missing mandatory argument is
    /// 7027, unknown arguments are ignored.
    #[expect(clippy::type_complexity, reason = "a path and a verdict, read in one place")]
    pub fn commands(
        &self,
        operate: &Operate,
        who: &Requester<'_>,
    ) -> Result<Vec<(String, Result<CommandCall, Fault>)>, Fault> {
        let path = Path::parse(&operate.command)
            .map_err(|error| Fault::new(Code::INVALID_PATH_SYNTAX, error.to_string()))?;
        let Target::Command(name) = &path.target else {
            return Err(Fault::new(Code::INVALID_PATH, format!("{} is not a command path", operate.command)));
        };
        let found = self.resolve(&path, who).map_err(|error| error.fault())?;
        let leaf = format!("{}()", name.as_str());
        let mut calls = Vec::new();
        for place in found.places {
            let full = place.leaf_text(self.model(), &leaf);
            let object = self.model().object(place.object);
            let Some(index) = object.commands.iter().position(|command| command.name == *name) else {
                continue;
            };
            let verdict = if who.may(self, Bit::CommandExecute, &place, &leaf) {
                check_args(&object.commands[index], &operate.args).map(|args| CommandCall {
                    place: place.clone(),
                    path: full.clone(),
                    command: u16::try_from(index).unwrap_or(u16::MAX),
                    args,
                })
            } else {
                Err(Fault::new(Code::PERMISSION_DENIED, format!("no permission to run {full}")))
            };
            calls.push((full, verdict));
        }
        Ok(calls)
    }
}

/// Keeps the arguments that the command knows; object-valued ones (`TimeWindow.1.Start`) by their form
/// with `{i}`.
fn check_args(command: &Command, given: &[(String, String)]) -> Result<Vec<(String, String)>, Fault> {
    let bad = |message: String| Fault::new(Code::INVALID_COMMAND_ARGUMENTS, message);
    let mut kept = Vec::new();
    for (name, value) in given {
        if let Some(arg) = command.inputs.iter().find(|arg| arg.name == placeholder(name)) {
            arg.check(value).map_err(|fault| bad(format!("{name}: {}", fault.message)))?;
            kept.push((name.clone(), value.clone()));
        }
    }
    for arg in command.inputs.iter().filter(|arg| arg.mandatory && !arg.name.contains("{i}")) {
        if !kept.iter().any(|(name, _)| *name == arg.name) {
            return Err(bad(format!("the argument {} is mandatory", arg.name)));
        }
    }
    Ok(kept)
}

/// `TimeWindow.1.Start` as the model writes it: `TimeWindow.{i}.Start`.
fn placeholder(name: &str) -> String {
    let parts = name
        .split('.')
        .map(|part| if !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) { "{i}" } else { part });
    parts.collect::<Vec<_>>().join(".")
}
