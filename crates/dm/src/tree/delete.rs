//! Delete (TR-369 section 7.4.3): rows that go, and what points at them.

use crate::fault::{Code, Fault};
use crate::limits;
use crate::operation::{Delete, Deleted, ObjectAccess, Outcome, Requested, UpdateFailure};
use crate::path::{Path, Target};
use crate::tree::holders::Holders;
use crate::tree::plan::{Plan, UnitPlan, message_failure};
use crate::tree::{Bit, Effort, Found, Happening, Place, Requester, ResolveError, Tree};

/// A Delete while it is planned.
struct Deletion<'a> {
    tree: &'a Tree,
    who: &'a Requester<'a>,
    allow_partial: bool,
    /// The tree without the rows that go so far.
    work: Tree,
    holders: Holders,
    effort: Effort,
    units: Vec<UnitPlan>,
}

impl Deletion<'_> {
    /// Plans one path, whose result will stand at `result`. The error fails the whole message.
    fn path(&mut self, path: &str, result: usize) -> Result<Result<Deleted, Fault>, Plan> {
        let found = match self.tree.rows_to_delete(path, self.allow_partial, self.who) {
            Ok(found) => found,
            // R-DEL.1: any entry fails the message.
            Err(fault) if !self.allow_partial => return Err(failed(fault, path)),
            Err(fault) => return Ok(Err(fault)),
        };
        self.effort.rows += found.places.len();
        if self.effort.rows > limits::MAX_DELETED_ROWS {
            return Err(Plan::exceeded("rows", limits::MAX_DELETED_ROWS));
        }
        let mut deleted = Deleted::default();
        let mut refused = None;
        for row in &found.places {
            let text = row.text(self.tree.model());
            match self.tree.may_delete(row, self.who) {
                Ok(()) => self.row(row, text, result, &mut deleted)?,
                Err(fault) if !self.allow_partial => return Err(failed(fault, &text)),
                Err(fault) => {
                    refused.get_or_insert_with(|| fault.clone());
                    // R-DEL.4
                    if self.who.may(self.tree, Bit::InstanceRead, row, "") {
                        deleted.unaffected.push((text, fault));
                    }
                }
            }
        }
        // A concrete row that stayed is the object's failure; matches of a search are listed (R-DEL.3).
        Ok(refused.filter(|_| !found.is_search).map_or(Ok(deleted), Err))
    }

    /// One row that goes, with what goes with it.
    fn row(&mut self, row: &Place, text: String, result: usize, deleted: &mut Deleted) -> Result<(), Plan> {
        let changes = self.holders.removal(&self.work, row, &mut self.effort).changes;
        if self.effort.staged > limits::MAX_STAGED_SETTINGS {
            return Err(Plan::exceeded("references to write anew", limits::MAX_STAGED_SETTINGS));
        }
        for happening in self.work.apply(&changes) {
            // R-DEL.2: rows that may not be read are not spoken of.
            if let Happening::Deleted(place) = happening
                && self.who.may(self.tree, Bit::InstanceRead, &place, "")
            {
                deleted.affected.push(place.text(self.tree.model()));
            }
        }
        self.units.push(UnitPlan { result, item: Some(text), changes });
        Ok(())
    }
}

impl Tree {
    pub(super) fn plan_delete(&self, delete: &Delete, who: &Requester<'_>) -> Plan {
        let mut effort = Effort { rounds: 1, ..Effort::default() };
        let holders = Holders::of(self, &mut effort);
        let allow_partial = delete.allow_partial;
        let (work, units) = (self.clone(), Vec::new());
        let mut deletion = Deletion { tree: self, who, allow_partial, work, holders, effort, units };
        let mut results: Vec<Requested<Deleted>> = Vec::with_capacity(delete.paths.len());
        for path in &delete.paths {
            match deletion.path(path, results.len()) {
                Ok(result) => results.push(Requested { path: path.clone(), result }),
                Err(plan) => return plan.after(deletion.effort),
            }
        }
        Plan::new(deletion.units, Outcome::Delete(results), allow_partial).after(deletion.effort)
    }

    /// R-DEL.2a: with `allow_partial`, a path of the model that leads to no row is a success.
    fn rows_to_delete(&self, text: &str, allow_partial: bool, who: &Requester<'_>) -> Result<Found, Fault> {
        let path = Path::parse(text).map_err(|e| Fault::new(Code::INVALID_PATH_SYNTAX, e.to_string()))?;
        if path.target != Target::Object {
            return Err(Fault::new(Code::OBJECT_IS_NOT_A_TABLE, format!("{text} is not a row")));
        }
        match self.resolve(&path, who) {
            Ok(found) if found.places.iter().all(|place| place.is_row(self.model())) => Ok(found),
            Ok(_) => Err(Fault::new(Code::OBJECT_IS_NOT_A_TABLE, format!("{text} is not a row of a table"))),
            Err(ResolveError::NoInstance(_)) if allow_partial => {
                Ok(Found { places: Vec::new(), leaf: None, is_search: true })
            }
            Err(error) => Err(error.fault()),
        }
    }

    fn may_delete(&self, row: &Place, who: &Requester<'_>) -> Result<(), Fault> {
        let text = || row.text(self.model());
        let access = self.model().object(row.object).access;
        if !matches!(access, ObjectAccess::AddDelete | ObjectAccess::DeleteOnly) {
            return Err(Fault::new(Code::DELETE_FAILURE, format!("{} cannot be deleted", text())));
        }
        if !who.may(self, Bit::InstanceDelete, row, "") {
            return Err(Fault::new(Code::PERMISSION_DENIED, format!("no permission to delete {}", text())));
        }
        Ok(())
    }
}

fn failed(fault: Fault, path: &str) -> Plan {
    let failure = UpdateFailure { fault, instances: Vec::new() };
    message_failure(&failure, path)
}
