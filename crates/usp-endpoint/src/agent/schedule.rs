//! `Device.ScheduleTimer()`: a command of the agent itself that ends after a delay, and outlives restarts
//! (TR-181).
//!
//! Rows of `Device.LocalAgent.Request.` do not outlive one. What a timer has to remember stands in a table of our
//! own beside it, `Device.LocalAgent.X_CUSP_Timer.{i}.`, which is kept like any other table of the agent. After a
//! restart the Request row is made again, under its number. Without a clock, before the restart or after it,
//! nobody knows how much of the delay has passed: then it passes once more, so that no timer ends early.

use std::num::NonZeroU32;
use std::time::Duration;

use dm::model::{Arg, Command, ModelBuilder, ModelError, ObjectDef, Param};
use dm::operation::CommandResult;
use dm::path::Name;
use dm::schema::{Facets, Range};
use dm::tree::{Change, CommandCall, Place, Tree};
use dm::{Code, Fault, Now, Type, UtcTime, Value};

use super::controllers::uint;
use super::request_rows::{self, Requester, set};
use super::timers::Timer;
use super::{AgentMachine, places};
use crate::limits::MAX_TIMERS;

const TABLE: &str = "Device.LocalAgent.X_CUSP_Timer.{i}.";
const PATH: &str = "Device.ScheduleTimer()";

/// Adds the command, and the table that it needs, to a supported model.
///
/// # Errors
/// When the model is full.
pub fn support(model: &mut ModelBuilder) -> Result<(), ModelError> {
    let name = |text: &str| Name::parse(text).expect("a constant of this file");
    let range = Range { min: Some(1), ..Range::default() };
    let facets = Facets { ranges: vec![range], units: Some("seconds".to_owned()), ..Facets::default() };
    let delay = Arg {
        name: "DelaySeconds".to_owned(),
        ty: Type::UnsignedInt,
        facets,
        mandatory: true,
        default: None,
    };
    let command =
        Command { name: name("ScheduleTimer"), is_async: true, inputs: vec![delay], outputs: Vec::new() };
    model.command("Device.", command)?.object(TABLE, ObjectDef::default())?;
    for (param, ty) in [
        ("CommandKey", Type::String),
        ("DelaySeconds", Type::UnsignedInt),
        ("Due", Type::DateTime),
        ("Originator", Type::String),
        ("Request", Type::UnsignedInt),
    ] {
        model.param(TABLE, Param::new(name(param), ty))?;
    }
    Ok(())
}

impl AgentMachine {
    /// Starts a timer. `None`: this device has no such command of the agent itself.
    pub(super) fn schedule_timer(
        &mut self,
        now: Now,
        tree: &mut Tree,
        asker: &Requester<'_>,
        call: &CommandCall,
    ) -> Option<Result<CommandResult, Fault>> {
        let table = places::table(tree, places::TIMER)?;
        let seconds = call.args.iter().find(|(name, _)| name == "DelaySeconds");
        let seconds = seconds.and_then(|(_, value)| value.trim().parse::<u32>().ok()).unwrap_or(1);
        let rows = places::rows(tree, &table);
        let is_twin = |row: &Place| {
            tree.text_of(row, "Originator") == asker.originator
                && tree.text_of(row, "CommandKey") == asker.command_key
        };
        if rows.iter().any(is_twin) {
            return Some(Err(request_rows::twin()));
        }
        if rows.len() >= MAX_TIMERS {
            return Some(Err(Fault::new(Code::RESOURCES_EXCEEDED, "too many timers")));
        }
        let number = tree.last_number(&table).checked_add(1).and_then(NonZeroU32::new)?;
        let (request, mut changes) = request_rows::new(tree, asker, PATH)?;
        let delay = Duration::from_secs(seconds.into());
        let row = table.row(number);
        changes.extend(tree.with_defaults(&row));
        changes.extend(set(tree, &row, "Originator", asker.originator));
        changes.extend(set(tree, &row, "CommandKey", asker.command_key));
        let due = now.utc.map_or(UtcTime::UNKNOWN, |utc| utc + delay);
        for (name, value) in [
            ("Request", Value::Uint(request.get().into())),
            ("DelaySeconds", Value::Uint(seconds.into())),
            ("Due", Value::Time(due)),
        ] {
            let param = tree.model().param_index(row.object, name)?;
            changes.push(Change::Set { place: row.clone(), param, value: Some(value) });
        }
        self.timers.set(Timer::Scheduled(number.get()), now.mono + delay);
        self.write(now, tree, &changes);
        let request = request_rows::row(tree, request)?;
        Some(Ok(CommandResult::Started(request.text(tree.model()))))
    }

