//! What one controller alone may not do: commands and writes that need the consent of a second one, or of somebody
//! at the device.
//!
//! It is a policy of the device, and no table: nobody who may write tables lifts it. The first request is refused
//! with the reason, and remembered for a while; consent is the same request by another controller, or a word of
//! the host that names the request, followed by the same request. It is used up by the request that is carried out.
//! Whatever roles permit is judged before, of each of the two.
//!
//! A second controller is one that was served when the first asked; and what decides who is a controller, and with
//! which roles, is guarded along with whatever a second controller's consent guards: nobody makes itself a second one.

use std::collections::BTreeSet;
use std::time::Duration;

use dm::model::{Model, ObjectId};
use dm::path::SchemaPath;
use dm::tree::{Change, CommandCall, Transaction, Tree};
use dm::{Code, Fault, Mono, Now, Operation, Value};
use sha2::{Digest, Sha256};
use usp_proto::{EndpointId, Msg};

use super::io::Output;
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
    /// Who else was served then.
    others: BTreeSet<EndpointId>,
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

    /// Somebody at the device consents to the requests whose names stand in a text; with none in it, to the only one
    /// that waits for that. Of several nobody knows which was meant.
    pub(super) fn local_consent(&mut self, now: Now, names: &str) {
        let Consents { guards, waiting } = &mut self.consents;
        waiting.retain(|waiting| waiting.until > now.mono);
        let asked: Vec<_> = waiting.iter_mut().filter(|waiting| guards[waiting.guard].local).collect();
        let requests: BTreeSet<[u8; 32]> = asked.iter().map(|waiting| waiting.request).collect();
        let names: Vec<&str> = names.split_ascii_whitespace().collect();
        let is_meant = |request: &[u8; 32]| match names.is_empty() {
            true => requests.len() == 1,
            false => names.contains(&name_of(request).as_str()),
        };
        let mut meant = 0;
        for waiting in asked.into_iter().filter(|waiting| is_meant(&waiting.request)) {
            waiting.local = true;
            meant += 1;
        }
        if meant == 0 {
            let what = format!("a consent names none of the {} requests that wait for it", requests.len());
            self.outputs.push_back(Output::Noticed(what));
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
        self.ask_consent(now, tree, (by, &path), &guards, hash.finalize().into())
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
        let mut paths = BTreeSet::new();
        let mut makes_controllers = false;
        for change in changed {
            let path = match change {
                Change::Set { place, param, .. } => {
                    let name = &model.object(place.object).params[usize::from(*param)].name;
                    format!("{}{name}", text(place.object))
                }
                Change::Create { row, .. } | Change::Remove { row } => text(row.object).to_owned(),
            };
            let is_removal = matches!(change, Change::Remove { .. });
            makes_controllers |= !is_removal && decides_who_is_who(&path);
            paths.insert(path);
        }
        let mut guards = self.guarding(|target| paths.iter().any(|path| covers(target, path)));
        if makes_controllers {
            let with_roles =
                self.consents.guards.iter().enumerate().filter(|(_, guard)| guard.role.is_some());
            guards.extend(with_roles.map(|(at, _)| at));
            guards.sort_unstable();
            guards.dedup();
        }
        let Some(what) = paths.first().filter(|_| !guards.is_empty()) else { return Ok(()) };
        let request = Msg::request(String::new(), translate::request(operation.clone()));
        let request = Sha256::digest(request.encode()).into();
        self.ask_consent(now, tree, (asker.controller(), what), &guards, request)
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
        (by, what): (&EndpointId, &str),
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
        let others: BTreeSet<EndpointId> =
            self.controllers.iter().map(|known| known.endpoint.clone()).filter(|known| known != by).collect();
        let mut is_new = false;
        for guard in guards.iter().copied() {
            let waiting = &mut self.consents.waiting;
            if !waiting.iter().any(|waiting| (waiting.guard, waiting.request) == (guard, request)) {
                if waiting.len() >= MAX_WAITING_CONSENTS {
                    waiting.remove(0);
                }
                let until = now.mono + self.consents.guards[guard].window;
                let (by, others) = (by.clone(), others.clone());
                waiting.push(Waiting { guard, request, by, others, until, local: false });
                is_new = true;
            }
        }
        let name = name_of(&request);
        if is_new && guards.iter().any(|guard| self.consents.guards[*guard].local) {
            let what = format!("{what}: the request {name} of {by} waits for consent at the device");
            self.outputs.push_back(Output::Noticed(what));
        }
        Err(Fault::new(Code::PERMISSION_DENIED, first.reason(&name)))
    }

    fn has_consent(&self, tree: &Tree, by: &EndpointId, guard: usize, request: [u8; 32]) -> bool {
        let same = |waiting: &&Waiting| (waiting.guard, waiting.request) == (guard, request);
        let Some(waiting) = self.consents.waiting.iter().find(same) else { return false };
        let role = self.consents.guards[guard].role.as_deref();
        let has = |controller| role.is_some_and(|role| self.has_role(tree, controller, role));
        let is_second = waiting.by != *by && waiting.others.contains(by);
        waiting.local || is_second && (has(by) || has(&waiting.by))
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
    fn reason(&self, name: &str) -> String {
        let role = self
            .role
            .as_ref()
            .map(|role| format!("of a second controller, one of the two with the role {role:?}"));
        let local = self.local.then(|| format!("of somebody at the device, who names it {name}"));
        let whose: Vec<String> = role.into_iter().chain(local).collect();
        let seconds = self.window.as_secs();
        format!("it needs the consent {}: the same request within {seconds} s", whose.join(", or "))
    }
}

/// How people name a request: the first octets of its hash, so many that nobody finds two requests of one name.
fn name_of(request: &[u8; 32]) -> String {
    request[..16].iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Whether a path in supported form is one of those that say who is a controller, and what it may do.
fn decides_who_is_who(path: &str) -> bool {
    const CONTROLLER: &str = "Device.LocalAgent.Controller.{i}.";
    const IDENTITY: [&str; 6] = ["", "AssignedRole", "Credential", "Enable", "EndpointID", "X_CUSP_Pin"];
    const TABLES: [&str; 2] = ["Device.LocalAgent.ControllerTrust.", "Device.LocalAgent.Certificate."];
    path.strip_prefix(CONTROLLER).is_some_and(|name| IDENTITY.contains(&name))
        || TABLES.iter().any(|table| path.starts_with(table))
}

/// Whether a target stands for a path in supported form.
fn covers(target: &str, path: &str) -> bool {
    if target.ends_with('.') { path.starts_with(target) } else { path == target }
}
