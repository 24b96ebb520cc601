//! The rows of `Device.LocalAgent.Subscription.` (R-NOT.0), and which of them a happening concerns.
//!
//! That a ReferenceList is written once is the model's to say (`writeOnceReadOnly`), and that a row goes
//! with its recipient is the tree's: the recipient is a strong reference and a part of the key.

use std::collections::BTreeMap;
use std::time::Duration;

use dm::operation::ObjectSettings;
use dm::path::{Path, Target};
use dm::tree::{Change, Place, Requester, Tree};
use dm::value::split_list;
use dm::{Mono, Now, Value};
use usp_proto::EndpointId;

use super::controllers::uint;
use super::io::Output;
use super::matching::{Fit, Trail};
use super::timers::Timer;
use super::{AgentMachine, places, trigger};
use crate::limits::{MAX_REFERENCES, MAX_SUBSCRIPTIONS};

/// One enabled subscription of an enabled controller.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) row: u32,
    pub(super) recipient: EndpointId,
    pub(super) id: String,
    pub(super) kind: Kind,
    references: Vec<Path>,
    /// Whether the recipient is told (TriggerAction).
    pub(super) notifies: bool,
    /// What is set in the device when it is triggered; nothing if it only notifies.
    pub(super) config: Vec<ObjectSettings>,
    pub(super) retry: bool,
    pub(super) expiration: Option<Duration>,
}

/// NotifType.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    ValueChange,
    ObjectCreation,
    ObjectDeletion,
    OperationComplete,
    Event,
}

impl Kind {
    pub(super) fn parse(text: &str) -> Option<Kind> {
        Some(match text {
            "ValueChange" => Kind::ValueChange,
            "ObjectCreation" => Kind::ObjectCreation,
            "ObjectDeletion" => Kind::ObjectDeletion,
            "OperationComplete" => Kind::OperationComplete,
            "Event" => Kind::Event,
            _ => return None,
        })
    }
}

impl Subscription {
    /// Whether it speaks of this place and leaf (parameter, command or event, bare; empty for rows).
    /// Creations are asked for by table, deletions by row, and an object path stands for every
    /// parameter, command or event in it and below.
    pub(super) fn concerns(
        &self,
        tree: &Tree,
        trail: &Trail<'_>,
        place: &Place,
        leaf: &str,
        who: &Requester<'_>,
    ) -> bool {
        self.references.iter().any(|path| {
            let fit = |path| trail.fits(tree, place, path, who);
            match (&path.target, self.kind) {
                (Target::Object, Kind::ObjectCreation) => fit(path) == Some(Fit::Table),
                (Target::Object, Kind::ObjectDeletion) => fit(path) == Some(Fit::Here),
                (Target::Object, _) => fit(path).is_some(),
                (Target::Param(name), Kind::ValueChange)
                | (Target::Command(name), Kind::OperationComplete)
                | (Target::Event(name), Kind::Event) => name.as_str() == leaf && fit(path) == Some(Fit::Here),
                _ => false,
            }
        })
    }
}

/// Rows that a restart removes: those that are not persistent, or whose time has passed; without a clock
/// nobody knows, so that any time has passed.
pub(super) fn leftovers(now: Now, tree: &Tree) -> Vec<Place> {
    let Some(table) = places::table(tree, places::SUBSCRIPTION) else { return Vec::new() };
    let mut rows = places::rows(tree, &table);
    rows.retain(|row| {
        let passed =
            time_to_live(tree, row).is_some_and(|life| age(now, tree, row).is_none_or(|age| age >= life));
        passed || tree.value_of(row, "Persistent") != Some(&Value::Bool(true))
    });
    rows
}

