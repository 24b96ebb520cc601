//! What a security team wants to know later: changes of whom the agent obeys and trusts, commands that change the
//! device, and what was refused to whom. The host keeps it ([`super::io::Output::Audit`]).
//!
//! Secrets never stand in it. A peer that is refused over and over fills it with no more than
//! [`MAX_AUDITED_REFUSALS`] entries a minute.

use std::collections::BTreeSet;
use std::time::Duration;

use dm::operation::ParamAccess;
use dm::tree::{ChangeSet, Happening, Place, Tree};
use dm::{Code, Fault, Mono, Now, Outcome, Value};
use usp_proto::EndpointId;

use super::io::Output;
use super::{AgentMachine, places};
use crate::limits::{MAX_AUDITED_BYTES, MAX_AUDITED_REFUSALS, MAX_AUDITED_VALUES};

/// One entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audit {
    /// The controller that did it, or called itself so; `None`: the agent.
    pub by: Option<EndpointId>,
    /// What it did.
    pub deed: Deed,
    /// What it was done to: a path.
    pub subject: String,
    /// More of it: a value, or why something was refused. Text of peers, of any characters.
    pub detail: String,
}

/// What somebody did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    /// Gave a parameter a value.
    Set,
    /// Made a row.
    Create,
    /// Deleted a row.
    Delete,
    /// Had a command run.
    Run,
    /// Was refused what it wanted: 7002 or 7006.
    Refused,
    /// Was not believed to be who it said it was.
    NotBelieved,
    /// Was believed without proof: trust on first use.
    FirstUse,
}

impl Deed {
    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Deed::Set => "set",
            Deed::Create => "create",
            Deed::Delete => "delete",
            Deed::Run => "run",
            Deed::Refused => "refused",
            Deed::NotBelieved => "not-believed",
            Deed::FirstUse => "first-use",
        }
    }
}

/// Whose tables are followed.
const FOLLOWED: [&[&str]; 3] = [places::CONTROLLER, places::TRUST, places::CERTIFICATE];

/// Commands that are: each changes the device, its trust, or gives something away.
const COMMANDS: [&str; 15] = [
    "Activate",
    "AddCertificate",
    "AddMyCertificate",
    "Backup",
    "ChallengeResponse",
    "Delete",
    "Download",
    "FactoryReset",
    "InstallDU",
    "Reboot",
    "Restore",
    "SetRequestedState",
    "Uninstall",
    "Update",
    "Upload",
];

/// What the machine remembers for the next entry.
#[derive(Default)]
pub(super) struct Auditing {
    /// The controller in whose name the machine changes its tables right now.
    pub(super) acting: Option<EndpointId>,
    /// When the minute of [`Auditing::refusals`] began.
    since: Option<Mono>,
    refusals: u32,
    /// Refusals of that minute that were not written.
    left_out: u64,
}

impl AgentMachine {
    /// Changes of the followed tables, by a controller or by the agent.
    pub(super) fn audit_changes(&mut self, tree: &Tree, by: Option<&EndpointId>, changes: &ChangeSet) {
        let model = tree.model();
        let followed: Vec<Place> = FOLLOWED.iter().filter_map(|names| places::table(tree, names)).collect();
        let new: BTreeSet<&Place> = changes
            .iter()
            .filter_map(|happening| match happening {
                Happening::Created(row) => Some(row),
                _ => None,
            })
            .collect();
        for happening in changes {
            let (Happening::Changed { place, .. } | Happening::Created(place) | Happening::Deleted(place)) =
                happening;
            if !followed.iter().any(|table| place.is_within(model, table)) {
                continue;
            }
            let (deed, subject, detail) = match happening {
                // Told with the row.
                Happening::Changed { place, .. } if new.contains(place) => continue,
                Happening::Changed { param, new, .. } => {
                    let known = &model.object(place.object).params[usize::from(*param)];
                    if known.name.as_str().ends_with("NumberOfEntries") {
                        continue;
                    }
                    let subject = place.leaf_text(model, known.name.as_str());
                    (Deed::Set, subject, shown(tree, place, *param, new.as_ref()))
                }
                Happening::Created(row) => (Deed::Create, row.text(model), values(tree, row)),
                Happening::Deleted(row) => (Deed::Delete, row.text(model), String::new()),
            };
            self.audit(by.cloned(), deed, &subject, &detail);
        }
    }

    /// A command is about to run.
    pub(super) fn audit_command(&mut self, by: &EndpointId, name: &str, path: &str) {
        if COMMANDS.contains(&name) {
            self.audit(Some(by.clone()), Deed::Run, path, "");
        }
    }

    /// What an outcome says was refused.
    pub(super) fn audit_refusals(&mut self, now: Now, by: &EndpointId, outcome: &Outcome) {
        for (path, fault) in refusals(outcome).into_iter().take(MAX_AUDITED_VALUES) {
            self.audit_refusal(now, Deed::Refused, by, &path, &format!("{} {}", fault.code, fault.message));
        }
    }

