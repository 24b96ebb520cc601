//! Devices, their connections, their values, their traces.

use std::collections::BTreeSet;

use fleet::device::{Device as Row, SessionRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{known, time};
use crate::gateway::{Trace as Recorded, Traced};

/// A managed device.
#[derive(Serialize, ToSchema)]
pub struct Device {
    /// Stable and internal.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Labels.
    pub tags: Vec<String>,
    /// The endpoint ids that it goes by.
    pub endpoints: Vec<String>,
    /// `usp` or `cwmp`.
    pub protocol: String,
    /// Manufacturer, once known.
    pub manufacturer: Option<String>,
    /// Model name, once known.
    pub model: Option<String>,
    /// Serial number, once known.
    pub serial: Option<String>,
    /// Software version, once known.
    pub software: Option<String>,
    /// Hardware version, once known.
    pub hardware: Option<String>,
    /// Manufacturer's OUI, once known.
    pub oui: Option<String>,
    /// Product class, once known.
    pub product_class: Option<String>,
    /// Whether it has a session now.
    pub online: bool,
    /// Whether the present or last session was proven by a certificate.
    pub proven: bool,
    /// Network address of that session.
    pub address: Option<String>,
    /// When it was last heard.
    pub last_seen: Option<String>,
    /// When it was let in.
    pub first_seen: String,
    /// Whether onboarding has been completed.
    pub onboarded: bool,
    /// Its supported model.
    pub model_hash: Option<String>,
    /// The URL at which the server dials it, if it does.
    pub dial: Option<String>,
    /// Whose it is.
    pub tenant: String,
}

impl Device {
    /// A device of the tenant that goes by this name.
    pub(crate) fn new(row: Row, tenant: String) -> Self {
        Device {
            id: row.id.to_string(),
            endpoints: row.endpoints().map(str::to_owned).collect(),
            protocol: row.protocol().to_owned(),
            name: row.name,
            tags: row.tags.into_iter().collect(),
            manufacturer: known(row.facts.manufacturer),
            model: known(row.facts.model),
            serial: known(row.facts.serial),
            software: known(row.facts.software),
            hardware: known(row.facts.hardware),
            oui: known(row.facts.oui),
            product_class: known(row.facts.product_class),
            online: row.online,
            proven: row.proven,
            address: known(row.address),
            last_seen: row.last_seen.map(time),
            first_seen: time(row.first_seen),
            onboarded: row.onboarded,
            model_hash: row.model.map(|hash| hash.to_string()),
            dial: row.dial,
            tenant,
        }
    }
}

/// A device that listens, and is to be dialled.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddBody {
    /// The endpoint id of who should answer.
    pub endpoint: String,
    /// Where it listens: a `ws://` or `wss://` URL.
    pub connect: String,
    /// Whose it will be, if nobody knows it; the caller's own tenant, or the default one, if absent.
    pub tenant: Option<String>,
}

/// Changes a device; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchBody {
    /// The new name.
    pub name: Option<String>,
    /// The new labels, all of them.
    #[schema(value_type = Option<Vec<String>>)]
    pub tags: Option<BTreeSet<String>>,
    /// The tenant that it goes to; only for the platform. Its labels end, if none are given.
    pub tenant: Option<String>,
}

/// One connection of a device.
#[derive(Serialize, ToSchema)]
pub struct Session {
    /// Counts the device's sessions.
    pub link: String,
    /// How it came: `websocket`, ….
    pub transport: String,
    /// The peer's address.
    pub peer: String,
    /// Whether a certificate proved it.
    pub proven: bool,
    /// Since when.
    pub since: String,
    /// Until when; null while it lasts.
    pub until: Option<String>,
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Session {
            link: row.epoch.0.to_string(),
            transport: row.transport,
            peer: row.peer,
            proven: row.proven,
            since: time(row.since),
            until: row.until.map(time),
        }
    }
}

/// One parameter as it was last known, or the existence of one row (its path ends in a dot).
#[derive(Serialize, ToSchema)]
pub struct TwinItem {
    /// Full path.
    pub path: String,
    /// Lexical value; masked if the parameter holds a secret.
    pub value: String,
    /// Base type, if the model says.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whether it may be written, if the device's model says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writable: Option<bool>,
    /// When it was learnt.
    pub at: String,
    /// How: `read`, `notified` or `written`.
    pub source: String,
}

/// A piece of the last known tree.
#[derive(Serialize, ToSchema)]
pub struct TwinPage {
    /// The parameters and rows, in the order of paths.
    pub items: Vec<TwinItem>,
    /// Where the next piece begins; null at the end.
    pub next: Option<String>,
    /// Whether the device has told more than is kept of one device: what is missing here is not what it does not have.
    pub truncated: bool,
}

/// Decoded messages of a device.
#[derive(Serialize, ToSchema)]
pub struct Trace {
    /// Whether messages are being recorded.
    pub enabled: bool,
    /// What was recorded, oldest first.
    pub items: Vec<TraceItem>,
    /// Always null: a trace is short.
    pub next: Option<String>,
}

/// One decoded message.
#[derive(Serialize, ToSchema)]
pub struct TraceItem {
    /// When.
    pub at: String,
    /// `in`: from the device; `out`: to it.
    pub direction: String,
    /// Message or record type.
    pub kind: String,
    /// The message's id.
    pub msg_id: Option<String>,
    /// One line.
    pub summary: String,
    /// All of it, secrets masked.
    #[schema(value_type = Object)]
    pub body: serde_json::Value,
}

impl From<Traced> for TraceItem {
    fn from(traced: Traced) -> Self {
        TraceItem {
            at: time(traced.at),
            direction: if traced.inbound { "in" } else { "out" }.to_owned(),
            kind: traced.kind,
            msg_id: traced.msg_id,
            summary: traced.summary,
            body: traced.body,
        }
    }
}

impl From<Recorded> for Trace {
    fn from(trace: Recorded) -> Self {
        let items = trace.items.into_iter().map(TraceItem::from).collect();
        Trace { enabled: trace.enabled, items, next: None }
    }
}

/// Switches tracing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceBody {
    /// On or off.
    pub enabled: bool,
}
