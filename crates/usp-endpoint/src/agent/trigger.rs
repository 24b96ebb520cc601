//! What a subscription does to the device itself when it is triggered: its TriggerConfigSettings, where its
//! TriggerAction is `Config` or `NotifyAndConfig` (TR-181 `LocalAgent.Subscription.{i}.`).
//!
//! The settings are a Set that the agent makes in the name of the recipient and with its permissions, all of
//! them or none. Nobody waits for its answer: what fails is noticed. A subscription that is triggered again
//! before its Set was planned has one Set to come, and a chain of subscriptions that set each other off ends
//! after [`MAX_TRIGGER_DEPTH`] links, as far as each is triggered by what the Set before it commits. What comes of
//! a Set only later (a value that a provider reports, a command that ends) begins a new chain.

use dm::operation::{ObjectSettings, ParamSetting, Set};
use dm::path::{Path, Target};
use dm::tree::Tree;
use dm::{Code, Fault, Operation, Outcome};
use usp_proto::EndpointId;

use super::AgentMachine;
use super::io::Output;
use super::requests::{Asker, Pending, touched};
use super::subscriptions::Subscription;
use crate::limits::{MAX_TRIGGER_DEPTH, MAX_TRIGGER_SETTINGS};

/// The Set of one subscription, on its way.
#[derive(Clone, Debug)]
pub(super) struct Trigger {
    /// The subscription, by row number.
    pub(super) row: u32,
    pub(super) recipient: EndpointId,
    /// How many others led here.
    pub(super) depth: u32,
}

impl AgentMachine {
    /// A subscription was triggered: notes what is to be set, if anything is.
    pub(super) fn trigger(&mut self, subscription: &Subscription) {
        if subscription.config.is_empty() {
            return;
        }
        let (row, recipient) = (subscription.row, subscription.recipient.clone());
        if self.depth >= MAX_TRIGGER_DEPTH {
            let id = &subscription.id;
            return self
                .notice(format!("subscription {id} of {recipient} is not carried out: too long a chain"));
        }
        if !self.is_coming(row) {
            let set = Set { allow_partial: false, objects: subscription.config.clone() };
            self.triggered.push((Trigger { row, recipient, depth: self.depth }, Operation::Set(set)));
        }
    }

    /// Whether a subscription's Set is noted and not planned yet.
    fn is_coming(&self, row: u32) -> bool {
        let waits = |trigger: &Trigger| trigger.row == row;
        self.triggered.iter().any(|(trigger, _)| waits(trigger))
            || self.pending.values().any(|pending| matches!(pending, Pending::Trigger(t, _) if waits(t)))
            || self.waiting_writes.iter().any(|write| matches!(&write.asker, Asker::Trigger(t) if waits(t)))
    }

    /// Starts the Sets that were noted: fresh values first, as for a Set of a controller.
    pub(super) fn run_triggers(&mut self, tree: &mut Tree) {
        for (trigger, set) in std::mem::take(&mut self.triggered) {
            let touched = touched(tree, &set);
            self.refresh(tree, touched, Pending::Trigger(trigger, set));
        }
    }

    /// How the Set ended. Values stay out of the words: they may be secrets.
    pub(super) fn trigger_ended(&mut self, trigger: &Trigger, outcome: &Outcome) {
        let Outcome::Failed(failure) = outcome else { return };
        let params = failure.params.iter().map(|param| format!(" {} ({})", param.param, param.fault.code));
        let params: String = params.collect();
        let Trigger { row, recipient, .. } = trigger;
        let code = failure.fault.code;
        self.notice(format!("the settings of subscription row {row} of {recipient} failed: {code}{params}"));
    }

    pub(super) fn notice(&mut self, what: String) {
        self.outputs.push_back(Output::Noticed(what));
    }
}

/// Reads `<parameter>=<value>` pairs between commas. A text is quoted, with `%22` for a quote and `%25` for a
/// percent sign in it; other values are not.
///
/// # Errors
/// 7012 for what cannot be read, 7005 for too many.
pub(super) fn settings(text: &str) -> Result<Vec<ObjectSettings>, Fault> {
    let mut objects: Vec<ObjectSettings> = Vec::new();
    for (index, item) in items(text).enumerate() {
        // The value may be a secret: the words name only the place in the list.
        let bad = |why: &str| Fault::new(Code::INVALID_VALUE, format!("setting {}: {why}", index + 1));
        if index >= MAX_TRIGGER_SETTINGS {
            let message = format!("more than {MAX_TRIGGER_SETTINGS} settings");
            return Err(Fault::new(Code::RESOURCES_EXCEEDED, message));
        }
        let (name, value) = split(item).ok_or_else(|| bad("not <parameter>=<value>"))?;
        let path = Path::parse(name).map_err(|error| bad(&error.to_string()))?;
        let Target::Param(param) = &path.target else { return Err(bad("not a parameter")) };
        let value = plain(value).ok_or_else(|| bad("a quote is missing"))?;
        let object = name[..name.len() - param.as_str().len()].to_owned();
        let setting = ParamSetting { param: param.as_str().to_owned(), value, required: true };
        match objects.iter_mut().find(|known| known.path == object) {
            Some(known) => known.params.push(setting),
            None => objects.push(ObjectSettings { path: object, params: vec![setting] }),
        }
    }
    Ok(objects)
}

/// The pieces between the commas that stand in no quotes.
fn items(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let pieces = text.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    pieces.map(str::trim).filter(|piece| !piece.is_empty())
}

/// At the first `=` that stands in no search expression.
fn split(item: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    let at = item.find(|c| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == '=' && depth == 0
    })?;
    Some((item[..at].trim(), item[at + 1..].trim()))
}

fn plain(value: &str) -> Option<String> {
    match value.strip_prefix('"') {
        Some(rest) => {
            let text = rest.strip_suffix('"').filter(|text| !text.contains('"'))?;
            Some(text.replace("%22", "\"").replace("%25", "%"))
        }
        None => (!value.contains('"')).then(|| value.to_owned()),
    }
}
