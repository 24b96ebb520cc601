//! Unique keys (TR-369 R-KEY.1, R-KEY.2; TR-106 `uniqueKey`).

use crate::fault::{Code, Fault};
use crate::model::UniqueKey;
use crate::path::Name;
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
        // Enabling a row subjects it to its functional keys, so the switch counts as part of them.
        let name = &object.params[usize::from(touch.param)].name;
        let enables = object.enable_param.as_ref() == Some(name);
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
        let switch = self.model().object(row.object).enable_param.as_ref();
        let disabled = |name: &Name| self.value_of(row, name.as_str()) == Some(&Value::Bool(false));
        if key.functional && switch.is_some_and(disabled) {
            return None;
        }
        Some(key.params.iter().map(|&index| self.value(row, index).cloned()).collect())
    }
}