    /// Takes up the timers that an earlier life left: their rows of the Request table, and their clocks.
    pub(super) fn resume_timers(&mut self, now: Now, tree: &Tree) -> Vec<Change> {
        let Some(table) = places::table(tree, places::TIMER) else { return Vec::new() };
        let mut changes = Vec::new();
        for row in places::rows(tree, &table) {
            let (Some(number), Some(request)) = (row.rows().last(), request_of(tree, &row)) else { continue };
            let (originator, key) = (tree.text_of(&row, "Originator"), tree.text_of(&row, "CommandKey"));
            let asker = Requester { originator: &originator, command_key: &key };
            changes.extend(request_rows::changes(tree, &asker, PATH, request));
            let delay = Duration::from_secs(uint(tree, &row, "DelaySeconds").unwrap_or(0));
            let due = match tree.value_of(&row, "Due") {
                Some(Value::Time(due)) if !due.is_unknown() => Some(*due),
                _ => None,
            };
            let wait = match (now.utc, due) {
                // A clock that was corrected backwards does not make the delay longer.
                (Some(utc), Some(due)) => {
                    Duration::from_micros(u64::try_from(due.0.saturating_sub(utc.0)).unwrap_or(0)).min(delay)
                }
                _ => delay,
            };
            self.timers.set(Timer::Scheduled(number.get()), now.mono + wait);
        }
        changes
    }

    /// The delay of a timer, by row number, has passed.
    pub(super) fn timer_due(&mut self, now: Now, tree: &mut Tree, number: u32) {
        // Nothing is told before Boot!.
        self.tell_boot(tree);
        let row = NonZeroU32::new(number).zip(places::table(tree, places::TIMER));
        if let Some((number, table)) = row {
            self.end_timer(now, tree, &table.row(number), Ok(Vec::new()));
        }
    }

    /// Cancels the timer that a row of the Request table stands for, if it stands for one.
    pub(super) fn cancel_timer(&mut self, now: Now, tree: &mut Tree, request: &Place) -> bool {
        let rows = places::table(tree, places::TIMER).map(|table| places::rows(tree, &table));
        let number = request.rows().last().copied();
        let row = rows.into_iter().flatten().find(|row| request_of(tree, row) == number);
        let Some(row) = row else { return false };
        self.end_timer(now, tree, &row, Err(request_rows::cancelled()));
        true
    }

    fn end_timer(
        &mut self,
        now: Now,
        tree: &mut Tree,
        row: &Place,
        result: Result<Vec<(String, String)>, Fault>,
    ) {
        let (Some(number), Some(request)) = (row.rows().last(), request_of(tree, row)) else { return };
        self.timers.cancel(&Timer::Scheduled(number.get()));
        self.complete(tree, PATH, &tree.text_of(row, "CommandKey"), result);
        let request = request_rows::row(tree, request);
        let gone = request.into_iter().chain([row.clone()]);
        let changes: Vec<Change> = gone.map(|row| Change::Remove { row }).collect();
        self.write(now, tree, &changes);
    }
}

/// The number of the Request row of a timer.
fn request_of(tree: &Tree, row: &Place) -> Option<NonZeroU32> {
    uint(tree, row, "Request").and_then(|number| u32::try_from(number).ok()).and_then(NonZeroU32::new)
}
