//! A job: one operation for one device, stored before anybody acts on it, and its state machine.

use std::fmt;

use dm::operation::{Operation, Outcome};
use dm::{Code, Fault, UtcTime};

use crate::Error;
use crate::ids::{DeviceId, JobId, TenantId};
use crate::tenant::TenantName;

mod outcome;
mod secrets;

pub use outcome::{complete, ending_of, event_of};
pub use secrets::{MASK, forget_secrets};

/// A stored operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// Its id; also the command key of an Operate that came without one.
    pub id: JobId,
    /// Whose it is.
    pub tenant: TenantId,
    /// For which device.
    pub device: DeviceId,
    /// What to do.
    pub operation: Operation,
    /// How far it is.
    pub state: JobState,
    /// How urgent it is.
    pub priority: Priority,
    /// Who asked for it.
    pub actor: Actor,
    /// When it was asked for.
    pub created: UtcTime,
    /// When its state changed last.
    pub updated: UtcTime,
    /// Until when it must have been answered.
    pub deadline: Option<UtcTime>,
    /// What came of it.
    pub outcome: Option<Outcome>,
    /// Why there is no outcome, where that needs a reason.
    pub error: Option<JobError>,
}

/// Why a job ended without an outcome.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobError {
    /// The protocol's code, if it has one.
    pub code: Option<Code>,
    /// One sentence.
    pub message: String,
}

impl From<Fault> for JobError {
    fn from(fault: Fault) -> Self {
        JobError { code: Some(fault.code), message: fault.message }
    }
}

/// Who did something: `user:alice`, `token:ci`, `system`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Actor(String);

impl Actor {
    /// A person.
    pub fn user(name: &str) -> Self {
        Actor(format!("user:{name}"))
    }

    /// An API token.
    pub fn token(name: &str) -> Self {
        Actor(format!("token:{name}"))
    }

    /// An API token of a tenant: another than the platform's of the same name.
    pub fn tenant_token(tenant: &TenantName, name: &str) -> Self {
        Actor(format!("token:{tenant}/{name}"))
    }

    /// The server itself.
    pub fn system() -> Self {
        Actor("system".to_owned())
    }

    /// From a row.
    pub fn from_row(text: impl Into<String>) -> Self {
        Actor(text.into())
    }

    /// As it is shown and stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who comes first in a lane.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum Priority {
    /// Someone is waiting.
    #[default]
    Person,
    /// A rule fired.
    Rule,
    /// A campaign.
    Campaign,
    /// Housekeeping.
    Background,
}

impl Priority {
    /// Most urgent first.
    pub const ALL: [Priority; 4] =
        [Priority::Person, Priority::Rule, Priority::Campaign, Priority::Background];

    /// The word in DTOs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Priority::Person => "person",
            Priority::Rule => "rule",
            Priority::Campaign => "campaign",
            Priority::Background => "background",
        }
    }

    /// From [`Self::as_str`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        Priority::ALL
            .into_iter()
            .find(|one| one.as_str() == text)
            .ok_or_else(|| Error::row("job", format!("priority {text:?}")))
    }
}

/// Which operation, without what it carries: all that a lane needs to know.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum OpKind {
    /// Get.
    Get,
    /// GetInstances.
    GetInstances,
    /// GetSchema.
    GetSchema,
    /// Set.
    Set,
    /// Add.
    Add,
    /// Delete.
    Delete,
    /// Operate.
    Operate,
}

impl OpKind {
    /// Every kind.
    pub const ALL: [OpKind; 7] = [
        OpKind::Get,
        OpKind::GetInstances,
        OpKind::GetSchema,
        OpKind::Set,
        OpKind::Add,
        OpKind::Delete,
        OpKind::Operate,
    ];

    /// Of an operation.
    pub const fn of(operation: &Operation) -> Self {
        match operation {
            Operation::Get(_) => OpKind::Get,
            Operation::GetInstances(_) => OpKind::GetInstances,
            Operation::GetSchema(_) => OpKind::GetSchema,
            Operation::Set(_) => OpKind::Set,
            Operation::Add(_) => OpKind::Add,
            Operation::Delete(_) => OpKind::Delete,
            Operation::Operate(_) => OpKind::Operate,
        }
    }

