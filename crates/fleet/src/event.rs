//! What happened: rows of the one ordered event log, which is also what a notification is stored as.

use dm::UtcTime;

use crate::Error;
use crate::ids::{DeviceId, JobId, Seq, TenantId};
use crate::limits;

/// What kind of thing happened.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum EventKind {
    /// A session began.
    Online,
    /// A session ended.
    Offline,
    /// The device booted.
    Boot,
    /// Its periodic sign of life.
    Periodic,
    /// A parameter changed.
    ValueChange,
    /// A row was created.
    ObjectCreation,
    /// A row was deleted.
    ObjectDeletion,
    /// A command finished.
    OperationComplete,
    /// Any other event of the model.
    Event,
    /// The device asked to be onboarded.
    Onboard,
    /// Onboarding was completed.
    Onboarded,
    /// A job changed its state.
    Job,
    /// An unknown device asked to be let in.
    Pending,
    /// A device was let in.
    Approved,
    /// A device was turned away by a person.
    Rejected,
    /// An attempt was refused.
    Refused,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [EventKind; 16] = [
        EventKind::Online,
        EventKind::Offline,
        EventKind::Boot,
        EventKind::Periodic,
        EventKind::ValueChange,
        EventKind::ObjectCreation,
        EventKind::ObjectDeletion,
        EventKind::OperationComplete,
        EventKind::Event,
        EventKind::Onboard,
        EventKind::Onboarded,
        EventKind::Job,
        EventKind::Pending,
        EventKind::Approved,
        EventKind::Rejected,
        EventKind::Refused,
    ];

    /// The word in rows, DTOs and streams.
    pub const fn as_str(self) -> &'static str {
        match self {
            EventKind::Online => "online",
            EventKind::Offline => "offline",
            EventKind::Boot => "boot",
            EventKind::Periodic => "periodic",
            EventKind::ValueChange => "value_change",
            EventKind::ObjectCreation => "object_creation",
            EventKind::ObjectDeletion => "object_deletion",
            EventKind::OperationComplete => "operation_complete",
            EventKind::Event => "event",
            EventKind::Onboard => "onboard",
            EventKind::Onboarded => "onboarded",
            EventKind::Job => "job",
            EventKind::Pending => "pending",
            EventKind::Approved => "approved",
            EventKind::Rejected => "rejected",
            EventKind::Refused => "refused",
        }
    }

    /// From [`Self::as_str`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        EventKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| Error::row("event", format!("kind {text:?}")))
    }
}

/// One row of the event log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Its position.
    pub seq: Seq,
    /// Whose it is.
    pub tenant: TenantId,
    /// Which device, if one is concerned.
    pub device: Option<DeviceId>,
    /// When it was stored.
    pub at: UtcTime,
    /// What it is about.
    pub body: EventBody,
}

/// What an event says, before it has a position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventBody {
    /// The kind.
    pub kind: EventKind,
    /// The parameter, object, command or event path; or the endpoint of an attempt.
    pub path: Option<String>,
    /// Names and values, in the order of the device.
    pub params: Vec<(String, String)>,
    /// Possibly the same as an earlier one: delivered again rather than lost.
    pub duplicate: bool,
    /// The job it belongs to.
    pub job: Option<JobId>,
}

impl EventBody {
    /// An event without parameters.
    pub fn new(kind: EventKind) -> Self {
        EventBody { kind, path: None, params: Vec::new(), duplicate: false, job: None }
    }

    /// With a path.
    pub fn at_path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// With one more parameter.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    /// Of a job.
    pub fn of_job(mut self, job: JobId) -> Self {
        self.job = Some(job);
        self
    }

    /// Cuts it to what one row may hold; says so in a parameter `cut`.
    pub fn bounded(mut self) -> Self {
        let mut cut = false;
        if let Some(path) = self.path.as_mut().filter(|path| path.len() > limits::EVENT_PATH) {
            path.truncate(path.floor_char_boundary(limits::EVENT_PATH));
            cut = true;
        }
        let mut room = limits::EVENT_BYTES.saturating_sub(self.path.as_ref().map_or(0, String::len));
        let mut kept = 0;
        for (name, value) in self.params.iter().take(limits::EVENT_PARAMS) {
            let Some(left) = room.checked_sub(name.len() + value.len()) else { break };
            room = left;
            kept += 1;
        }
        if cut || kept < self.params.len() {
            self.params.truncate(kept);
            self.params.push(("cut".to_owned(), "true".to_owned()));
        }
        self
    }
}
