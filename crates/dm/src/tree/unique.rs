//! Unique keys (TR-369 R-KEY.1, R-KEY.2; TR-106 `uniqueKey`).

use crate::fault::{Code, Fault};
use crate::model::UniqueKey;
use crate::tree::plan::Touch;
use crate::tree::{Place, Tree};
use crate::value::Value;

impl Tree {
    /// Whether the touched parameter makes its row equal to another in a unique key.
    pub(super) fn key_clash(&self, touch: &Touch) -> Option<Fault> {
        let object = self.model().object(touch.place.object);
        if !touch.place.is_row(self.model()) {
            return None;
        }
        let (table, number) = touch.place.table()?;
        // Enabling a row subjects it to its functional keys, so `Enable` counts as part of them.
        let enables = object.params[usize::from(touch.param)].name.as_str() == "Enable";
        let keys = object.unique_keys.iter();
        for key in keys.filter(|key| key.params.contains(&touch.param) || (enables && key.functional)) {
            let Some(own) = self.key_values(&touch.place, key) else { continue };
            for other in self.rows(&table).into_iter().filter(|other| *other != number) {
                if self.key_values(&table.row(other), key).is_some_and(|values| values == own) {
                    let row = table.row(other).text(self.model());
                    return Some(Fault::new(Code::DUPLICATE_KEY, format!("{row} has the same unique key")));
                }
            }
        }
        None
    }

    /// The values of a key, or nothing where it does not bind: functional keys bind enabled rows only.
    fn key_values(&self, row: &Place, key: &UniqueKey) -> Option<Vec<Option<Value>>> {
        if key.functional && self.value_of(row, "Enable") == Some(&Value::Bool(false)) {
            return None;
        }
        Some(key.params.iter().map(|&index| self.value(row, index).cloned()).collect())
    }
}
