//! Jobs.

use fleet::job::{Job as Row, OpKind, forget_secrets};
use serde::Serialize;
use utoipa::ToSchema;

use super::operation::Request;
use super::outcome::Outcome;
use super::time;
use super::words::{JobKind, JobPriority, JobState};
use crate::catalogue::Known;

/// A stored operation.
#[derive(Serialize, ToSchema)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// For which device.
    pub device: String,
    /// Which operation.
    pub kind: JobKind,
    /// How far it is.
    pub state: JobState,
    /// How urgent it is.
    pub priority: JobPriority,
    /// Who asked for it.
    pub actor: String,
    /// When it was asked for.
    pub created: String,
    /// When its state changed last.
    pub updated: String,
    /// Until when it must have been answered.
    pub deadline: Option<String>,
    /// What was asked for; secrets are masked.
    pub request: Request,
    /// What came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why there is no outcome, where that needs a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError>,
}

/// Why a job ended without an outcome.
#[derive(Serialize, ToSchema)]
pub struct JobError {
    /// USP error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// One sentence.
    pub message: String,
}

impl Job {
    /// A job as it is shown.
    pub(crate) fn new(mut row: Row, known: &Known) -> Self {
        // A finished job has forgotten its secrets; one that waits still needs them, and shows none.
        forget_secrets(&mut row.operation, row.outcome.as_mut(), known);
        let kind = OpKind::of(&row.operation);
        Job {
            id: row.id.to_string(),
            device: row.device.to_string(),
            kind: kind.into(),
            state: row.state.name().into(),
            priority: row.priority.into(),
            actor: row.actor.as_str().to_owned(),
            created: time(row.created),
            updated: time(row.updated),
            deadline: row.deadline.map(time),
            request: row.operation.into(),
            outcome: row.outcome.map(|outcome| Outcome::new(kind, outcome)),
            error: row
                .error
                .map(|error| JobError { code: error.code.map(|code| code.0), message: error.message }),
        }
    }
}