    /// Whether it may change the device.
    pub const fn is_write(self) -> bool {
        matches!(self, OpKind::Set | OpKind::Add | OpKind::Delete | OpKind::Operate)
    }

    /// Whether doing it twice is the same as doing it once. An Add makes a second row and a command runs
    /// again; a Set sets the same and a Delete finds nothing left.
    pub const fn is_idempotent(self) -> bool {
        !matches!(self, OpKind::Add | OpKind::Operate)
    }

    /// The word in rows and DTOs.
    pub const fn as_str(self) -> &'static str {
        match self {
            OpKind::Get => "get",
            OpKind::GetInstances => "instances",
            OpKind::GetSchema => "schema",
            OpKind::Set => "set",
            OpKind::Add => "add",
            OpKind::Delete => "delete",
            OpKind::Operate => "operate",
        }
    }

    /// From [`Self::as_str`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        OpKind::ALL
            .into_iter()
            .find(|one| one.as_str() == text)
            .ok_or_else(|| Error::row("job", format!("kind {text:?}")))
    }
}

/// How far a job is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum JobState {
    /// Stored, not sent yet.
    Queued,
    /// On its way; no answer yet.
    Sent,
    /// The device runs the command and will tell when it is done.
    Accepted(Accepted),
    /// Everything asked for was done.
    Done,
    /// Some of it.
    Partial,
    /// None of it.
    Failed,
    /// Its deadline passed first.
    Expired,
    /// Withdrawn before it was sent.
    Cancelled,
    /// It was sent, and no answer will come: it may have happened or not. Never sent again by itself.
    InDoubt,
}

/// What an asynchronous command is known by while it runs.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Accepted {
    /// Its `LocalAgent.Request` rows, one per object that the command ran on.
    pub requests: Vec<String>,
    /// The key that the completion carries.
    pub command_key: String,
}

/// A [`JobState`] without what it carries, for lists and filters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum StateName {
    /// [`JobState::Queued`]
    Queued,
    /// [`JobState::Sent`]
    Sent,
    /// [`JobState::Accepted`]
    Accepted,
    /// [`JobState::Done`]
    Done,
    /// [`JobState::Partial`]
    Partial,
    /// [`JobState::Failed`]
    Failed,
    /// [`JobState::Expired`]
    Expired,
    /// [`JobState::Cancelled`]
    Cancelled,
    /// [`JobState::InDoubt`]
    InDoubt,
}

impl StateName {
    /// Every state.
    pub const ALL: [StateName; 9] = [
        StateName::Queued,
        StateName::Sent,
        StateName::Accepted,
        StateName::Done,
        StateName::Partial,
        StateName::Failed,
        StateName::Expired,
        StateName::Cancelled,
        StateName::InDoubt,
    ];

    /// The word in rows and DTOs.
    pub const fn as_str(self) -> &'static str {
        match self {
            StateName::Queued => "queued",
            StateName::Sent => "sent",
            StateName::Accepted => "accepted",
            StateName::Done => "done",
            StateName::Partial => "partial",
            StateName::Failed => "failed",
            StateName::Expired => "expired",
            StateName::Cancelled => "cancelled",
            StateName::InDoubt => "in_doubt",
        }
    }

    /// From [`Self::as_str`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        StateName::ALL
            .into_iter()
            .find(|one| one.as_str() == text)
            .ok_or_else(|| Error::row("job", format!("state {text:?}")))
    }
}

impl JobState {
    /// Its name.
    pub const fn name(&self) -> StateName {
        match self {
            JobState::Queued => StateName::Queued,
            JobState::Sent => StateName::Sent,
            JobState::Accepted(_) => StateName::Accepted,
            JobState::Done => StateName::Done,
            JobState::Partial => StateName::Partial,
            JobState::Failed => StateName::Failed,
            JobState::Expired => StateName::Expired,
            JobState::Cancelled => StateName::Cancelled,
            JobState::InDoubt => StateName::InDoubt,
        }
    }

