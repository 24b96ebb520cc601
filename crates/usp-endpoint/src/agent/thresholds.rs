//! `Device.LocalAgent.Threshold.`: numbers that are watched for their creator, who hears when one meets
//! its threshold. Edge-triggered: what counts is the step from the old value to the next.

use dm::model::Param;
use dm::path::{Path, Target};
use dm::tree::{Bit, Change, ChangeSet, Happening, NoInitial, Place, Requester, Tree};
use dm::{Now, Value};

use super::matching::{Fit, Trail};
use super::{AgentMachine, places};
use crate::limits::MAX_THRESHOLDS;

/// One enabled threshold.
#[derive(Clone, Debug)]
pub(super) struct Threshold {
    row: Place,
    /// Path of the row of the controller that made it.
    creator: String,
    /// The parameter, or a search for several.
    pub(super) watched: Path,
    operator: Operator,
    value: i128,
    /// Disabled once it has triggered.
    single: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operator {
    Rise,
    Fall,
    Cross,
    Equal,
    NotEqual,
}

impl Operator {
    fn parse(text: &str) -> Option<Operator> {
        Some(match text {
            "Rise" => Operator::Rise,
            "Fall" => Operator::Fall,
            "Cross" => Operator::Cross,
            "Eq" => Operator::Equal,
            "NotEq" => Operator::NotEqual,
            _ => return None,
        })
    }

    /// Whether the step from `old` to `new` meets the threshold.
    fn triggers(self, threshold: i128, old: i128, new: i128) -> bool {
        match self {
            Operator::Rise => old < threshold && new >= threshold,
            Operator::Fall => old > threshold && new <= threshold,
            Operator::Cross => {
                Operator::Rise.triggers(threshold, old, new) || Operator::Fall.triggers(threshold, old, new)
            }
            Operator::Equal => old != threshold && new == threshold,
            Operator::NotEqual => old == threshold && new != threshold,
        }
    }
}

/// The enabled thresholds. Rows that make no sense yet are inert.
pub(super) fn load(tree: &Tree) -> Vec<Threshold> {
    let Some(table) = places::table(tree, places::THRESHOLD) else { return Vec::new() };
    places::rows(tree, &table).into_iter().filter_map(|row| read(tree, row)).take(MAX_THRESHOLDS).collect()
}

fn read(tree: &Tree, row: Place) -> Option<Threshold> {
    if tree.value_of(&row, "Enable") != Some(&Value::Bool(true)) {
        return None;
    }
    let object = tree.text_of(&row, "ReferencePath");
    let path = format!("{}.{}", object.trim_end_matches('.'), tree.text_of(&row, "ThresholdParam"));
    let watched = Path::parse(&path).ok().filter(|path| matches!(path.target, Target::Param(_)))?;
    Some(Threshold {
        watched,
        operator: Operator::parse(&tree.text_of(&row, "ThresholdOperator"))?,
        value: tree.text_of(&row, "ThresholdValue").trim().parse().ok()?,
        single: tree.text_of(&row, "OperatingMode") == "Single",
        creator: tree.text_of(&row, "Controller"),
        row,
    })
}

impl AgentMachine {
    pub(super) fn check_thresholds(&mut self, now: Now, tree: &mut Tree, changes: &ChangeSet) {
        if self.thresholds.is_empty() {
            return;
        }
        let mut met: Vec<(Place, String, String, bool)> = Vec::new();
        for happening in changes {
            let Happening::Changed { place, param, old: Some(old), new: Some(new) } = happening else {
                continue;
            };
            let (Some(from), Some(to)) = (number(old), number(new)) else { continue };
            let model = tree.model();
            let param = &model.object(place.object).params[usize::from(*param)];
            let name = &param.name;
            for threshold in &self.thresholds {
                if threshold.watched.target == Target::Param(name.clone())
                    && threshold.operator.triggers(threshold.value, from, to)
                    && self.watches(tree, threshold, place, param)
                {
                    let path = place.leaf_text(model, name.as_str());
                    met.push((threshold.row.clone(), path, to.to_string(), threshold.single));
                }
            }
        }
        for (row, path, value, single) in met {
            // Several parameters may have met it at once; the first one has disabled a single one.
            if single && tree.value_of(&row, "Enable") != Some(&Value::Bool(true)) {
                continue;
            }
            let params = vec![("ParamPath".to_owned(), path), ("ParamValue".to_owned(), value)];
            self.raise_at(tree, &row, "Triggered!", &params);
            let param = tree.model().param_index(row.object, "Enable").filter(|_| single);
            if let Some(param) = param {
                let value = Some(Value::Bool(false));
                self.write(now, tree, &[Change::Set { place: row, param, value }]);
            }
        }
    }
}

impl AgentMachine {
    /// Whether it is of this parameter. A threshold has the permissions of its creator: it does not tell what
    /// that one could not read, by what it watches or by how that is searched for.
    fn watches(&self, tree: &Tree, threshold: &Threshold, place: &Place, param: &Param) -> bool {
        let is_it = |who: &Requester<'_>| {
            Trail::of(tree.model(), place).fits(tree, place, &threshold.watched, who) == Some(Fit::Here)
        };
        let creator = self.controllers.iter().find(|controller| controller.path == threshold.creator);
        let Some(creator) = creator else { return is_it(&Requester::full()) };
        let access = creator.access();
        let masked = param.hidden || (param.secured && !access.authority().sees_secured());
        !masked
            && access.may(tree, Bit::ParamRead, place, param.name.as_str())
            && is_it(&Requester { authority: access.authority(), defaults: &NoInitial })
    }
}

fn number(value: &Value) -> Option<i128> {
    match value {
        Value::Int(number) => Some(i128::from(*number)),
        Value::Uint(number) => Some(i128::from(*number)),
        _ => None,
    }
}
