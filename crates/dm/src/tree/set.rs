//! Set (TR-369 section 7.4.2): updates of existing objects.

use crate::fault::{Code, Fault};
use crate::limits;
use crate::model::Param;
use crate::operation::{
    InstanceFailure, ObjectSettings, Outcome, ParamAccess, ParamFault, ParamSetting, Requested, Set,
    UpdateFailure, UpdatedInstance,
};
use crate::path::{Path, Target};
use crate::tree::judge::{Overruled, Touch};
use crate::tree::plan::{Plan, SetResult, UnitPlan, exceeded, message_failure, required_failed};
use crate::tree::{Bit, Change, Effort, Place, Requester, Tree};
use crate::value::{Type, Value};

impl Tree {
    pub(super) fn plan_set(&self, set: &Set, who: &Requester<'_>) -> Plan {
        let mut overruled = Overruled::default();
        let mut effort = Effort::default();
        while effort.rounds < limits::MAX_PLAN_ROUNDS {
            let mut stage =
                Stage { work: self.clone(), who, touches: Vec::new(), staged: 0, overruled: &overruled };
            let mut results: Vec<SetResult> = Vec::with_capacity(set.objects.len());
            let mut units = Vec::new();
            for (unit, object) in set.objects.iter().enumerate() {
                let (before, touched) = (stage.work.clone(), stage.touches.len());
                let result = stage.object(unit, object);
                match result {
                    Ok((updated, changes)) => {
                        units.push(UnitPlan { result: unit, item: None, changes });
                        results.push(Requested { path: object.path.clone(), result: Ok(updated) });
                    }
                    // R-SET.1: one failed object fails the message; R-SET.0: or only itself.
                    Err(failure) if !set.allow_partial => {
                        return message_failure(&failure, &object.path).after(effort);
                    }
                    Err(failure) => {
                        stage.work = before;
                        stage.touches.truncate(touched);
                        results.push(Requested { path: object.path.clone(), result: Err(failure) });
                    }
                }
            }
            let clashes = stage.work.judge(&stage.touches, &mut effort);
            if !overruled.learn(clashes) {
                return Plan::new(units, Outcome::Set(results), set.allow_partial).after(effort);
            }
        }
        Plan::exceeded("clashes that follow from each other", limits::MAX_PLAN_ROUNDS as usize).after(effort)
    }
}

struct Stage<'a> {
    work: Tree,
    who: &'a Requester<'a>,
    touches: Vec<Touch>,
    /// Settings so far, those of failed objects included.
    staged: usize,
    overruled: &'a Overruled,
}

impl Stage<'_> {
    /// One entry; all its matches or none (R-SET.2a).
    fn object(
        &mut self,
        unit: usize,
        object: &ObjectSettings,
    ) -> Result<(Vec<UpdatedInstance>, Vec<Change>), UpdateFailure> {
        let whole = |fault: Fault| UpdateFailure { fault, instances: Vec::new() };
        let places = self.places(&object.path).map_err(whole)?;
        self.staged += places.len() * object.params.len();
        if self.staged > limits::MAX_STAGED_SETTINGS {
            return Err(whole(exceeded("settings", limits::MAX_STAGED_SETTINGS)));
        }
        if let Some((touch, fault)) = self.overruled.unit(unit) {
            return Err(self.clash(touch, fault));
        }
        let mut updated = Vec::new();
        let mut changes = Vec::new();
        let mut failures: Vec<InstanceFailure> = Vec::new();
        for place in &places {
            let path = place.text(self.work.model());
            let mut instance = UpdatedInstance { path, ..UpdatedInstance::default() };
            let mut failed = Vec::new();
            for setting in &object.params {
                match self.setting(unit, place, setting) {
                    Ok(mut written) => changes.append(&mut written),
                    Err(fault) => {
                        let error = ParamFault { param: setting.param.clone(), fault };
                        if setting.required { failed.push(error) } else { instance.errors.push(error) }
                    }
                }
            }
            if failed.is_empty() {
                updated.push((place.clone(), instance));
            } else {
                failures.push(InstanceFailure { path: instance.path, errors: failed });
            }
            // R-SET.2b: all of them would say the same.
            if failures.len() == limits::MAX_FAILED_INSTANCES {
                break;
            }
        }
        if !failures.is_empty() {
            let count = failures.iter().map(|failure| failure.errors.len()).sum();
            return Err(UpdateFailure { fault: required_failed(count), instances: failures });
        }
        let updated =
            updated.into_iter().map(|(place, instance)| self.report(&place, instance, object)).collect();
        Ok((updated, changes))
    }

    fn places(&self, text: &str) -> Result<Vec<Place>, Fault> {
        let path = Path::parse(text).map_err(|e| Fault::new(Code::INVALID_PATH_SYNTAX, e.to_string()))?;
        if path.target != Target::Object {
            return Err(Fault::new(Code::INVALID_PATH, format!("{text} is not an object path")));
        }
        let found = self.work.resolve(&path, self.who).map_err(|error| error.fault())?;
        if found.places.iter().any(|place| place.is_table(self.work.model())) {
            return Err(Fault::new(
                Code::OBJECT_COULD_NOT_BE_UPDATED,
                format!("{text} is a table, not a row"),
            ));
        }
        Ok(found.places)
    }

    fn setting(&mut self, unit: usize, place: &Place, setting: &ParamSetting) -> Result<Vec<Change>, Fault> {
        let (place, index) = self.work.descend(place, &setting.param)?;
        if let Some(fault) = self.overruled.setting(unit, &place, index) {
            return Err(fault.clone());
        }
        let value = self.work.check_write(&place, index, &setting.value, self.who, false)?;
        let change = Change::Set { place: place.clone(), param: index, value: Some(value) };
        let name = setting.param.clone();
        self.touches.push(Touch { unit, place, param: index, name, required: setting.required });
        // A value set to what it is takes no part in the commit, but is reported as updated.
        Ok(if self.work.apply([&change]).is_empty() { Vec::new() } else { vec![change] })
    }

    /// R-SET.3: values after the update, without those that may not be read.
    fn report(
        &self,
        place: &Place,
        mut instance: UpdatedInstance,
        object: &ObjectSettings,
    ) -> UpdatedInstance {
        for setting in &object.params {
            if instance.errors.iter().any(|error| error.param == setting.param) {
                continue;
            }
            if let Ok((place, index)) = self.work.descend(place, &setting.param)
                && let Some(value) = self.work.value(&place, index)
                && let Some(shown) = self.work.shown(&place, index, value, self.who)
            {
                instance.params.push((setting.param.clone(), shown));
            }
        }
        instance
    }

    fn clash(&self, touch: &Touch, fault: &Fault) -> UpdateFailure {
        let error = ParamFault { param: touch.name.clone(), fault: fault.clone() };
        let path = touch.place.text(self.work.model());
        UpdateFailure {
            fault: required_failed(1),
            instances: vec![InstanceFailure { path, errors: vec![error] }],
        }
    }
}

