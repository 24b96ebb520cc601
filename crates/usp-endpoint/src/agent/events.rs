//! Events: Boot! and Periodic! by the machine itself, all others as providers report them.

use std::collections::BTreeMap;

use dm::Now;
use dm::tree::{Bit, Place, Tree};
use usp_proto::EndpointId;
use usp_proto::notify::{Event, Notification};

use super::controllers::Controller;
use super::io::ModelEvent;
use super::subscriptions::{Kind, Subscription};
use super::timers::Timer;
use super::{AgentMachine, boot, places};

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
        // However many subscriptions a controller has, its map is made once.
        let mut maps: BTreeMap<EndpointId, String> = BTreeMap::new();
        for index in self.listeners(tree, &Place::root(), "Boot!") {
            let subscription = self.subscriptions[index].clone();
            let Some(controller) = self.controller(&subscription.recipient) else { continue };
            let map = maps.entry(controller.endpoint.clone()).or_insert_with(|| boot::map(tree, controller));
            let params = boot::arguments(&boot, map.clone());
            self.raise(&subscription, "Device.".to_owned(), "Boot!", params);
        }
    }

    /// What has to be fresh for the ParameterMap of Boot!.
    pub(super) fn boot_places(&self, tree: &Tree) -> Vec<Place> {
        let paths = self.controllers.iter().flat_map(|controller| boot::patterns(tree, controller));
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
