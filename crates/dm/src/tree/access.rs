//! Who may do what: the seam through which every read and write of a tree asks.
//!
//! Roles and permission tables stand behind [`Authority`]; the tree only asks with (place, bit).

use crate::fault::Fault;
use crate::model::ObjectId;
use crate::path::Name;
use crate::tree::{Place, Tree};
use crate::value::Value;

/// One bit of a permission string (TR-369 R-SEC.3; TR-181 `ControllerTrust.Role.{i}.Permission.{i}.`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Bit {
    /// `Param` r: read the value, see it in the supported model.
    ParamRead,
    /// `Param` w: write the value.
    ParamWrite,
    /// `Param` n: be told of value changes.
    ParamNotify,
    /// `Obj` r: resolve the object, see it in the supported model.
    ObjectRead,
    /// `Obj` w: create rows.
    ObjectAdd,
    /// `Obj` n: be told of created rows.
    ObjectNotify,
    /// `InstantiatedObj` r: list rows.
    InstanceRead,
    /// `InstantiatedObj` w: delete rows.
    InstanceDelete,
    /// `InstantiatedObj` n: be told of deleted rows.
    InstanceNotify,
    /// `CommandEvent` r: see it in the supported model.
    CommandRead,
    /// `CommandEvent` x: run the command.
    CommandExecute,
    /// `CommandEvent` n: be told of completion, or of the event.
    CommandNotify,
}

/// Decides for one requester.
pub trait Authority {
    /// Whether everything is allowed, so that nothing needs to be asked.
    fn is_full(&self) -> bool {
        false
    }
    /// Whether `bit` is granted at this place; `leaf` is the parameter, command or event, or empty.
    fn allows(&self, tree: &Tree, bit: Bit, place: &Place, leaf: &str) -> bool;
    /// The same on the supported model, where there are no rows.
    fn allows_in_model(&self, tree: &Tree, bit: Bit, object: ObjectId, leaf: &str) -> bool;
    /// Whether values of secured parameters are shown (TR-369 SecuredRole).
    fn sees_secured(&self) -> bool;
}

/// Everything is allowed.
#[derive(Clone, Copy, Debug, Default)]
pub struct FullAccess;

impl Authority for FullAccess {
    fn is_full(&self) -> bool {
        true
    }
    fn allows(&self, _: &Tree, _: Bit, _: &Place, _: &str) -> bool {
        true
    }
    fn allows_in_model(&self, _: &Tree, _: Bit, _: ObjectId, _: &str) -> bool {
        true
    }
    fn sees_secured(&self) -> bool {
        true
    }
}

/// What the agent itself has to say about its own tables: values that a new row gets (a subscription's
/// recipient, a creation date), and rules that no model expresses.
pub trait RowDefaults {
    /// Parameters (by bare name) of a new row of `table`, beside the model's defaults.
    fn row_defaults(&self, tree: &Tree, table: &Place) -> Vec<(Name, Value)>;

    /// Whether the agent takes a value that the model allows. `tree` holds what the same message has set
    /// before.
    ///
    /// # Errors
    /// Why not; the setting fails with it.
    fn accepts(&self, tree: &Tree, place: &Place, param: &str, value: &Value) -> Result<(), Fault> {
        let _ = (tree, place, param, value);
        Ok(())
    }
}

/// No values beside the model's defaults.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoInitial;

impl RowDefaults for NoInitial {
    fn row_defaults(&self, _: &Tree, _: &Place) -> Vec<(Name, Value)> {
        Vec::new()
    }
}

/// Who asks, as far as a tree needs to know.
#[derive(Clone, Copy)]
pub struct Requester<'a> {
    /// What it may do.
    pub authority: &'a dyn Authority,
    /// What its new rows start with.
    pub defaults: &'a dyn RowDefaults,
}

impl Requester<'static> {
    /// The agent itself.
    pub const fn full() -> Self {
        Requester { authority: &FullAccess, defaults: &NoInitial }
    }
}

impl Requester<'_> {
    pub(crate) fn may(&self, tree: &Tree, bit: Bit, place: &Place, leaf: &str) -> bool {
        self.authority.is_full() || self.authority.allows(tree, bit, place, leaf)
    }
}
