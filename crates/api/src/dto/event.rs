//! Rows of the event log.

use std::collections::BTreeMap;

use fleet::event::Event as Row;
use serde::Serialize;
use utoipa::ToSchema;

use super::words::EventKind;
use super::{object, time};
use crate::catalogue::Known;

/// Something that happened.
#[derive(Serialize, ToSchema)]
pub struct Event {
    /// Its position in the log.
    pub seq: u64,
    /// When it was stored.
    pub at: String,
    /// Which device.
    pub device: Option<String>,
    /// What kind of thing.
    pub kind: EventKind,
    /// The parameter, object, command or event; or the endpoint of an attempt.
    pub path: Option<String>,
    /// Names and values; secrets are masked.
    pub params: BTreeMap<String, String>,
    /// Possibly the same as an earlier one: delivered again rather than lost.
    pub duplicate: bool,
    /// The job that it belongs to.
    pub job: Option<String>,
}

impl Event {
    /// An event as it is shown.
    pub(crate) fn new(row: Row, known: &Known) -> Self {
        let mut body = row.body;
        known.mask(body.path.as_deref().unwrap_or_default(), &mut body.params);
        Event {
            seq: row.seq.0,
            at: time(row.at),
            device: row.device.map(|id| id.to_string()),
            kind: body.kind.into(),
            path: body.path,
            params: object(body.params),
            duplicate: body.duplicate,
            job: body.job.map(|id| id.to_string()),
        }
    }
}