impl Tree {
    /// A parameter by its name relative to an object; it may stand in a single-instance child
    /// (`WebSocket.Port`).
    pub(super) fn descend(&self, place: &Place, relative: &str) -> Result<(Place, u16), Fault> {
        let model = self.model();
        let unknown = || {
            Fault::new(
                Code::UNSUPPORTED_PARAMETER,
                format!("{relative} is not a parameter of {}", place.text(model)),
            )
        };
        let mut at = place.clone();
        let mut names = relative.split('.').peekable();
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                let index = model.param_index(at.object, name).ok_or_else(unknown)?;
                return Ok((at, index));
            }
            let child = model.find_child(at.object, name).ok_or_else(unknown)?;
            if model.object(child).is_multi {
                return Err(unknown());
            }
            at = at.child(child);
        }
        Err(unknown())
    }

    /// Whether a requester may write this text to this parameter, and the value that it stands for.
    pub(super) fn check_write(
        &self,
        place: &Place,
        index: u16,
        text: &str,
        who: &Requester<'_>,
        creating: bool,
    ) -> Result<Value, Fault> {
        let object = self.model().object(place.object);
        let param = &object.params[usize::from(index)];
        let name = param.name.as_str();
        if !who.may(self, Bit::ParamWrite, place, name) {
            return Err(Fault::new(Code::PERMISSION_DENIED, format!("no permission to write {name}")));
        }
        if !self.is_writable(place, index, param, creating) {
            return Err(Fault::new(Code::NON_WRITEABLE_PARAMETER, format!("{name} is not writable")));
        }
        let value = param.check(text)?;
        if name == "Alias" && !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(Fault::new(Code::INVALID_VALUE, "an Alias starts with a letter".to_owned()));
        }
        who.defaults.accepts(self, place, name, &value)?;
        match &param.facets.reference {
            Some(reference) if param.ty == Type::String => {
                let settled = self.settle_references(param, reference, text, who);
                if param.is_secret() {
                    let unsaid =
                        |fault: Fault| Fault::new(fault.code, "not a reference that is allowed here");
                    return settled.map(Value::secret).map_err(unsaid);
                }
                settled.map(Value::text)
            }
            _ => Ok(value),
        }
    }

    fn is_writable(&self, place: &Place, index: u16, param: &Param, creating: bool) -> bool {
        let object = self.model().object(place.object);
        // R-KEY.1: what identifies a row is fixed once the row exists.
        let fixed = object.unique_keys.iter().any(|key| !key.functional && key.params.contains(&index));
        match param.access {
            ParamAccess::ReadOnly => false,
            ParamAccess::ReadWrite | ParamAccess::WriteOnly => creating || !fixed,
            ParamAccess::WriteOnceReadOnly => {
                let unset =
                    |value: &Value| value.expose().is_empty() || Some(value) == param.default.as_ref();
                creating || (!fixed && self.value(place, index).is_none_or(unset))
            }
        }
    }
}