fn time_to_live(tree: &Tree, row: &Place) -> Option<Duration> {
    uint(tree, row, "TimeToLive").filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// The time since CreationDate, if both ends are known.
fn age(now: Now, tree: &Tree, row: &Place) -> Option<Duration> {
    let Some(Value::Time(created)) = tree.value_of(row, "CreationDate") else { return None };
    let known = !created.is_unknown() && created.since_boot().is_none();
    let utc = now.utc.filter(|_| known)?;
    Some(Duration::from_micros(u64::try_from(utc.0 - created.0).unwrap_or(0)))
}

impl AgentMachine {
    pub(super) fn load_subscriptions(&mut self, now: Now, tree: &Tree) {
        let rows = places::table(tree, places::SUBSCRIPTION).map(|table| places::rows(tree, &table));
        let rows = rows.unwrap_or_default();
        self.set_expiries(now, tree, &rows);
        let read = rows.iter().filter_map(|row| self.read_subscription(tree, row));
        self.subscriptions = read.take(MAX_SUBSCRIPTIONS).collect();
    }

    fn read_subscription(&self, tree: &Tree, row: &Place) -> Option<Subscription> {
        if tree.value_of(row, "Enable") != Some(&Value::Bool(true)) {
            return None;
        }
        let (notifies, configures) = match tree.text_of(row, "TriggerAction").as_str() {
            "Config" => (false, true),
            "NotifyAndConfig" => (true, true),
            _ => (true, false),
        };
        let config = configures.then(|| tree.text_of(row, "TriggerConfigSettings"));
        let recipient = tree.text_of(row, "Recipient");
        let controller = self.controllers.iter().find(|controller| controller.path == recipient)?;
        let list = tree.text_of(row, "ReferenceList");
        let references = split_list(&list).take(MAX_REFERENCES).filter_map(|item| Path::parse(&item).ok());
        let mut references: Vec<Path> = references.collect();
        // Most lists have one item, for which a growing vector makes room for four.
        references.shrink_to_fit();
        Some(Subscription {
            row: row.rows().last()?.get(),
            recipient: controller.endpoint.clone(),
            id: tree.text_of(row, "ID"),
            kind: Kind::parse(&tree.text_of(row, "NotifType"))?,
            references,
            notifies,
            config: config.and_then(|text| trigger::settings(&text).ok()).unwrap_or_default(),
            retry: tree.value_of(row, "NotifRetry") == Some(&Value::Bool(true)),
            expiration: uint(tree, row, "NotifExpiration").filter(|s| *s > 0).map(Duration::from_secs),
        })
    }

    /// One timer per row with a TimeToLive. Where no clock tells the age of a row, it counts from when
    /// the row was first seen.
    fn set_expiries(&mut self, now: Now, tree: &Tree, rows: &[Place]) {
        let mut seen: BTreeMap<u32, Mono> = BTreeMap::new();
        for row in rows {
            let Some(number) = row.rows().last().map(|number| number.get()) else { continue };
            let first = self.first_seen.get(&number).copied().unwrap_or(now.mono);
            seen.insert(number, first);
            match time_to_live(tree, row) {
                Some(life) => {
                    let age = age(now, tree, row).unwrap_or_else(|| now.mono.since(first));
                    self.timers.set(Timer::Expiry(number), now.mono + life.saturating_sub(age));
                }
                None => self.timers.cancel(&Timer::Expiry(number)),
            }
        }
        for gone in self.first_seen.keys().filter(|number| !seen.contains_key(number)) {
            self.timers.cancel(&Timer::Expiry(*gone));
        }
        self.first_seen = seen;
    }

    /// The TimeToLive of a row has passed.
    pub(super) fn expire(&mut self, now: Now, tree: &mut Tree, number: u32) {
        let Some(table) = places::table(tree, places::SUBSCRIPTION) else { return };
        let row = places::rows(tree, &table)
            .into_iter()
            .find(|row| row.rows().last().is_some_and(|n| n.get() == number));
        if let Some(row) = row {
            self.write(now, tree, &[Change::Remove { row }]);
        }
    }

    /// Tells the host which places have to be looked at for ValueChange (R-NOT.0a) and thresholds.
    pub(super) fn watch(&mut self, tree: &Tree) {
        let references =
            self.subscriptions.iter().filter(|subscription| subscription.kind == Kind::ValueChange);
        let mut places: Vec<Place> = references
            .flat_map(|subscription| &subscription.references)
            .chain(self.thresholds.iter().map(|threshold| &threshold.watched))
            .filter_map(|path| places::touched(tree.model(), path))
            .collect();
        places::tidy(tree.model(), &mut places);
        if places != self.watched {
            self.watched.clone_from(&places);
            self.outputs.push_back(Output::Watch(places));
        }
    }
}
