//! Add (TR-369 section 7.4.1): new rows.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use crate::fault::{Code, Fault};
use crate::limits;
use crate::operation::{
    Add, CreatedInstance, InstanceFailure, ObjectAccess, ObjectSettings, Outcome, ParamFault, Requested,
    UpdateFailure,
};
use crate::path::{Name, ObjectPath, Path, Target};
use crate::tree::assign::Assigner;
use crate::tree::judge::{Overruled, Touch};
use crate::tree::plan::{AddResult, Plan, UnitPlan, exceeded, message_failure};
use crate::tree::{Bit, Change, Effort, Place, Requester, Tree};
use crate::value::Value;

/// One row to create: a request and the one table that it resolved to.
struct Unit<'a> {
    request: &'a ObjectSettings,
    table: Result<Place, Fault>,
}

impl Tree {
    pub(super) fn plan_add(&self, add: &Add, who: &Requester<'_>) -> Plan {
        let Some(units) = self.add_units(add, who) else {
            return Plan::exceeded("rows to create", limits::MAX_REQUEST_OBJECTS);
        };
        let mut overruled = Overruled::default();
        let mut effort = Effort::default();
        while effort.rounds < limits::MAX_PLAN_ROUNDS {
            let mut stage = Stage {
                work: self.clone(),
                who,
                touches: Vec::new(),
                staged: 0,
                overruled: &overruled,
                assigner: Assigner::new(&add.objects),
            };
            let mut results: Vec<AddResult> = Vec::with_capacity(units.len());
            let mut plans = Vec::new();
            for (index, unit) in units.iter().enumerate() {
                let (before, touched) = (stage.work.clone(), stage.touches.len());
                let path = unit.request.path.clone();
                match stage.row(index, unit) {
                    Ok((created, changes)) => {
                        plans.push(UnitPlan { result: results.len(), item: None, changes });
                        results.push(Requested { path, result: Ok(created) });
                    }
                    // R-ADD.1, R-ADD.2a: nothing is created if anything fails.
                    Err(failure) if !add.allow_partial => {
                        return message_failure(&failure, &path).after(effort);
                    }
                    Err(failure) => {
                        stage.work = before;
                        stage.touches.truncate(touched);
                        results.push(Requested { path, result: Err(in_words(&failure)) });
                    }
                }
            }
            let clashes = stage.work.judge(&stage.touches, &mut effort);
            if !overruled.learn(clashes) {
                return Plan::new(plans, Outcome::Add(results), add.allow_partial).after(effort);
            }
        }
        Plan::exceeded("clashes that follow from each other", limits::MAX_PLAN_ROUNDS as usize).after(effort)
    }

    /// Tells the keys that rows got from whoever keeps them, once they are made (R-ADD.6).
    pub fn tell_remote_keys(&self, outcome: &mut Outcome, who: &Requester<'_>) {
        let Outcome::Add(results) = outcome else { return };
        for created in results.iter_mut().filter_map(|requested| requested.result.as_mut().ok()) {
            let row = ObjectPath::parse(&created.path).ok().and_then(|path| self.locate(&path));
            if let Some(row) = row.filter(|row| self.model().object(row.object).remote) {
                created.unique_keys = self.unique_keys(&row, who);
            }
        }
    }

    /// A search path stands for one row in each table that it matches. None if there are too many.
    fn add_units<'a>(&self, add: &'a Add, who: &Requester<'_>) -> Option<Vec<Unit<'a>>> {
        let mut units = Vec::new();
        for request in &add.objects {
            match self.tables(&request.path, who) {
                Ok(tables) => {
                    units.extend(tables.into_iter().map(|table| Unit { request, table: Ok(table) }));
                }
                Err(fault) => units.push(Unit { request, table: Err(fault) }),
            }
            if units.len() > limits::MAX_REQUEST_OBJECTS {
                return None;
            }
        }
        Some(units)
    }

    fn tables(&self, text: &str, who: &Requester<'_>) -> Result<Vec<Place>, Fault> {
        let path = Path::parse(text).map_err(|e| Fault::new(Code::INVALID_PATH_SYNTAX, e.to_string()))?;
        let not_a_table = || Fault::new(Code::OBJECT_IS_NOT_A_TABLE, format!("{text} is not a table"));
        if path.target != Target::Object {
            return Err(not_a_table());
        }
        let found = self.resolve(&path, who).map_err(|error| error.fault())?;
        if found.places.iter().any(|place| !place.is_table(self.model())) {
            return Err(not_a_table());
        }
        Ok(found.places)
    }
}

/// An Add has no field for parameter errors of a failed object: they are named in the text.
fn in_words(failure: &UpdateFailure) -> Fault {
    let mut fault = failure.fault.clone();
    for error in failure.instances.iter().flat_map(|instance| &instance.errors) {
        fault.message.push_str(&format!("; {}: {} {}", error.param, error.fault.code, error.fault.message));
    }
    fault
}

struct Stage<'a> {
    work: Tree,
    who: &'a Requester<'a>,
    touches: Vec<Touch>,
    /// Settings so far, those of failed rows included.
    staged: usize,
    overruled: &'a Overruled,
    assigner: Assigner<'a>,
}