    /// A refusal, unless there were too many of late.
    pub(super) fn audit_refusal(&mut self, now: Now, deed: Deed, by: &EndpointId, subject: &str, why: &str) {
        let auditing = &mut self.auditing;
        let is_over = |since: Mono| now.mono.since(since) >= Duration::from_secs(60);
        let mut why = why.to_owned();
        if auditing.since.is_none_or(is_over) {
            let left_out = std::mem::take(&mut auditing.left_out);
            if left_out > 0 {
                why = format!("{why}; and {left_out} more before");
            }
            (auditing.since, auditing.refusals) = (Some(now.mono), 0);
        }
        if auditing.refusals >= MAX_AUDITED_REFUSALS {
            auditing.left_out += 1;
            return;
        }
        auditing.refusals += 1;
        self.audit(Some(by.clone()), deed, subject, &why);
    }

    pub(super) fn audit(&mut self, by: Option<EndpointId>, deed: Deed, subject: &str, detail: &str) {
        let detail = detail.chars().take(MAX_AUDITED_BYTES / 4).collect();
        let subject = subject.chars().take(MAX_AUDITED_BYTES / 4).collect();
        self.outputs.push_back(Output::Audit(Audit { by, deed, subject, detail }));
    }
}

/// A value, unless it is a secret or only a machine reads it.
fn shown(tree: &Tree, place: &Place, param: u16, value: Option<&Value>) -> String {
    let known = &tree.model().object(place.object).params[usize::from(param)];
    match value {
        None => "absent".to_owned(),
        Some(value) if known.is_secret() || value.is_secret() || known.access == ParamAccess::WriteOnly => {
            "(secret)".to_owned()
        }
        Some(_) if known.name.as_str() == "X_CUSP_Certificate" => "(PEM)".to_owned(),
        Some(value) => value.expose().into_owned(),
    }
}

/// The values of a new row, as far as they say anything.
fn values(tree: &Tree, row: &Place) -> String {
    let params = (0..).zip(&tree.model().object(row.object).params);
    let told = params.filter_map(|(index, param)| {
        let value = tree.value(row, index)?;
        let text = shown(tree, row, index, Some(value));
        (!text.is_empty() && Some(value) != param.default.as_ref()).then(|| format!("{}={text}", param.name))
    });
    told.take(MAX_AUDITED_VALUES).collect::<Vec<_>>().join(" ")
}

/// Where an outcome says 7002 or 7006.
fn refusals(outcome: &Outcome) -> Vec<(String, Fault)> {
    let mut found: Vec<(String, &Fault)> = Vec::new();
    match outcome {
        Outcome::Failed(failure) => {
            found.extend(failure.params.iter().map(|param| (param.param.clone(), &param.fault)));
            found.push((String::new(), &failure.fault));
        }
        Outcome::Set(results) => {
            for result in results {
                match &result.result {
                    Err(failure) => {
                        let errors = failure.instances.iter().flat_map(|instance| {
                            instance
                                .errors
                                .iter()
                                .map(|error| (format!("{}{}", instance.path, error.param), &error.fault))
                        });
                        found.extend(errors);
                        found.push((result.path.clone(), &failure.fault));
                    }
                    Ok(updated) => found.extend(updated.iter().flat_map(|instance| {
                        let of = |error: &str| format!("{}{error}", instance.path);
                        instance.errors.iter().map(move |error| (of(&error.param), &error.fault))
                    })),
                }
            }
        }
        Outcome::Add(results) => {
            for result in results {
                match &result.result {
                    Err(fault) => found.push((result.path.clone(), fault)),
                    Ok(created) => found.extend(
                        created
                            .errors
                            .iter()
                            .map(|error| (format!("{}{}", created.path, error.param), &error.fault)),
                    ),
                }
            }
        }
        Outcome::Delete(results) => {
            for result in results {
                match &result.result {
                    Err(fault) => found.push((result.path.clone(), fault)),
                    Ok(deleted) => {
                        found.extend(deleted.unaffected.iter().map(|(path, fault)| (path.clone(), fault)));
                    }
                }
            }
        }
        Outcome::Operate(results) => {
            let failed = results
                .iter()
                .filter_map(|result| Some((result.path.clone(), result.result.as_ref().err()?)));
            found.extend(failed);
        }
        Outcome::Get(_) | Outcome::GetInstances(_) | Outcome::GetSchema(_) => {}
    }
    let is_refusal = |fault: &Fault| [Code::PERMISSION_DENIED, Code::REQUEST_DENIED].contains(&fault.code);
    found
        .into_iter()
        .filter(|(_, fault)| is_refusal(fault))
        .map(|(path, fault)| (path, fault.clone()))
        .collect()
}
