//! What the tables say of connections and listeners: `Status`, what brokers gave, and which controllers are parts of
//! USP Services.

use dm::tree::{Change, Place, Tree};

use super::broker::{Failure, State};
use super::plan::{below, connections, controllers, is_on, mtps, referred, services};

/// How something fares that a row of a broker or of `LocalAgent.MTP.` asks for.
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
    for row in connections(tree) {
        let fares = fares(&row.text(tree.model()));
        // Of the two tables only one has a parameter of this name.
        if tree.model().param_index(row.object, "ResponseInformation").is_some() {
            changes.extend(set(tree, &row, "Status", status(tree, &row, fares.as_ref(), &MQTT)));
            changes.extend(set(tree, &row, "ResponseInformation", given(fares.as_ref())));
        } else {
            changes.extend(set(tree, &row, "Status", status(tree, &row, fares.as_ref(), &STOMP)));
        }
    }
    for row in mtps(tree) {
        let (status, given) = mtp(tree, &row, &fares);
        changes.extend(set(tree, &row, "Status", status));
        let protocol = tree.text_of(&row, "Protocol");
        for (object, param) in [("MQTT", "ResponseTopicDiscovered"), ("STOMP", "DestinationFromServer")] {
            if let Some(own) = below(tree, &row, object) {
                changes.extend(set(tree, &own, param, if protocol == object { &given } else { "" }));
            }
        }
    }
    changes.extend(service_references(tree));
    changes
}

/// R-UDS.1: a controller that is reached by a UNIX domain socket and has the endpoint id of a USP Service belongs to it.
fn service_references(tree: &Tree) -> Vec<Change> {
    let mut changes = Vec::new();
    for controller in controllers(tree) {
        let endpoint = tree.text_of(&controller, "EndpointID");
        let service = services(tree).find(|row| tree.text_of(row, "EndpointID") == endpoint);
        let service = service.map(|row| row.text(tree.model())).unwrap_or_default();
        let Some(table) = below(tree, &controller, "MTP") else { continue };
        for mtp in tree.rows(&table).into_iter().map(|number| table.row(number)) {
            let is_local = tree.text_of(&mtp, "Protocol") == "UDS";
            let reference = if is_local { service.trim_end_matches('.') } else { "" };
            let uds = below(tree, &mtp, "UDS");
            changes.extend(uds.and_then(|uds| set(tree, &uds, "USPServiceRef", reference)));
        }
    }
    changes
}

/// What the `Status` of one table calls what.
struct Words {
    up: &'static str,
    refused: &'static str,
    unreachable: &'static str,
}

const MQTT: Words =
    Words { up: "Connected", refused: "Error_Misconfigured", unreachable: "Error_BrokerUnreachable" };
const STOMP: Words =
    Words { up: "Enabled", refused: "Error_AuthenticationFailure", unreachable: "ServerNotPresent" };

fn status(tree: &Tree, row: &Place, fares: Option<&Fares>, words: &Words) -> &'static str {
    match fares {
        Some(Fares::Misconfigured) if is_on(tree, row) => "Error_Misconfigured",
        Some(Fares::Broker(State::Trying { again: None }, _)) => "Connecting",
        Some(Fares::Broker(State::Up { .. }, _)) => words.up,
        Some(Fares::Broker(
            State::Trying { again: Some(failure) } | State::Waiting(failure) | State::Off(failure),
            _,
        )) => match failure {
            Failure::Misconfigured => "Error_Misconfigured",
            Failure::Refused => words.refused,
            Failure::Unreachable => words.unreachable,
            Failure::Other => "Error",
        },
        _ => "Disabled",
    }
}

/// What the broker gave for our answers.
fn given(fares: Option<&Fares>) -> &str {
    match fares {
        Some(Fares::Broker(State::Up { given }, _)) => given.as_deref().unwrap_or_default(),
        _ => "",
    }
}

fn mtp(tree: &Tree, row: &Place, fares: impl Fn(&str) -> Option<Fares>) -> (&'static str, String) {
    let path = row.text(tree.model());
    match fares(&path) {
        Some(Fares::Misconfigured) => return ("Error", String::new()),
        Some(Fares::Listener(status)) => return (status, String::new()),
        _ => {}
    }
    let own = match tree.text_of(row, "Protocol").as_str() {
        protocol @ ("MQTT" | "STOMP") => below(tree, row, protocol),
        _ => None,
    };
    let connection = own.and_then(|own| referred(tree, &own, "Reference"));
    let fares = connection.and_then(|connection| fares(&connection.text(tree.model())));
    match &fares {
        Some(Fares::Broker(State::Up { .. }, mtp)) if *mtp == path => {
            ("Up", given(fares.as_ref()).to_owned())
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
