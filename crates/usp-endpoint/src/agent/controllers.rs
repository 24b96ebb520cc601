//! The rows of `Device.LocalAgent.Controller.`, as far as they steer the machine.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use dm::tree::{Place, Tree};
use dm::{Now, UtcTime, Value};
use usp_proto::EndpointId;

use super::access::Access;
use super::roles::{self, Standing};
use super::timers::Timer;
use super::{AgentMachine, places, sessions};
use crate::limits::MAX_CONTROLLERS;
use crate::retry::Schedule;
use crate::session::io::Policy;

/// One enabled controller.
#[derive(Clone, Debug)]
pub(super) struct Controller {
    pub(super) row: Place,
    /// Path of the row without the dot at the end, as references have it.
    pub(super) path: String,
    pub(super) endpoint: EndpointId,
    /// Whether it has finished onboarding, or the model knows no such thing.
    pub(super) onboarded: bool,
    pub(super) restart_after: Option<Duration>,
    pub(super) retry: Schedule,
    pub(super) period: Option<Period>,
    /// How end-to-end sessions with it are; none if the model knows none.
    pub(super) sessions: Option<Box<Policy>>,
    /// `ResultTypeFilter`: `Success`, `Failure`, `Both` or empty.
    pub(super) transfers: String,
    /// Rows of the Role table, ascending; none if there are no roles in this device.
    roles: Box<[NonZeroU32]>,
    access: Access,
}

/// When Periodic! is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Period {
    interval: Duration,
    /// Only its phase matters; `None` if it is the Unknown Time.
    phase: Option<UtcTime>,
}

/// The table, as far as it is enabled.
#[derive(Default)]
pub(super) struct Loaded {
    /// Those that are served, by row.
    pub(super) served: Vec<Controller>,
    /// Those that have the BannedRole.
    pub(super) banned: BTreeSet<EndpointId>,
}

/// Reads the table. What roles grant is taken from `known` controllers with the same roles, if there are any,
/// and compiled otherwise.
pub(super) fn load(tree: &Tree, known: &[Controller]) -> Loaded {
    let mut loaded = Loaded::default();
    let Some(table) = places::table(tree, places::CONTROLLER) else { return loaded };
    for row in places::rows(tree, &table) {
        if loaded.served.len() + loaded.banned.len() >= MAX_CONTROLLERS {
            break;
        }
        let Some(endpoint) = enabled(tree, &row) else { continue };
        if loaded.banned.contains(&endpoint) || loaded.served.iter().any(|other| other.endpoint == endpoint) {
            continue;
        }
        let roles = match roles::standing(tree, &row) {
            Standing::Banned => {
                loaded.banned.insert(endpoint);
                continue;
            }
            Standing::NoRoles => None,
            Standing::Roles(roles) => Some(roles),
        };
        let controller = read(tree, row, endpoint, roles, known.iter().chain(&loaded.served));
        loaded.served.push(controller);
    }
    // Most agents have one.
    loaded.served.shrink_to_fit();
    loaded
}

/// The endpoint of a row that is enabled.
fn enabled(tree: &Tree, row: &Place) -> Option<EndpointId> {
    let is_enabled = tree.value_of(row, "Enable") == Some(&Value::Bool(true));
    EndpointId::receive(&tree.text_of(row, "EndpointID")).ok().filter(|_| is_enabled)
}

fn read<'a>(
    tree: &Tree,
    row: Place,
    endpoint: EndpointId,
    roles: Option<Box<[NonZeroU32]>>,
    mut known: impl Iterator<Item = &'a Controller>,
) -> Controller {
    let access = match &roles {
        None => Access::Full { secured: false },
        Some(roles) => match known.find(|controller| controller.roles == *roles) {
            Some(controller) => controller.access.clone(),
            None => roles::access(tree, roles),
        },
    };
    let seconds = |name| uint(tree, &row, name).filter(|n| *n > 0).map(Duration::from_secs);
    let small = |name, default| {
        uint(tree, &row, name).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0).unwrap_or(default)
    };
    let usual = Schedule::default();
    let policy = places::below(tree.model(), &row, &["TransferCompletePolicy"]);
    Controller {
        path: tree_path(tree, &row),
        endpoint,
        onboarded: tree.value_of(&row, "OnBoardingComplete") != Some(&Value::Bool(false)),
        restart_after: seconds("OnBoardingRestartTime"),
        retry: Schedule {
            minimum_wait_s: small("USPNotifRetryMinimumWaitInterval", usual.minimum_wait_s),
            multiplier: small("USPNotifRetryIntervalMultiplier", usual.multiplier),
        },
        period: seconds("PeriodicNotifInterval").map(|interval| Period {
            interval,
            phase: match tree.value_of(&row, "PeriodicNotifTime") {
                Some(Value::Time(time)) if !time.is_unknown() => Some(*time),
                _ => None,
            },
        }),
        sessions: sessions::policy(tree, &row),
        transfers: policy.map(|policy| tree.text_of(&policy, "ResultTypeFilter")).unwrap_or_default(),
        row,
        roles: roles.unwrap_or_default(),
        access,
    }
}

impl Controller {
    /// Rows of the Role table, ascending.
    pub(super) fn roles(&self) -> &[NonZeroU32] {
        &self.roles
    }

    /// What it may do.
    pub(super) fn access(&self) -> &Access {
        &self.access
    }
}

/// The path of a row as references have it: without the dot at the end.
pub(super) fn tree_path(tree: &Tree, row: &Place) -> String {
    row.text(tree.model()).trim_end_matches('.').to_owned()
}

pub(super) fn uint(tree: &Tree, place: &Place, name: &str) -> Option<u64> {
    match tree.value_of(place, name)? {
        Value::Uint(number) => Some(*number),
        _ => None,
    }
}

impl Period {
    /// How long until the turn after one that has just been taken. A clock that was set back a little
    /// meanwhile does not make it come twice.
    pub(super) fn next_wait(&self, now: Now) -> Duration {
        let wait = self.wait(now);
        if wait < self.interval / 2 { wait + self.interval } else { wait }
    }

    /// How long until the next turn.
    pub(super) fn wait(&self, now: Now) -> Duration {
        let interval = i64::try_from(self.interval.as_micros()).unwrap_or(i64::MAX);
        match (now.utc, self.phase) {
            (Some(utc), Some(phase)) => {
                let since = utc.0.saturating_sub(phase.0).rem_euclid(interval);
                Duration::from_micros((interval - since).unsigned_abs())
            }
            _ => self.interval,
        }
    }
}

impl AgentMachine {
    /// The enabled controller of this endpoint.
    pub(super) fn controller(&self, endpoint: &EndpointId) -> Option<&Controller> {
        self.controllers.iter().find(|controller| controller.endpoint == *endpoint)
    }

    /// Brings queues, periods and onboarding in line with the table.
    pub(super) fn settle_controllers(&mut self, now: Now) {
        for controller in self.controllers.clone() {
            let queue = self.queues.entry(controller.endpoint.clone()).or_default();
            let turned = queue.period != controller.period;
            queue.period = controller.period;
            let timer = Timer::Periodic(controller.endpoint.clone());
            match controller.period {
                Some(period) if turned => self.timers.set(timer, now.mono + period.wait(now)),
                Some(_) => {}
                None => self.timers.cancel(&timer),
            }
            if controller.onboarded {
                self.end_onboarding(&controller.endpoint);
            } else if self.needs_onboarding(&controller.endpoint) {
                self.onboard(&controller.endpoint);
            }
        }
    }
}
