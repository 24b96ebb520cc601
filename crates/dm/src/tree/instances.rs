//! GetInstances: which rows exist, with their unique keys (TR-369 section 7.5.2).

use crate::fault::{Code, Fault};
use crate::operation::{GetInstances, Instance, Outcome, Requested};
use crate::path::{Path, Target};
use crate::tree::{Bit, Child, Place, Requester, ResolveError, Spot, Tree};

impl Tree {
    /// Answers a GetInstances from this snapshot.
    pub fn instances(&self, op: &GetInstances, who: &Requester<'_>) -> Outcome {
        let results = op.paths.iter().map(|path| Requested {
            path: path.clone(),
            result: self.instances_of(path, op.first_level_only, who),
        });
        Outcome::GetInstances(results.collect())
    }

    fn instances_of(
        &self,
        text: &str,
        first_only: bool,
        who: &Requester<'_>,
    ) -> Result<Vec<Instance>, Fault> {
        let path = Path::parse(text).map_err(|e| Fault::new(Code::INVALID_PATH_SYNTAX, e.to_string()))?;
        if path.target != Target::Object {
            return Err(Fault::new(Code::OBJECT_IS_NOT_A_TABLE, format!("{text} is not an object")));
        }
        let found = match self.resolve(&path, who) {
            Ok(found) => found,
            Err(ResolveError::NoInstance(gone)) => {
                return Err(Fault::new(Code::OBJECT_DOES_NOT_EXIST, format!("{gone} does not exist")));
            }
            Err(other) => return Err(other.fault()),
        };
        let mut rows = Vec::new();
        for place in &found.places {
            if let Some(row) = self.unlisted(place, who) {
                if found.is_search {
                    continue;
                }
                let gone = row.text(self.model());
                return Err(Fault::new(Code::OBJECT_DOES_NOT_EXIST, format!("{gone} does not exist")));
            }
            match self.at(place) {
                Some(Spot::Table(_)) => self.list_table(place, first_only, who, &mut rows),
                // A row or object stands for itself and the tables below it.
                Some(Spot::Node(_)) if place.is_row(self.model()) => {
                    self.list_row(place, first_only, who, &mut rows);
                }
                _ if !found.is_search => {
                    return Err(Fault::new(Code::OBJECT_IS_NOT_A_TABLE, format!("{text} is not a table")));
                }
                _ => {}
            }
        }
        Ok(rows)
    }

    /// R-GIN.0: the first row on the way to a place, itself included, that may not be listed.
    fn unlisted(&self, place: &Place, who: &Requester<'_>) -> Option<Place> {
        if who.authority.is_full() {
            return None;
        }
        let model = self.model();
        let tables = model.lineage(place.object).filter(|step| model.object(step.object).is_multi);
        let mut rows = tables
            .zip(1..)
            .filter_map(|(step, count)| Some(Place::new(step.object, place.rows().get(..count)?.to_vec())));
        rows.find(|row| !who.may(self, Bit::InstanceRead, row, ""))
    }

    fn list_table(&self, table: &Place, first_only: bool, who: &Requester<'_>, rows: &mut Vec<Instance>) {
        for number in self.rows(table) {
            self.list_row(&table.row(number), first_only, who, rows);
        }
    }

    /// R-GIN.0: a row that may not be listed is absent; R-GIN.1: keys that may not be read are left out.
    fn list_row(&self, row: &Place, first_only: bool, who: &Requester<'_>, rows: &mut Vec<Instance>) {
        if !who.may(self, Bit::InstanceRead, row, "") {
            return;
        }
        rows.push(Instance { path: row.text(self.model()), unique_keys: self.unique_keys(row, who) });
        if !first_only {
            self.list_below(row, who, rows);
        }
    }

    fn list_below(&self, place: &Place, who: &Requester<'_>, rows: &mut Vec<Instance>) {
        let Some(Spot::Node(node)) = self.at(place) else { return };
        let children = &self.model().object(place.object).children;
        for (&id, child) in children.iter().zip(node.children.iter()) {
            match child {
                Child::Table(_) => self.list_table(&place.child(id), false, who, rows),
                Child::Single(_) => self.list_below(&place.child(id), who, rows),
            }
        }
    }

    /// The unique-key parameters of a row that the requester may read, in the model's order.
    pub fn unique_keys(&self, row: &Place, who: &Requester<'_>) -> Vec<(String, String)> {
        let object = self.model().object(row.object);
        let mut keys: Vec<(String, String)> = Vec::new();
        for key in &object.unique_keys {
            for &index in &key.params {
                let name = object.params[usize::from(index)].name.as_str();
                if let Some(value) = self.value(row, index)
                    && !keys.iter().any(|(known, _)| known == name)
                    && let Some(shown) = self.shown(row, index, value, who)
                {
                    keys.push((name.to_owned(), shown));
                }
            }
        }
        keys
    }
}
