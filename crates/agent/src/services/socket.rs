//! The row of `UnixDomainSockets.` that is the Broker's own socket: where USP Services connect.

use std::num::NonZeroU32;
use std::path::Path;

use dm::Value;
use dm::path::ObjectPath;
use dm::tree::{Change, Place, Tree};

const TABLE: &str = "Device.UnixDomainSockets.UnixDomainSocket.";
/// By which the row is known: the configuration may name another file at each start.
const ALIAS: &str = "cpe-usp-services";

/// What makes the table say that services connect at `file`, or nowhere.
pub fn changes(tree: &Tree, file: Option<&Path>) -> Vec<Change> {
    let table = ObjectPath::parse(TABLE).ok().and_then(|path| Place::of(tree.model(), &path));
    let Some(table) = table else { return Vec::new() };
    let mut rows = tree.rows(&table).into_iter().map(|number| table.row(number));
    let own = rows.find(|row| tree.text_of(row, "Alias") == ALIAS);
    match (own, file) {
        (None, None) => Vec::new(),
        (Some(row), None) => vec![Change::Remove { row }],
        (Some(row), Some(file)) => {
            let text = file.display().to_string();
            if tree.text_of(&row, "Path") == text { Vec::new() } else { set(tree, &row, "Path", &text) }
        }
        (None, Some(file)) => {
            let Some(number) = NonZeroU32::new(tree.last_number(&table) + 1) else { return Vec::new() };
            let row = table.row(number);
            let mut changes = tree.with_defaults(&row);
            let path = file.display().to_string();
            for (name, text) in [("Alias", ALIAS), ("Mode", "Listen"), ("Path", &path)] {
                changes.extend(set(tree, &row, name, text));
            }
            changes
        }
    }
}

fn set(tree: &Tree, row: &Place, name: &str, text: &str) -> Vec<Change> {
    let param = tree.model().param_index(row.object, name);
    let change = |param| Change::Set { place: row.clone(), param, value: Some(Value::text(text)) };
    param.map(change).into_iter().collect()
}