impl Stage<'_> {
    fn row(
        &mut self,
        index: usize,
        unit: &Unit<'_>,
    ) -> Result<(CreatedInstance, Vec<Change>), UpdateFailure> {
        let whole = |fault: Fault| UpdateFailure { fault, instances: Vec::new() };
        let table = unit.table.clone().map_err(whole)?;
        self.staged += unit.request.params.len();
        if self.staged > limits::MAX_STAGED_SETTINGS {
            return Err(whole(exceeded("settings", limits::MAX_STAGED_SETTINGS)));
        }
        let number = self.next_number(&table).map_err(whole)?;
        let row = table.row(number);
        let mut changes = self.work.with_defaults(&row);
        changes.extend(self.initial(&table, &row));
        self.work.apply(&changes);
        let mut errors = Vec::new();
        let mut failed = Vec::new();
        for setting in &unit.request.params {
            let result = self.setting(index, &row, &setting.param, &setting.value, setting.required);
            match result {
                Ok(change) => changes.push(change),
                Err((fault, required)) => {
                    let error = ParamFault { param: setting.param.clone(), fault };
                    if required { failed.push(error) } else { errors.push(error) }
                }
            }
        }
        if let Some((touch, fault)) = self.overruled.unit(index) {
            failed.push(ParamFault { param: touch.name.clone(), fault: fault.clone() });
        }
        // R-ADD.3, R-ADD.4.
        if !failed.is_empty() {
            let fault = super::plan::required_failed(failed.len());
            let path = row.text(self.work.model());
            return Err(UpdateFailure { fault, instances: vec![InstanceFailure { path, errors: failed }] });
        }
        changes.extend(self.assign_keys(index, &row, unit.request));
        let path = row.text(self.work.model());
        // R-ADD.6.
        let unique_keys = self.work.unique_keys(&row, self.who);
        Ok((CreatedInstance { path, unique_keys, errors }, changes))
    }

    fn next_number(&self, table: &Place) -> Result<NonZeroU32, Fault> {
        let object = self.work.model().object(table.object);
        let name = table.text(self.work.model());
        if !matches!(object.access, ObjectAccess::AddDelete | ObjectAccess::AddOnly) {
            return Err(Fault::new(Code::NON_CREATABLE_OBJECT, format!("rows of {name} cannot be created")));
        }
        if !self.who.may(&self.work, Bit::ObjectAdd, table, "") {
            return Err(Fault::new(Code::PERMISSION_DENIED, format!("no permission to add rows to {name}")));
        }
        if self.work.row_count(table) >= limits::MAX_ROWS {
            let message = format!("{name} has its limit of {} rows", limits::MAX_ROWS);
            return Err(Fault::new(Code::RESOURCES_EXCEEDED, message));
        }
        let next = self.work.last_number(table).checked_add(1).and_then(NonZeroU32::new);
        next.ok_or_else(|| {
            Fault::new(Code::RESOURCES_EXCEEDED, format!("{name} has used up its instance numbers"))
        })
    }

    fn initial(&self, table: &Place, row: &Place) -> Vec<Change> {
        let defaults = self.who.defaults.row_defaults(&self.work, table).into_iter();
        let change = |(name, value): (Name, Value)| {
            let param = self.work.model().param_index(table.object, name.as_str())?;
            Some(Change::Set { place: row.clone(), param, value: Some(value) })
        };
        defaults.filter_map(change).collect()
    }

    /// A parameter of a unique key is required, whatever the request says.
    fn setting(
        &mut self,
        unit: usize,
        row: &Place,
        name: &str,
        text: &str,
        required: bool,
    ) -> Result<Change, (Fault, bool)> {
        let (place, index) = self.work.descend(row, name).map_err(|fault| (fault, required))?;
        let object = self.work.model().object(place.object);
        let is_key = place == *row && object.is_key(index);
        let required = required || is_key;
        if let Some(fault) = self.overruled.setting(unit, &place, index) {
            return Err((fault.clone(), required));
        }
        let value =
            self.work.check_write(&place, index, text, self.who, true).map_err(|fault| (fault, required))?;
        let change = Change::Set { place: place.clone(), param: index, value: Some(value) };
        self.work.apply([&change]);
        self.touches.push(Touch { unit, place, param: index, name: name.to_owned(), required });
        Ok(change)
    }

    /// R-ADD.5: keys that the request left out get values, and are judged like those that it gave. Who keeps
    /// the rows himself gives them their keys.
    fn assign_keys(&mut self, unit: usize, row: &Place, request: &ObjectSettings) -> Vec<Change> {
        let model = self.work.model().clone();
        let object = model.object(row.object);
        if object.remote {
            return Vec::new();
        }
        let name = |index: u16| object.params[usize::from(index)].name.as_str();
        let given = |index: &u16| request.params.iter().any(|setting| setting.param == name(*index));
        let keys: BTreeSet<u16> = object.unique_keys.iter().flat_map(|key| &key.params).copied().collect();
        let left_out: Vec<u16> = keys.into_iter().filter(|index| !given(index)).collect();
        let changes = self.assigner.complete(&mut self.work, row, &left_out);
        self.touches.extend(left_out.into_iter().map(|param| Touch {
            unit,
            place: row.clone(),
            param,
            name: name(param).to_owned(),
            required: true,
        }));
        changes
    }
}