    /// The word in rows and DTOs.
    pub const fn as_str(&self) -> &'static str {
        self.name().as_str()
    }

    /// Whether nothing more happens by itself; a waiter may stop waiting. An accepted command is still
    /// under way, and a job in doubt can be resolved but need not be.
    pub const fn is_finished(&self) -> bool {
        !matches!(self, JobState::Queued | JobState::Sent | JobState::Accepted(_))
    }
}

/// What can happen to a job.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum JobEvent {
    /// It was handed to a session.
    Send,
    /// The device said that it runs the command.
    Accept(Accepted),
    /// It ended.
    Finish(Ending),
    /// The session could not send it: nothing has left.
    Unsend,
    /// The session ended, or the process died, before the answer.
    Lose,
    /// Its deadline passed.
    Expire,
    /// Someone withdrew it.
    Cancel,
}

impl JobEvent {
    /// The participle that an error message is made of.
    const fn as_str(&self) -> &'static str {
        match self {
            JobEvent::Send => "sent",
            JobEvent::Accept(_) => "accepted",
            JobEvent::Finish(_) => "finished",
            JobEvent::Unsend => "taken back",
            JobEvent::Lose => "lost",
            JobEvent::Expire => "expired",
            JobEvent::Cancel => "cancelled",
        }
    }
}

/// How much of a job was done.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ending {
    /// All.
    Done,
    /// Some.
    Partial,
    /// Nothing.
    Failed,
}

impl From<Ending> for JobState {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Done => JobState::Done,
            Ending::Partial => JobState::Partial,
            Ending::Failed => JobState::Failed,
        }
    }
}

/// The transition table. `kind` decides what a lost job becomes: what can be repeated harmlessly waits
/// again, anything else is in doubt.
///
/// A completion may overtake the answer that it belongs to, and a late answer resolves a doubt: both are
/// expected. An answer to a job that is over is not, and the caller drops it.
pub fn transition(state: &JobState, event: JobEvent, kind: OpKind) -> Result<JobState, Error> {
    use JobState::{Accepted as Running, Cancelled, Expired, InDoubt, Queued, Sent};
    match (state, event) {
        (Queued, JobEvent::Send) => Ok(Sent),
        (Queued, JobEvent::Cancel) => Ok(Cancelled),
        (Queued, JobEvent::Expire) => Ok(Expired),
        (Queued | Sent, JobEvent::Unsend) => Ok(Queued),
        (Queued, JobEvent::Lose) => Ok(Queued),
        // A read does no harm twice, so that sending it need not be recorded.
        (Queued, JobEvent::Finish(ending)) if !kind.is_write() => Ok(ending.into()),
        (Sent | InDoubt | Running(_), JobEvent::Accept(accepted)) if kind == OpKind::Operate => {
            Ok(Running(accepted))
        }
        (Sent | InDoubt | Running(_), JobEvent::Finish(ending)) => Ok(ending.into()),
        (Sent, JobEvent::Lose) => Ok(if kind.is_idempotent() { Queued } else { InDoubt }),
        (Sent, JobEvent::Expire) => Ok(if kind.is_write() { InDoubt } else { Expired }),
        (Running(_), JobEvent::Expire) => Ok(InDoubt),
        // The command runs on in the device, whatever became of the session.
        (Running(accepted), JobEvent::Lose) => Ok(Running(accepted.clone())),
        (state, event) => Err(Error::UnexpectedJobEvent { state: state.as_str(), event: event.as_str() }),
    }
}

/// Whether a session that has been followed by another may still report this of a job. Its answer to what is done
/// once at most (Add, Operate) resolves a doubt, because no other session has sent it. Anything else may have been
/// given to the session that followed, and is that one's to report.
pub fn is_heard_late(state: &JobState, event: &JobEvent, kind: OpKind) -> bool {
    let answers = matches!(event, JobEvent::Finish(_) | JobEvent::Accept(_));
    *state == JobState::InDoubt && answers && !kind.is_idempotent()
}
