//! The arguments of Boot!, and the values that each controller wants to see in it.
//!
//! A controller writes the BootParameter table: rows, matches and bytes are bounded, and what goes beyond
//! the bounds is left out of the map.

use std::collections::BTreeSet;

use dm::operation::Get;
use dm::path::{ObjectPath, Path, Target};
use dm::tree::{NoInitial, Place, Requester, Tree};
use dm::{Outcome, Type, Value};

use super::controllers::Controller;
use super::io::Boot;
use super::places;
use crate::limits::{MAX_BOOT_BYTES, MAX_BOOT_PARAMETERS, MAX_BOOT_ROWS};

/// The arguments of the event.
pub(super) fn arguments(boot: &Boot, map: String) -> Vec<(String, String)> {
    let pairs = [
        ("Cause", boot.cause.clone()),
        ("CommandKey", boot.command_key.clone()),
        ("Reason", boot.reason.clone()),
        ("FirmwareUpdated", boot.firmware_updated.to_string()),
        ("ParameterMap", map),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The patterns in the enabled rows of a controller's BootParameter table. A pattern describes parameters:
/// one that names an object is left out.
pub(super) fn patterns(tree: &Tree, controller: &Controller) -> Vec<String> {
    let Some(table) = places::below(tree.model(), &controller.row, &["BootParameter"]) else {
        return Vec::new();
    };
    let rows = places::rows(tree, &table).into_iter();
    let enabled = rows.filter(|row| tree.value_of(row, "Enable") == Some(&Value::Bool(true)));
    let names = enabled.take(MAX_BOOT_ROWS).map(|row| tree.text_of(&row, "ParameterName"));
    let is_pattern =
        |name: &String| Path::parse(name).is_ok_and(|path| matches!(path.target, Target::Param(_)));
    names.filter(is_pattern).collect()
}

/// The values of the boot parameters as a JSON object. What does not resolve is left out.
pub(super) fn map(tree: &Tree, controller: &Controller) -> String {
    let who = Requester { authority: controller.access().authority(), defaults: &NoInitial };
    let mut map = Map::default();
    for pattern in patterns(tree, controller) {
        if map.is_full() {
            break;
        }
        let Outcome::Get(results) = tree.get(&Get { paths: vec![pattern], max_depth: 0 }, &who) else {
            break;
        };
        for object in results.into_iter().filter_map(|result| result.result.ok()).flatten() {
            let place = ObjectPath::parse(&object.path).ok().and_then(|path| Place::of(tree.model(), &path));
            for (name, value) in object.params {
                let is_bare = place.as_ref().is_some_and(|place| is_bare(tree, place, &name));
                map.put(format!("{}{name}", object.path), &value, is_bare);
            }
        }
    }
    map.json()
}

/// A JSON object under construction, within its bounds.
#[derive(Default)]
struct Map {
    names: BTreeSet<String>,
    members: Vec<String>,
    bytes: usize,
}

impl Map {
    fn is_full(&self) -> bool {
        self.members.len() >= MAX_BOOT_PARAMETERS
    }

    fn put(&mut self, path: String, value: &str, is_bare: bool) {
        let bytes = self.bytes + path.len() + value.len();
        if self.is_full() || bytes > MAX_BOOT_BYTES || self.names.contains(&path) {
            return;
        }
        let value = if is_bare { value.to_owned() } else { quoted(value) };
        self.members.push(format!("{}:{value}", quoted(&path)));
        self.names.insert(path);
        self.bytes = bytes;
    }

    fn json(self) -> String {
        format!("{{{}}}", self.members.join(","))
    }
}

/// Whether a value is a number or boolean in JSON too.
fn is_bare(tree: &Tree, place: &Place, name: &str) -> bool {
    let param = tree.model().object(place.object).param(name);
    param.is_some_and(|param| {
        !param.is_list()
            && !param.is_secret()
            && matches!(
                param.ty,
                Type::Boolean
                    | Type::Int
                    | Type::UnsignedInt
                    | Type::Long
                    | Type::UnsignedLong
                    | Type::Decimal
            )
    })
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            c if u32::from(c) < 0x20 => json.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => json.push(c),
        }
    }
    json.push('"');
    json
}
