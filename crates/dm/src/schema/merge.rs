//! Putting the USP and CWMP forms of one model together, and taking parts out.

use std::collections::BTreeMap;

use super::facets::Status;
use super::row::{Facts, ObjectRows, Protocol, Row, Rows, Since};
use crate::path::SchemaPath;

/// One table of two: a definition that both models have with the same facts becomes one row with both
/// versions, one that differs keeps a row of each.
pub fn merge(usp: Rows, cwmp: Rows) -> Rows {
    let mut objects: BTreeMap<SchemaPath, Vec<Row>> = BTreeMap::new();
    for object in usp.objects {
        objects.insert(object.path, object.rows);
    }
    for object in cwmp.objects {
        let rows = objects.entry(object.path).or_default();
        for row in object.rows {
            put(rows, row);
        }
    }
    let objects = objects.into_iter().map(|(path, mut rows)| {
        rows.sort_by(|a, b| a.order().cmp(&b.order()));
        ObjectRows { path, rows }
    });
    Rows { name: None, usp: usp.usp, cwmp: cwmp.cwmp, objects: objects.collect() }
}

fn put(rows: &mut Vec<Row>, row: Row) {
    let same = rows.iter_mut().find(|known| {
        known.since.cwmp.is_none()
            && known.name == row.name
            && known.status == row.status
            && known.facts == row.facts
    });
    match same {
        Some(known) => known.since.cwmp = row.since.cwmp,
        None => rows.push(row),
    }
}

impl Rows {
    /// The rows of one protocol that `keep` picks, without what is deleted and without a trace of the
    /// other protocol. `keep` is asked with the object's path and the row; an object without rows goes.
    pub fn select(&self, protocol: Protocol, mut keep: impl FnMut(&SchemaPath, &Row) -> bool) -> Rows {
        let mut objects = Vec::new();
        for object in &self.objects {
            let wanted = object.rows.iter().filter(|row| keep(&object.path, row));
            let rows: Vec<Row> = wanted.filter_map(|row| only(row, protocol)).collect();
            if !rows.is_empty() {
                objects.push(ObjectRows { path: object.path.clone(), rows });
            }
        }
        let uri = |wanted, uri: &Option<String>| uri.clone().filter(|_| protocol == wanted);
        Rows {
            name: self.name.clone(),
            usp: uri(Protocol::Usp, &self.usp),
            cwmp: uri(Protocol::Cwmp, &self.cwmp),
            objects,
        }
    }
}

fn only(row: &Row, protocol: Protocol) -> Option<Row> {
    let version = row.since.of(protocol)?;
    if row.status == Status::Deleted {
        return None;
    }
    let mut row = Row { since: Since::only(protocol, version), ..row.clone() };
    match &mut row.facts {
        Facts::Command(facts) => {
            facts.args = facts.args.iter().filter_map(|arg| only(arg, protocol)).collect();
        }
        Facts::Event(facts) => facts.args = facts.args.iter().filter_map(|arg| only(arg, protocol)).collect(),
        Facts::Param(facts) => facts.facets.enumeration.retain(|word| word.status != Status::Deleted),
        Facts::Object(_) | Facts::Arg(_) => {}
    }
    Some(row)
}
