//! What the agent takes of writes to its own tables, beside what the model says.

use dm::tree::{NoInitial, Place, Requester, Tree};
use dm::{Code, Fault, Value};

use super::controllers::Controller;
use super::{references, roles, trust};

/// Tables whose rows act with the permissions of the controller that a parameter of theirs names, and what of
/// them says how they act.
const ACTING: [(&str, &str, &[&str]); 2] = [
    (
        "Device.LocalAgent.Subscription.{i}.",
        "Recipient",
        &["NotifType", "ReferenceList", "TriggerAction", "TriggerConfigSettings"],
    ),
    (
        "Device.LocalAgent.Threshold.{i}.",
        "Controller",
        &["ReferencePath", "ThresholdParam", "ThresholdOperator", "ThresholdValue"],
    ),
];

/// Whether a controller may give a parameter of the agent's own tables this value.
///
/// # Errors
/// 7006 for what would lend it the rights of others, and what the rules of each table answer.
pub(super) fn check(
    tree: &Tree,
    by: &Controller,
    place: &Place,
    param: &str,
    value: &Value,
) -> Result<(), Fault> {
    let object = tree.model().object(place.object).path.as_str();
    let who = Requester { authority: by.access().authority(), defaults: &NoInitial };
    let text = value.expose();
    is_own(tree, by, place, object, param)?;
    keeps_secrets(tree, &who, place, (object, param), &text)?;
    match object {
        "Device.LocalAgent.Subscription.{i}." => references::check(tree, place, param, &text),
        "Device.LocalAgent.ControllerTrust.Role.{i}.Permission.{i}." => {
            roles::check_permission(param, &text)?;
            if param == "Targets" { roles::check_targets(tree, place, &text) } else { Ok(()) }
        }
        "Device.LocalAgent.Controller.{i}." if param == "AssignedRole" => {
            roles::check_assigned(tree, &text, &who)
        }
        "Device.LocalAgent.ControllerTrust.Credential.{i}." if param == "Role" => {
            roles::check_assigned(tree, &text, &who)
        }
        "Device.LocalAgent.Controller.{i}." if param == "X_CUSP_Pin" => check_pin(&text),
        _ => Ok(()),
    }
}

fn check_pin(text: &str) -> Result<(), Fault> {
    match text.is_empty() || trust::fingerprint(text).is_some() {
        true => Ok(()),
        false => Err(Fault::new(Code::INVALID_VALUE, "a SHA-256 fingerprint has 64 hexadecimal digits")),
    }
}

/// What acts with a controller's permissions does what that controller says, and nobody else.
fn is_own(tree: &Tree, by: &Controller, row: &Place, object: &str, param: &str) -> Result<(), Fault> {
    let acting = ACTING.iter().find(|(table, _, params)| *table == object && params.contains(&param));
    let owner = acting.map(|(_, owner, _)| tree.text_of(row, owner)).unwrap_or_default();
    match owner.is_empty() || owner == by.path {
        true => Ok(()),
        false => Err(Fault::new(Code::PERMISSION_DENIED, "the row acts for another controller")),
    }
}

/// Who does not see secured values does not say who does: neither by SecuredRoles, nor by giving one of these
/// roles to somebody, itself included, nor by choosing the answer or the certificate that gives it.
fn keeps_secrets(
    tree: &Tree,
    who: &Requester<'_>,
    place: &Place,
    what: (&str, &str),
    value: &str,
) -> Result<(), Fault> {
    if who.authority.sees_secured() {
        return Ok(());
    }
    let unlocks = match what {
        ("Device.LocalAgent.ControllerTrust.", "SecuredRoles") => true,
        ("Device.LocalAgent.ControllerTrust.", "UntrustedRole")
        | ("Device.LocalAgent.Controller.{i}.", "AssignedRole")
        | ("Device.LocalAgent.ControllerTrust.Challenge.{i}.", "Role")
        | ("Device.LocalAgent.ControllerTrust.Credential.{i}.", "Role") => {
            roles::names(tree, value, "SecuredRoles", who)
        }
        // Who else is let in by it, or taken for that controller.
        ("Device.LocalAgent.ControllerTrust.Credential.{i}.", "Credential" | "AllowedUses" | "Enable") => {
            roles::names(tree, &tree.text_of(place, "Role"), "SecuredRoles", &Requester::full())
        }
        ("Device.LocalAgent.Controller.{i}.", "Credential" | "EndpointID" | "X_CUSP_Pin") => {
            let has =
                |param| roles::names(tree, &tree.text_of(place, param), "SecuredRoles", &Requester::full());
            has("AssignedRole") || has("InheritedRole")
        }
        // Who is let in by it again.
        ("Device.LocalAgent.Certificate.{i}.", "Enable") => trust::lets_in(tree, place, |holder| {
            ["AssignedRole", "InheritedRole", "Role"].iter().any(|param| {
                roles::names(tree, &tree.text_of(holder, param), "SecuredRoles", &Requester::full())
            })
        }),
        ("Device.LocalAgent.ControllerTrust.Challenge.{i}.", "Value") => {
            roles::names(tree, &tree.text_of(place, "Role"), "SecuredRoles", &Requester::full())
        }
        _ => false,
    };
    match unlocks {
        true => Err(Fault::new(Code::PERMISSION_DENIED, "it is for controllers that see secured values")),
        false => Ok(()),
    }
}
