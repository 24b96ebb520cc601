//! The reference model: what must hold, whatever happens.
//!
//! - A notification is stored before it is acknowledged.
//! - What an agent had to tell arrives, unless the agent restarted first.
//! - A job ends exactly once; an Add or Operate of one job is carried out once at most.
//! - The device is in the end what the answers said.
//! - What a subscription has to set in the device is set, unless the agent restarted first.
//! - Once connections hold, the agent is onboarded.

use std::collections::{BTreeMap, BTreeSet};

use dm::tree::Tree;
use usp_endpoint::controller::io::{Notice, Notification};

use super::model::rows;

/// What onboarding leaves behind: nothing is missing and nothing stands there twice.
const ONBOARDED: [(&str, &str, &[&str]); 2] = [
    ("Device.LocalAgent.Subscription.", "ID", &["arm", "cusp-boot", "cusp-commands", "cusp-values"]),
    ("Device.LocalAgent.Controller.1.BootParameter.", "ParameterName", &["Device.DeviceInfo.SerialNumber"]),
];

/// What an agent has to tell.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum News {
    /// A value of the counter.
    Counter(String),
    /// The start with this key.
    Boot(String),
    /// The end of the command with this key.
    Complete(String),
}

impl News {
    /// What a notification tells, if it is one that the model knows of.
    pub(super) fn of(notification: &Notification) -> Option<News> {
        match &notification.what {
            Notice::ValueChange { value, .. } => Some(News::Counter(value.clone())),
            Notice::Event { params, .. } => {
                let key = params.iter().find(|(name, _)| name == "CommandKey");
                key.map(|(_, key)| News::Boot(key.clone()))
            }
            Notice::OperationComplete { command_key, .. } => Some(News::Complete(command_key.clone())),
            _ => None,
        }
    }
}

/// What a subscription of the plan asks for.
pub(super) fn subscribed(tree: &Tree, id: &str) -> bool {
    let rows = rows(tree, "Device.LocalAgent.Subscription.", ["ID", "Enable"]);
    rows.iter().any(|[have, enable]| have == id && enable == "true")
}

#[derive(Default)]
pub(super) struct Expect {
    /// What must arrive yet.
    news: BTreeSet<News>,
    /// What `Device.Test.Level` may be.
    levels: BTreeSet<u64>,
    /// Names of rows that must, and that may, exist.
    rows: BTreeMap<String, Presence>,
    /// How often each job that must not be repeated was carried out.
    runs: BTreeMap<String, u32>,
    pub(super) violation: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Presence {
    Must,
    May,
    MustNot,
}

impl Expect {
    pub(super) fn new() -> Expect {
        Expect { levels: BTreeSet::from([0]), ..Expect::default() }
    }

    /// The first violation is the one that counts.
    pub(super) fn violate(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    pub(super) fn tell(&mut self, news: News) {
        self.news.insert(news);
    }

    /// The agent restarted: what it had not told is gone with its memory.
    pub(super) fn forget(&mut self) {
        self.news.clear();
    }

    pub(super) fn stored(&mut self, notification: &Notification) {
        if let Some(news) = News::of(notification) {
            self.news.remove(&news);
        }
    }

    /// An Add or Operate of this job happens on the device.
    pub(super) fn carried_out(&mut self, job: &str) {
        let runs = self.runs.entry(job.to_owned()).or_default();
        *runs += 1;
        if *runs > 1 {
            self.violate(format!("{job} was carried out twice"));
        }
    }

    pub(super) fn level(&mut self, value: u64, certain: bool) {
        if certain {
            self.levels.clear();
        }
        self.levels.insert(value);
    }

    pub(super) fn added(&mut self, name: &str, certain: bool) {
        self.rows.insert(name.to_owned(), if certain { Presence::Must } else { Presence::May });
    }

    pub(super) fn deleted(&mut self, name: &str, certain: bool) {
        self.rows.insert(name.to_owned(), if certain { Presence::MustNot } else { Presence::May });
    }

    /// What is still to come; `None` when all has.
    pub(super) fn missing(&self) -> Option<String> {
        self.news.first().map(|news| format!("{news:?} never arrived"))
    }

    /// The device at the end.
    pub(super) fn judge(&mut self, tree: &Tree) {
        let level = tree.text_of(&super::model::place(tree, "Device.Test."), "Level");
        if !level.parse().is_ok_and(|level| self.levels.contains(&level)) {
            self.violate(format!("the level is {level}, and not of {:?}", self.levels));
        }
        let names: Vec<String> = rows(tree, "Device.Test.Row.", ["Name"]).into_flattened();
        for (name, presence) in self.rows.clone() {
            let count = names.iter().filter(|have| **have == name).count();
            let right = match presence {
                Presence::Must => count == 1,
                Presence::May => count <= 1,
                Presence::MustNot => count == 0,
            };
            if !right {
                self.violate(format!("{count} rows are named {name}, of which {presence:?} be one"));
            }
        }
        if let Some(stranger) = names.iter().find(|name| !self.rows.contains_key(*name)) {
            self.violate(format!("nobody asked for a row {stranger}"));
        }
        for (table, name, wanted) in ONBOARDED {
            let mut found = rows(tree, table, [name]).into_flattened();
            found.sort_unstable();
            if found != wanted {
                self.violate(format!("{table} holds {found:?}"));
            }
        }
    }
}
