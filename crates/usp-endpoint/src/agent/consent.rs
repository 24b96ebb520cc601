//! What one controller alone may not do: commands and writes that need the consent of a second one, or of somebody
//! at the device.
//!
//! It is a policy of the device, and no table: nobody who may write tables lifts it. The first request is refused
//! with the reason, and remembered for a while; consent is the same request by another controller, or a word of
//! the host followed by the same request. It is used up by the request that is carried out. Whatever roles permit
//! is judged before, of each of the two.

use std::time::Duration;

use dm::model::{Model, ObjectId};
use dm::path::SchemaPath;
use dm::tree::{Change, CommandCall, Transaction, Tree};
use dm::{Code, Fault, Mono, Now, Operation, Value};
use sha2::{Digest, Sha256};
use usp_proto::{EndpointId, Msg};

use super::requests::Asker;
use super::{AgentMachine, places};
use crate::limits::MAX_WAITING_CONSENTS;
use crate::translate;

/// What needs consent, and whose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guard {
    /// Commands (`Device.Reboot()`), parameters, and objects with all below them (`Device.IP.`), in their supported
    /// form.
    pub targets: Vec<String>,
    /// The name of the role that one of the two controllers has to have; `None`: no controller can consent.
    pub role: Option<String>,
    /// Whether somebody at the device can.
    pub local: bool,
    /// How long a request waits for it.
    pub window: Duration,
}

/// Whether a target names something of this model.
pub fn is_known(model: &Model, target: &str) -> bool {
    let at = target.rfind('.').map_or(0, |dot| dot + 1);
    let (object, leaf) = target.split_at(at);
    let object = SchemaPath::parse(object).ok().and_then(|path| model.find(&path));
    let Some(object) = object.map(|object| model.object(object)) else { return false };
    match leaf.strip_suffix("()") {
        Some(command) => object.command_index(command).is_some(),
        None => leaf.is_empty() || object.param_index(leaf).is_some(),
    }
}

/// Requests that wait for consent.
#[derive(Default)]
pub(super) struct Consents {
    guards: Vec<Guard>,
    waiting: Vec<Waiting>,
}

struct Waiting {
    /// Index of the guard.
    guard: usize,
    /// What was asked, by its hash: it may be long, and a secret.
    request: [u8; 32],
    by: EndpointId,
    until: Mono,
    /// Somebody at the device said yes.
    local: bool,
}

impl AgentMachine {
    /// Lets these commands and writes be done with consent only.
    #[must_use]
    pub fn with_guards(mut self, guards: Vec<Guard>) -> AgentMachine {
        self.consents.guards = guards;
        self
    }

    /// Somebody at the device consents to what waits for that.
    pub(super) fn local_consent(&mut self) {
        let guards = &self.consents.guards;
        for waiting in &mut self.consents.waiting {
            waiting.local |= guards[waiting.guard].local;
        }
    }

