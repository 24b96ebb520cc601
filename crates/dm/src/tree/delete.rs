//! Delete (TR-369 section 7.4.3): rows that go, and what points at them.

use crate::fault::{Code, Fault};
use crate::operation::{Delete, Deleted, ObjectAccess, Outcome, Requested, UpdateFailure};
use crate::path::{Path, Target};
use crate::tree::plan::{Plan, UnitPlan, message_failure};
use crate::tree::{Bit, Found, Happening, Place, Requester, ResolveError, Tree};

impl Tree {
    pub(super) fn plan_delete(&self, delete: &Delete, who: &Requester<'_>) -> Plan {
        let mut work = self.clone();
        let holders = self.strong_references();
        let mut units = Vec::new();
        let mut results: Vec<Requested<Deleted>> = Vec::with_capacity(delete.paths.len());
        for path in &delete.paths {
            let found = match self.rows_to_delete(path, delete.allow_partial, who) {
                Ok(found) => found,
                // R-DEL.1: any entry fails the message.
                Err(fault) if !delete.allow_partial => return failed(fault, path),
                Err(fault) => {
                    results.push(Requested { path: path.clone(), result: Err(fault) });
                    continue;
                }
            };
            let mut deleted = Deleted::default();
            for row in &found.places {
                let text = row.text(self.model());
                match self.may_delete(row, who) {
                    Ok(()) => {
                        let changes = work.removal(row, &holders);
                        // R-DEL.2: rows that may not be read are not spoken of.
                        let gone = work.apply(&changes).into_iter().filter_map(|happening| match happening {
                            Happening::Deleted(place) => Some(place),
                            _ => None,
                        });
                        deleted.affected.extend(
                            gone.filter(|place| who.may(self, Bit::InstanceRead, place, ""))
                                .map(|place| place.text(self.model())),
                        );
                        units.push(UnitPlan { result: results.len(), item: Some(text), changes });
                    }
                    Err(fault) if !delete.allow_partial => return failed(fault, &text),
                    Err(fault) => deleted.unaffected.push((text, fault)),
                }
            }
            results.push(Requested { path: path.clone(), result: verdict(&found, deleted, who, self) });
        }
        Plan::new(units, Outcome::Delete(results), delete.allow_partial)
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

/// A concrete row that stayed is the object's failure; matches of a search are listed (R-DEL.3, R-DEL.4).
fn verdict(found: &Found, mut deleted: Deleted, who: &Requester<'_>, tree: &Tree) -> Result<Deleted, Fault> {
    if !found.is_search
        && let Some((_, fault)) = deleted.unaffected.first()
    {
        return Err(fault.clone());
    }
    let readable = |text: &String| {
        let place = found.places.iter().find(|place| place.text(tree.model()) == *text);
        place.is_none_or(|place| who.may(tree, Bit::InstanceRead, place, ""))
    };
    deleted.unaffected.retain(|(text, _)| readable(text));
    Ok(deleted)
}

fn failed(fault: Fault, path: &str) -> Plan {
    let failure = UpdateFailure { fault, instances: Vec::new() };
    message_failure(&failure, path)
}
