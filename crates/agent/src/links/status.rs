//! What the tables say of connections and listeners: `Status`, and what brokers gave.

use dm::tree::{Change, Place, Tree};

use super::broker::{Failure, State};
use super::plan::{below, is_on, referred, with_status};

/// How something fares that a row of `MQTT.Client.` or `LocalAgent.MTP.` asks for.
pub(super) enum Fares {
    /// It can't be used as it is.
    Misconfigured,
    /// A connection to a broker, and the row of `LocalAgent.MTP.` that it is for.
    Broker(State, String),
    /// A listener, and its status.
    Listener(&'static str),
}

/// What has to change for the tables to be true. Rows that nobody has something in hand for are idle.
pub(super) fn changes(tree: &Tree, fares: impl Fn(&str) -> Option<Fares>) -> Vec<Change> {
    let mut changes = Vec::new();
    for row in with_status(tree) {
        let path = row.text(tree.model());
        // Of the two tables only this one has a parameter of this name.
        if tree.model().param_index(row.object, "ResponseInformation").is_some() {
            let (status, information) = client(tree, &row, fares(&path));
            changes.extend(set(tree, &row, "Status", status));
            changes.extend(set(tree, &row, "ResponseInformation", &information));
            continue;
        }
        let (status, discovered) = mtp(tree, &row, fares(&path).as_ref(), &fares);
        changes.extend(set(tree, &row, "Status", status));
        if let Some(mqtt) = below(tree, &row, "MQTT") {
            changes.extend(set(tree, &mqtt, "ResponseTopicDiscovered", &discovered));
        }
    }
    changes
}

fn client(tree: &Tree, row: &Place, fares: Option<Fares>) -> (&'static str, String) {
    let status = match fares {
        Some(Fares::Misconfigured) if is_on(tree, row) => "Error_Misconfigured",
        Some(Fares::Broker(State::Trying { again: None }, _)) => "Connecting",
        Some(Fares::Broker(State::Up { response_information }, _)) => {
            return ("Connected", response_information.unwrap_or_default());
        }
        Some(Fares::Broker(
            State::Trying { again: Some(failure) } | State::Waiting(failure) | State::Off(failure),
            _,
        )) => match failure {
            Failure::Misconfigured => "Error_Misconfigured",
            Failure::Unreachable => "Error_BrokerUnreachable",
            Failure::Other => "Error",
        },
        _ => "Disabled",
    };
    (status, String::new())
}

fn mtp(
    tree: &Tree,
    row: &Place,
    own: Option<&Fares>,
    fares: impl Fn(&str) -> Option<Fares>,
) -> (&'static str, String) {
    match own {
        Some(Fares::Misconfigured) => return ("Error", String::new()),
        Some(Fares::Listener(status)) => return (status, String::new()),
        _ => {}
    }
    let client = below(tree, row, "MQTT").and_then(|mqtt| referred(tree, &mqtt, "Reference"));
    match client.and_then(|client| fares(&client.text(tree.model()))) {
        Some(Fares::Broker(State::Up { response_information }, mtp)) if mtp == row.text(tree.model()) => {
            ("Up", response_information.unwrap_or_default())
        }
        Some(Fares::Misconfigured) if is_on(tree, row) => ("Error", String::new()),
        _ => ("Down", String::new()),
    }
}

/// The change that makes a parameter say this, if it does not.
pub(super) fn set(tree: &Tree, row: &Place, name: &str, text: &str) -> Option<Change> {
    let param = tree.model().param_index(row.object, name)?;
    let said = tree.value_of(row, name).map(|value| value.expose());
    if said.as_deref() == Some(text) || said.is_none() && text.is_empty() {
        return None;
    }
    let value = tree.model().object(row.object).params[usize::from(param)].check(text).ok()?;
    Some(Change::Set { place: row.clone(), param, value: Some(value) })
}
