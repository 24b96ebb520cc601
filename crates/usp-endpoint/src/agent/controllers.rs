//! The rows of `Device.LocalAgent.Controller.`, as far as they steer the machine.

use std::time::Duration;

use dm::tree::{Place, Tree};
use dm::{Now, UtcTime, Value};
use usp_proto::EndpointId;

use super::timers::Timer;
use super::{AgentMachine, places};
use crate::limits::MAX_CONTROLLERS;
use crate::retry::Schedule;

/// One enabled controller.
#[derive(Clone, PartialEq, Eq, Debug)]
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
    /// `ResultTypeFilter`: `Success`, `Failure`, `Both` or empty.
    pub(super) transfers: String,
}

/// When Periodic! is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Period {
    interval: Duration,
    /// Only its phase matters; `None` if it is the Unknown Time.
    phase: Option<UtcTime>,
}

/// The enabled controllers, by row.
pub(super) fn load(tree: &Tree) -> Vec<Controller> {
    let Some(table) = places::table(tree, places::CONTROLLER) else { return Vec::new() };
    let mut found: Vec<Controller> = Vec::new();
    for row in places::rows(tree, &table) {
        if found.len() >= MAX_CONTROLLERS {
            break;
        }
        if let Some(controller) = read(tree, row)
            && !found.iter().any(|known| known.endpoint == controller.endpoint)
        {
            found.push(controller);
        }
    }
    // Most agents have one.
    found.shrink_to_fit();
    found
}

fn read(tree: &Tree, row: Place) -> Option<Controller> {
    if tree.value_of(&row, "Enable") != Some(&Value::Bool(true)) {
        return None;
    }
    let endpoint = EndpointId::receive(&tree.text_of(&row, "EndpointID")).ok()?;
    let seconds = |name| uint(tree, &row, name).filter(|n| *n > 0).map(Duration::from_secs);
    let small = |name, default| {
        uint(tree, &row, name).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0).unwrap_or(default)
    };
    let usual = Schedule::default();
    let policy = places::below(tree.model(), &row, &["TransferCompletePolicy"]);
    Some(Controller {
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
        transfers: policy.map(|policy| tree.text_of(&policy, "ResultTypeFilter")).unwrap_or_default(),
        row,
    })
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
