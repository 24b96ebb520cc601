//! What one controller may do, and what new rows get from the agent.

use std::sync::Arc;

use dm::model::ObjectId;
use dm::path::Name;
use dm::tree::{Authority, Bit, FullAccess, Place, Requester, RowDefaults, Tree};
use dm::{Fault, Now, UtcTime, Value};

use super::controllers::Controller;
use super::roles::Permissions;
use super::rules;

/// What one controller may do (R-SEC.1). Where that is everything, nothing is asked.
#[derive(Clone, Debug)]
pub(super) enum Access {
    /// Everything; secured values only with one of the SecuredRoles.
    Full { secured: bool },
    /// What its roles grant.
    Limited(Arc<Permissions>),
}

/// All permissions and no SecuredRole: secured parameters read as empty texts (TR-181
/// `ControllerTrust.SecuredRoles`).
struct AllPermissions;

impl Authority for AllPermissions {
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
        false
    }
}

impl Access {
    pub(super) fn authority(&self) -> &dyn Authority {
        match self {
            Access::Full { secured: false } => &AllPermissions,
            Access::Full { secured: true } => &FullAccess,
            Access::Limited(permissions) => &**permissions,
        }
    }

    pub(super) fn may(&self, tree: &Tree, bit: Bit, place: &Place, leaf: &str) -> bool {
        let authority = self.authority();
        authority.is_full() || authority.allows(tree, bit, place, leaf)
    }

    /// Whether an element of the supported model is shown (R-GSP.0).
    pub(super) fn shows(&self, tree: &Tree, object: ObjectId, leaf: &str) -> bool {
        let authority = self.authority();
        let bit = match leaf {
            "" => Bit::ObjectRead,
            leaf if leaf.ends_with("()") || leaf.ends_with('!') => Bit::CommandRead,
            _ => Bit::ParamRead,
        };
        authority.is_full() || authority.allows_in_model(tree, bit, object, leaf)
    }
}

/// What the agent itself puts into rows that a controller adds.
pub(super) struct NewRows<'a> {
    controller: &'a Controller,
    time: UtcTime,
}

impl<'a> NewRows<'a> {
    pub(super) fn of(controller: &'a Controller, now: Now) -> NewRows<'a> {
        NewRows { controller, time: now.utc.unwrap_or(UtcTime::UNKNOWN) }
    }

    pub(super) fn requester(&'a self, access: &'a Access) -> Requester<'a> {
        Requester { authority: access.authority(), defaults: self }
    }
}

/// Tables whose rows belong to their creator, and the parameter that names it.
const OWNED: [(&str, &str); 5] = [
    ("Device.LocalAgent.Subscription.{i}.", "Recipient"),
    ("Device.LocalAgent.Threshold.{i}.", "Controller"),
    ("Device.LocalAgent.Monitor.{i}.", "Controller"),
    ("Device.LocalAgent.Watchdog.{i}.", "Controller"),
    ("Device.BulkData.Profile.{i}.", "Controller"),
];

impl RowDefaults for NewRows<'_> {
    fn row_defaults(&self, tree: &Tree, table: &Place) -> Vec<(Name, Value)> {
        let object = tree.model().object(table.object);
        let mut values = Vec::new();
        for (_, owner) in OWNED.iter().filter(|(path, _)| *path == object.path.as_str()) {
            values.extend(
                object
                    .param(owner)
                    .map(|param| (param.name.clone(), Value::text(self.controller.path.as_str()))),
            );
            let created = object.param("CreationDate");
            values.extend(created.map(|param| (param.name.clone(), Value::Time(self.time))));
        }
        // It is tried after those that are there.
        if object.path.as_str() == "Device.LocalAgent.Controller.{i}.MTP.{i}."
            && let Some(param) = object.param("Order")
        {
            let rows = tree.rows(table).into_iter().map(|number| table.row(number));
            let orders = rows.filter_map(|row| match tree.value_of(&row, "Order") {
                Some(Value::Uint(order)) => Some(*order),
                _ => None,
            });
            let next = orders.max().unwrap_or(0).saturating_add(1);
            values.push((param.name.clone(), Value::Uint(next)));
        }
        values
    }

    fn accepts(&self, tree: &Tree, place: &Place, param: &str, value: &Value) -> Result<(), Fault> {
        rules::check(tree, self.controller, place, param, value)
    }
}