    /// Whether a command may run.
    ///
    /// # Errors
    /// 7006 until there is consent.
    pub(super) fn check_command(
        &mut self,
        now: Now,
        tree: &Tree,
        by: &EndpointId,
        call: &CommandCall,
    ) -> Result<(), Fault> {
        let object = tree.model().object(call.place.object);
        let name = &object.commands[usize::from(call.command)].name;
        let path = format!("{}{name}()", object.path);
        let guards = self.guarding(|target| covers(target, &path));
        if guards.is_empty() {
            return Ok(());
        }
        let mut hash = Sha256::new_with_prefix(&call.path);
        for text in call.args.iter().flat_map(|(name, value)| [name, value]) {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        self.ask_consent(now, tree, by, &guards, hash.finalize().into())
    }

    /// Whether what a Set, Add or Delete leads to may be written.
    ///
    /// # Errors
    /// 7006 until there is consent.
    pub(super) fn check_write(
        &mut self,
        now: Now,
        tree: &Tree,
        asker: &Asker,
        operation: &Operation,
        transactions: &[Transaction],
    ) -> Result<(), Fault> {
        if self.consents.guards.is_empty() {
            return Ok(());
        }
        let model = tree.model();
        let text = |object: ObjectId| model.object(object).path.as_str();
        let changed = transactions.iter().flat_map(|transaction| &transaction.changes);
        let mut paths: Vec<String> = changed
            .map(|change| match change {
                Change::Set { place, param, .. } => {
                    let name = &model.object(place.object).params[usize::from(*param)].name;
                    format!("{}{name}", text(place.object))
                }
                Change::Create { row, .. } | Change::Remove { row } => text(row.object).to_owned(),
            })
            .collect();
        paths.sort_unstable();
        paths.dedup();
        let guards = self.guarding(|target| paths.iter().any(|path| covers(target, path)));
        if guards.is_empty() {
            return Ok(());
        }
        let request = Msg::request(String::new(), translate::request(operation.clone()));
        let request = Sha256::digest(request.encode()).into();
        self.ask_consent(now, tree, asker.controller(), &guards, request)
    }

    fn guarding(&self, covers: impl Fn(&str) -> bool) -> Vec<usize> {
        let guards = self.consents.guards.iter().enumerate();
        guards
            .filter(|(_, guard)| guard.targets.iter().any(|target| covers(target)))
            .map(|(at, _)| at)
            .collect()
    }

    /// Each of the guards has to be content; what one of them has is used up only by all.
    fn ask_consent(
        &mut self,
        now: Now,
        tree: &Tree,
        by: &EndpointId,
        guards: &[usize],
        request: [u8; 32],
    ) -> Result<(), Fault> {
        self.consents.waiting.retain(|waiting| waiting.until > now.mono);
        let lacking: Vec<usize> =
            guards.iter().copied().filter(|guard| !self.has_consent(tree, by, *guard, request)).collect();
        let Some(first) = lacking.first().map(|guard| self.consents.guards[*guard].clone()) else {
            self.consents.waiting.retain(|waiting| waiting.request != request);
            return Ok(());
        };
        for guard in guards.iter().copied() {
            let waiting = &mut self.consents.waiting;
            if !waiting.iter().any(|waiting| (waiting.guard, waiting.request) == (guard, request)) {
                if waiting.len() >= MAX_WAITING_CONSENTS {
                    waiting.remove(0);
                }
                let until = now.mono + self.consents.guards[guard].window;
                waiting.push(Waiting { guard, request, by: by.clone(), until, local: false });
            }
        }
        Err(Fault::new(Code::PERMISSION_DENIED, first.reason()))
    }

    fn has_consent(&self, tree: &Tree, by: &EndpointId, guard: usize, request: [u8; 32]) -> bool {
        let same = |waiting: &&Waiting| (waiting.guard, waiting.request) == (guard, request);
        let Some(waiting) = self.consents.waiting.iter().find(same) else { return false };
        let role = self.consents.guards[guard].role.as_deref();
        let has = |controller| role.is_some_and(|role| self.has_role(tree, controller, role));
        waiting.local || waiting.by != *by && (has(by) || has(&waiting.by))
    }

    /// Whether a controller that is served has an enabled role of this name.
    fn has_role(&self, tree: &Tree, controller: &EndpointId, name: &str) -> bool {
        let (Some(controller), Some(table)) =
            (self.controller(controller), places::table(tree, places::ROLE))
        else {
            return false;
        };
        controller.roles().iter().map(|number| table.row(*number)).any(|role| {
            tree.value_of(&role, "Enable") == Some(&Value::Bool(true)) && tree.text_of(&role, "Name") == name
        })
    }
}

impl Guard {
    fn reason(&self) -> String {
        let role = self
            .role
            .as_ref()
            .map(|role| format!("of a second controller, one of the two with the role {role:?}"));
        let local = self.local.then(|| "of somebody at the device".to_owned());
        let whose: Vec<String> = role.into_iter().chain(local).collect();
        let seconds = self.window.as_secs();
        format!("it needs the consent {}: the same request within {seconds} s", whose.join(", or "))
    }
}

/// Whether a target stands for a path in supported form.
fn covers(target: &str, path: &str) -> bool {
    if target.ends_with('.') { path.starts_with(target) } else { path == target }
}
