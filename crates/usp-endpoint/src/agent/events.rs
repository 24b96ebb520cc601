//! Events: Boot! and Periodic! by the machine itself, all others as providers report them.

use dm::operation::Get;
use dm::path::ObjectPath;
use dm::tree::{Bit, Place, Requester, Tree};
use dm::{Now, Outcome, Type, Value};
use usp_proto::EndpointId;
use usp_proto::notify::{Event, Notification};

use super::controllers::Controller;
use super::io::{Boot, ModelEvent};
use super::subscriptions::{Kind, Subscription};
use super::timers::Timer;
use super::{AgentMachine, places};
use crate::limits::MAX_BOOT_PARAMETERS;

/// Objects whose events are for the controller alone that made the row.
const PRIVATE: [&str; 3] = ["Threshold", "Monitor", "Watchdog"];

impl AgentMachine {
    pub(super) fn event(&mut self, tree: &Tree, event: &ModelEvent) {
        self.tell_boot(tree);
        if let Some(place) = Place::of(tree.model(), &event.object) {
            self.raise_at(tree, &place, &event.name, &event.params);
        }
    }

    /// Tells an event of a place to those who asked for it and may hear of it.
    pub(super) fn raise_at(&mut self, tree: &Tree, place: &Place, name: &str, params: &[(String, String)]) {
        let owner = owner(tree, place);
        for index in self.listeners(tree, place, name) {
            let subscription = self.subscriptions[index].clone();
            let Some(controller) = self.controller(&subscription.recipient) else { continue };
            let stranger = owner.as_ref().is_some_and(|owner| *owner != controller.path);
            if !stranger && !filtered(controller, name, params) {
                self.raise(&subscription, place.text(tree.model()), name, params.to_vec());
            }
        }
    }

    /// Tells why the agent started, once; further calls do nothing.
    pub(super) fn tell_boot(&mut self, tree: &Tree) {
        let Some(boot) = self.boot.take() else { return };
        for index in self.listeners(tree, &Place::root(), "Boot!") {
            let subscription = self.subscriptions[index].clone();
            let Some(controller) = self.controller(&subscription.recipient) else { continue };
            let params = boot_params(&boot, parameter_map(tree, controller));
            self.raise(&subscription, "Device.".to_owned(), "Boot!", params);
        }
    }

    /// What has to be fresh for the ParameterMap of Boot!.
    pub(super) fn boot_places(&self, tree: &Tree) -> Vec<Place> {
        let paths = self.controllers.iter().flat_map(|controller| boot_parameters(tree, controller));
        paths.filter_map(|path| places::touched_text(tree.model(), &path)).collect()
    }

    pub(super) fn periodic(&mut self, now: Now, tree: &Tree, endpoint: &EndpointId) {
        let Some(period) = self.controller(endpoint).and_then(|controller| controller.period) else { return };
        self.timers.set(Timer::Periodic(endpoint.clone()), now.mono + period.next_wait(now));
        self.tell_boot(tree);
        let Some(place) = places::table(tree, &["LocalAgent"]) else { return };
        for index in self.listeners(tree, &place, "Periodic!") {
            let subscription = self.subscriptions[index].clone();
            if subscription.recipient == *endpoint {
                self.raise(&subscription, place.text(tree.model()), "Periodic!", Vec::new());
            }
        }
    }

    fn listeners(&self, tree: &Tree, place: &Place, name: &str) -> Vec<usize> {
        let bare = name.trim_end_matches('!');
        self.interested(tree, Kind::Event, place, bare, Bit::CommandNotify)
    }

    fn raise(&mut self, to: &Subscription, object: String, name: &str, params: Vec<(String, String)>) {
        let params = params.into_iter().collect();
        let event = Event { obj_path: object, event_name: name.to_owned(), params };
        self.enqueue(to, Notification::Event(event));
    }
}

/// The controller, by the path of its row, that alone hears the events of an object.
fn owner(tree: &Tree, place: &Place) -> Option<String> {
    let object = tree.model().object(place.object);
    let path = object.path.as_str().strip_prefix("Device.LocalAgent.")?;
    PRIVATE
        .iter()
        .any(|name| path.strip_prefix(name) == Some(".{i}."))
        .then(|| tree.text_of(place, "Controller"))
}

/// `TransferCompletePolicy.ResultTypeFilter`.
fn filtered(controller: &Controller, event: &str, params: &[(String, String)]) -> bool {
    if event != "TransferComplete!" {
        return false;
    }
    let code = params.iter().find(|(name, _)| name == "FaultCode").map(|(_, value)| value.as_str());
    let success = matches!(code, None | Some("0" | ""));
    match controller.transfers.as_str() {
        "Success" => !success,
        "Failure" => success,
        _ => false,
    }
}

fn boot_params(boot: &Boot, map: String) -> Vec<(String, String)> {
    let pairs = [
        ("Cause", boot.cause.clone()),
        ("CommandKey", boot.command_key.clone()),
        ("Reason", boot.reason.clone()),
        ("FirmwareUpdated", boot.firmware_updated.to_string()),
        ("ParameterMap", map),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The enabled rows of a controller's BootParameter table.
fn boot_parameters(tree: &Tree, controller: &Controller) -> Vec<String> {
    let Some(table) = places::below(tree.model(), &controller.row, &["BootParameter"]) else {
        return Vec::new();
    };
    let rows = places::rows(tree, &table).into_iter();
    let enabled = rows.filter(|row| tree.value_of(row, "Enable") == Some(&Value::Bool(true)));
    enabled.map(|row| tree.text_of(&row, "ParameterName")).filter(|name| !name.is_empty()).collect()
}

/// The values of the boot parameters as a JSON object. What does not resolve is left out.
fn parameter_map(tree: &Tree, controller: &Controller) -> String {
    let paths = boot_parameters(tree, controller);
    let access = controller.access();
    let who = Requester { authority: access.authority(), defaults: &dm::tree::NoInitial };
    let Outcome::Get(results) = tree.get(&Get { paths, max_depth: 0 }, &who) else { return "{}".to_owned() };
    let objects = results.into_iter().filter_map(|result| result.result.ok()).flatten();
    let mut members: Vec<(String, String)> = Vec::new();
    for object in objects {
        let place = ObjectPath::parse(&object.path).ok().and_then(|path| Place::of(tree.model(), &path));
        for (name, value) in object.params {
            let path = format!("{}{name}", object.path);
            if members.len() < MAX_BOOT_PARAMETERS && !members.iter().any(|(known, _)| *known == path) {
                let bare = place.as_ref().is_some_and(|place| is_bare(tree, place, &name));
                members.push((path, if bare { value } else { quoted(&value) }));
            }
        }
    }
    let members: Vec<String> =
        members.into_iter().map(|(path, value)| format!("{}:{value}", quoted(&path))).collect();
    format!("{{{}}}", members.join(","))
}

/// Whether a value is a number or boolean in JSON too.
fn is_bare(tree: &Tree, place: &Place, name: &str) -> bool {
    let param = tree.model().object(place.object).param(name);
    param.is_some_and(|param| {
        !param.is_list()
            && !param.is_secret()
            && matches!(
                param.ty,
                Type::Boolean
                    | Type::Int
                    | Type::UnsignedInt
                    | Type::Long
                    | Type::UnsignedLong
                    | Type::Decimal
            )
    })
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            c if u32::from(c) < 0x20 => json.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => json.push(c),
        }
    }
    json.push('"');
    json
}
