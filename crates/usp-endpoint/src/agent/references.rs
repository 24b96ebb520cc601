//! What may stand in the ReferenceList of a subscription: which kinds of path suit which NotifType
//! (TR-181 `LocalAgent.Subscription.{i}.ReferenceList`, R-NOT.0).
//!
//! A path need not name anything yet: rows come and go, and so do parts of the supported model.

use dm::model::{Model, ObjectId};
use dm::path::{Path, Segment, Target};
use dm::tree::{Place, Tree};
use dm::value::split_list;
use dm::{Code, Fault};

use super::subscriptions::Kind;
use super::trigger;
use crate::limits::MAX_REFERENCES;

/// Checks a value on its way into a row of the Subscription table. NotifType and ReferenceList may come in
/// either order: each is judged with the other as it is by then.
pub(super) fn check(tree: &Tree, row: &Place, param: &str, value: &str) -> Result<(), Fault> {
    match param {
        "ReferenceList" => {
            list(tree, value, Kind::parse(&tree.text_of(row, "NotifType")), Code::INVALID_VALUE)
        }
        "NotifType" => {
            list(tree, &tree.text_of(row, "ReferenceList"), Kind::parse(value), Code::VALUE_CONFLICT)
        }
        "TriggerConfigSettings" => trigger::settings(value).map(|_| ()),
        _ => Ok(()),
    }
}

fn list(tree: &Tree, text: &str, kind: Option<Kind>, code: Code) -> Result<(), Fault> {
    for (index, item) in split_list(text).enumerate() {
        if index >= MAX_REFERENCES {
            let message = format!("more than {MAX_REFERENCES} references");
            return Err(Fault::new(Code::RESOURCES_EXCEEDED, message));
        }
        let path = Path::parse(&item).map_err(|error| Fault::new(code, format!("{item}: {error}")))?;
        let unsuited = kind.and_then(|kind| unsuited(tree.model(), &path, kind));
        if let Some(why) = unsuited {
            return Err(Fault::new(code, format!("{item} {why}")));
        }
    }
    Ok(())
}

/// Why a path does not suit a NotifType.
fn unsuited(model: &Model, path: &Path, kind: Kind) -> Option<&'static str> {
    match (kind, &path.target) {
        (Kind::ValueChange, Target::Param(_) | Target::Object)
        | (Kind::OperationComplete, Target::Command(_) | Target::Object)
        | (Kind::Event, Target::Event(_) | Target::Object) => None,
        (Kind::ObjectCreation, Target::Object) => match names(model, path) {
            Named::Table | Named::Unknown => None,
            Named::Row | Named::Single => Some("is not a table"),
        },
        (Kind::ObjectDeletion, Target::Object) => match names(model, path) {
            Named::Row | Named::Unknown => None,
            Named::Table | Named::Single => Some("is not a row of a table"),
        },
        (Kind::ValueChange, _) => Some("names neither a parameter nor an object"),
        (Kind::OperationComplete, _) => Some("names neither a command nor an object"),
        (Kind::Event, _) => Some("names neither an event nor an object"),
        (Kind::ObjectCreation | Kind::ObjectDeletion, _) => Some("does not name an object"),
    }
}

/// What an object path names.
enum Named {
    Table,
    Row,
    Single,
    /// It follows a reference, or the model does not have it.
    Unknown,
}

fn names(model: &Model, path: &Path) -> Named {
    let mut object = ObjectId(0);
    let mut row = false;
    for segment in path.segments.iter().skip(1) {
        match segment {
            Segment::Object(name) => match model.find_child(object, name.as_str()) {
                Some(child) => (object, row) = (child, false),
                None => return Named::Unknown,
            },
            Segment::Rows(_) => row = true,
            Segment::Follow(_) => return Named::Unknown,
        }
    }
    match (row, model.object(object).is_multi) {
        (true, _) => Named::Row,
        (false, true) => Named::Table,
        (false, false) => Named::Single,
    }
}
