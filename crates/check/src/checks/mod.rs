//! The checks: one file per message or layer, each with its table.
//!
//! An id is a requirement id of TR-369, a dash, and a few words. To add a check: write the function, give it a
//! row in its file's table, and give the wrong agent of the tests a fault that breaks just this rule.

mod add;
mod brokers;
mod commands;
mod delete;
mod deleting;
mod dialling;
mod encoding;
mod get;
mod identity;
mod listening;
mod messages;
mod model;
mod mqtt_connect;
mod mqtt_publish;
mod notify;
mod onboarding;
mod operate;
mod paths;
mod reboot;
mod records;
mod references;
mod roles;
mod search;
mod session_life;
mod session_order;
mod session_proof;
mod sessions;
mod set;
mod socket;
mod stomp;
mod subscriptions;
mod table;
mod tls;
mod uds;
mod writes;

use std::fmt;
use std::pin::Pin;

use crate::bench::Bench;
use crate::target::Need;
use crate::verdict::{Level, Stop};

/// A check under way.
pub type Run<'a> = Pin<Box<dyn Future<Output = Result<(), Stop>> + Send + 'a>>;

/// One check.
pub struct Check {
    /// `R-GET.1a-search-without-hits`: the requirement, and a few words.
    pub id: &'static str,
    /// What must hold, in a sentence.
    pub title: &'static str,
    /// How strictly it must.
    pub level: Level,
    /// What the agent must have; without it the check is skipped.
    pub needs: &'static [Need],
    /// Set-up, stimulus, expectation.
    pub run: for<'a> fn(&'a mut Bench) -> Run<'a>,
}

impl Check {
    /// The requirement that it proves: `R-GET.1a`.
    pub fn requirement(&self) -> &'static str {
        let end = self.id.match_indices('-').nth(1).map_or(self.id.len(), |(at, _)| at);
        &self.id[..end]
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.id).finish()
    }
}

/// Codes that checks expect, as the standard's table has them.
mod code {
    pub(super) const INVALID_ARGUMENTS: u32 = 7004;
    pub(super) const INVALID_PATH_SYNTAX: u32 = 7008;
    pub(super) const NOT_A_TABLE: u32 = 7018;
    pub(super) const COMMAND_CANCELED: u32 = 7023;
    pub(super) const INVALID_PATH: u32 = 7026;
    pub(super) const INVALID_COMMAND_ARGUMENTS: u32 = 7027;
    /// The codes of bad Records.
    pub(super) const RECORD_ERRORS: std::ops::RangeInclusive<u32> = 7100..=7199;
}

/// A row of a table.
macro_rules! check {
    ($run:ident, $id:literal, [$($need:ident),*], $title:literal) => {
        crate::checks::Check {
            id: $id,
            title: $title,
            level: crate::verdict::Level::Must,
            needs: &[$(crate::target::Need::$need),*],
            run: |bench| Box::pin($run(bench)),
        }
    };
}
use check;

/// A row of a table for what an agent only should do.
macro_rules! should {
    ($run:ident, $id:literal, [$($need:ident),*], $title:literal) => {
        crate::checks::Check {
            level: crate::verdict::Level::Should,
            ..crate::checks::check!($run, $id, [$($need),*], $title)
        }
    };
}
use should;

/// Every table, in the order in which they are run.
pub static ALL: &[&[Check]] = &[
    records::CHECKS,
    identity::CHECKS,
    sessions::CHECKS,
    session_order::CHECKS,
    session_life::CHECKS,
    session_proof::CHECKS,
    socket::CHECKS,
    dialling::CHECKS,
    listening::CHECKS,
    tls::CHECKS,
    mqtt_connect::CHECKS,
    mqtt_publish::CHECKS,
    stomp::CHECKS,
    brokers::CHECKS,
    uds::CHECKS,
    encoding::CHECKS,
    messages::CHECKS,
    model::CHECKS,
    paths::CHECKS,
    search::CHECKS,
    get::CHECKS,
    set::CHECKS,
    add::CHECKS,
    delete::CHECKS,
    writes::CHECKS,
    operate::CHECKS,
    commands::CHECKS,
    notify::CHECKS,
    subscriptions::CHECKS,
    onboarding::CHECKS,
    roles::CHECKS,
    deleting::CHECKS,
    references::CHECKS,
    table::CHECKS,
    reboot::CHECKS,
];

/// Every check, in the order in which they are run.
pub fn all() -> impl Iterator<Item = &'static Check> {
    ALL.iter().copied().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::all;

    #[test]
    fn ids_are_unique_and_name_known_requirements() {
        let table = include_str!("../../../../docs/requirements.csv");
        let known: BTreeSet<&str> = table.lines().filter_map(|line| line.split(',').next()).collect();
        let mut ids = BTreeSet::new();
        for check in all() {
            assert!(ids.insert(check.id), "{} occurs twice", check.id);
            assert!(known.contains(check.requirement()), "{}", check.id);
            assert!(check.id.len() > check.requirement().len() + 1, "{} says too little", check.id);
        }
    }
}
