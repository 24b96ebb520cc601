//! The intents of the domain, and what they are answered with.

use std::collections::BTreeSet;

use dm::UtcTime;
use dm::operation::{Operation, Outcome};
use sha2::{Digest as _, Sha256};

use crate::access::{ApiToken, EnrolmentToken, Login, PasswordHash, SecretHash, SignInLink, User};
use crate::audit::AuditEntry;
use crate::device::{Credential, Device, FactsUpdate, Identity};
use crate::enrolment::{PendingDevice, RefusedAttempt};
use crate::event::EventBody;
use crate::ids::{DeviceId, Digest, EnrolmentId, Epoch, Fingerprint, JobId, Seq, TenantId, TokenId, UserId};
use crate::job::{Job, JobError, JobEvent};
use crate::model::{ModelHint, StoredModel};
use crate::twin::Delta;

/// What the domain wants written. Each is one transaction: the rows, the event of the log, and the audit
/// row where a person acts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Write {
    /// The server starts: every session of the last run is over, and jobs that were under way wait again
    /// or are in doubt ([`crate::lane::recover`]). → [`Written::Count`] of jobs changed.
    Recover {
        /// When.
        at: UtcTime,
    },
    /// A device notified; acknowledge it when this resolves. → [`Written::Notified`].
    StoreNotification(Box<NewNotification>),
    /// A session began; the one before it is over, and its jobs are lost. → [`Written::Session`] with its
    /// epoch.
    SessionOpened(SessionOpened),
    /// A session ended, and its jobs are lost. A stale epoch is [`super::StoreError::StaleEpoch`].
    /// → [`Written::Done`].
    SessionClosed(SessionClosed),
    /// An unknown device asked to be let in. → [`Written::Done`].
    SeenPending {
        /// Whose list.
        tenant: TenantId,
        /// It, with `attempts` of this time (1); counted up if it is on the list.
        pending: PendingDevice,
    },
    /// A person lets a pending device in: creates it, or adds its certificate to the device that goes by
    /// that name. → [`Written::Device`].
    Approve(Approve),
    /// A person turns a pending device away. → [`Written::Done`].
    Reject {
        /// Whose list.
        tenant: TenantId,
        /// Which.
        endpoint: String,
        /// When.
        at: UtcTime,
        /// Who.
        audit: AuditEntry,
    },
    /// The policy or a token lets an unknown device in, or a certificate is issued for a device to come.
    /// → [`Written::Device`].
    Admit(Admit),
    /// An attempt was turned away. → [`Written::Done`].
    Refused {
        /// Whose list.
        tenant: TenantId,
        /// What happened.
        attempt: RefusedAttempt,
    },
    /// An operation is accepted. → [`Written::Job`].
    CreateJob(Box<CreateJob>),
    /// A job goes to a session: to be resolved before the first byte of a write leaves; a read may go out
    /// without. → [`Written::Job`] with what is to be sent.
    JobSent {
        /// Whose.
        tenant: TenantId,
        /// Which.
        job: JobId,
        /// The session that takes it; a stale one is refused.
        epoch: Epoch,
        /// When.
        at: UtcTime,
    },
    /// A job was accepted, lost or has expired: any step that brings no outcome. → [`Written::Job`].
    StepJob {
        /// Whose.
        tenant: TenantId,
        /// Which.
        job: JobId,
        /// What happened.
        event: JobEvent,
        /// What the device has answered so far (an accepted command's results).
        outcome: Option<Box<Outcome>>,
        /// When.
        at: UtcTime,
    },
    /// A job ended. → [`Written::Job`].
    FinishJob(Box<FinishJob>),
    /// Someone withdraws a queued job. → [`Written::Job`].
    CancelJob {
        /// Whose.
        tenant: TenantId,
        /// Which.
        job: JobId,
        /// When.
        at: UtcTime,
        /// Who.
        audit: AuditEntry,
    },
    /// Every job whose deadline has passed expires, and every command accepted too long ago is in doubt.
    /// → [`Written::Jobs`].
    ExpireJobs {
        /// Now.
        at: UtcTime,
    },
    /// A device's supported model. → [`Written::Done`].
    PutModel(Box<PutModel>),
    /// A hint was wrong. → [`Written::Done`].
    DropHint {
        /// Whose.
        tenant: TenantId,
        /// Which.
        hint: ModelHint,
    },
    /// Onboarding was completed. → [`Written::Done`].
    Onboarded {
        /// Whose.
        tenant: TenantId,
        /// Which device.
        device: DeviceId,
        /// When.
        at: UtcTime,
    },
    /// What was read from a device without a job: facts and values. → [`Written::Done`].
    PutDeviceFields(Box<DeviceFields>),
    /// A person changes a device's name or tags. → [`Written::Device`].
    PatchDevice(Patch),
    /// A device and all that is known of it is removed; its audit rows stay. → [`Written::Done`].
    ForgetDevice {
        /// Whose.
        tenant: TenantId,
        /// Which.
        device: DeviceId,
        /// When.
        at: UtcTime,
        /// Who.
        audit: AuditEntry,
    },
    /// Another name of a device. A name of another device is a conflict. → [`Written::Done`].
    PutIdentity {
        /// Whose.
        tenant: TenantId,
        /// Which device.
        device: DeviceId,
        /// The name.
        identity: Identity,
        /// When.
        at: UtcTime,
    },
    /// Another certificate of a device, or the end of one (`revoked`). One of another device is a conflict.
    /// → [`Written::Done`].
    PutCredential {
        /// Whose.
        tenant: TenantId,
        /// The row.
        credential: Credential,
        /// Who.
        audit: AuditEntry,
    },
    /// A person is made or changed. → [`Written::Done`].
    PutUser {
        /// Whose.
        tenant: TenantId,
        /// The whole row.
        user: User,
        /// When.
        at: UtcTime,
        /// Who did it.
        audit: AuditEntry,
    },
    /// A person's password; ends all sessions of that person but `keep`. → [`Written::Done`].
    SetPassword {
        /// Whose.
        tenant: TenantId,
        /// Which person.
        user: UserId,
        /// The hash.
        password: PasswordHash,
        /// The session that sets it.
        keep: Option<SecretHash>,
        /// When.
        at: UtcTime,
        /// Who did it.
        audit: AuditEntry,
    },
    /// A sign-in link. → [`Written::Done`].
    PutLink {
        /// Whose.
        tenant: TenantId,
        /// The row.
        link: SignInLink,
        /// When.
        at: UtcTime,
        /// Who made it.
        audit: AuditEntry,
    },
    /// A sign-in link is used up; unknown, used or expired is not found. → [`Written::User`].
    UseLink {
        /// Whose.
        tenant: TenantId,
        /// Of the link's secret.
        hash: SecretHash,
        /// When.
        at: UtcTime,
    },
    /// A browser signs in. → [`Written::Done`].
    PutLogin {
        /// Whose.
        tenant: TenantId,
        /// The row.
        login: Login,
        /// Who.
        audit: AuditEntry,
    },
    /// A browser signs out. → [`Written::Done`].
    EndLogin {
        /// Whose.
        tenant: TenantId,
        /// Of the cookie.
        hash: SecretHash,
    },
    /// An API token. → [`Written::Done`].
    PutToken {
        /// Whose.
        tenant: TenantId,
        /// The row.
        token: ApiToken,
        /// Who made it.
        audit: AuditEntry,
    },
    /// The end of an API token. → [`Written::Done`].
    RevokeToken {
        /// Whose.
        tenant: TenantId,
        /// Which.
        token: TokenId,
        /// When.
        at: UtcTime,
        /// Who ended it.
        audit: AuditEntry,
    },
    /// An enrolment token. → [`Written::Done`].
    PutEnrolmentToken {
        /// Whose.
        tenant: TenantId,
        /// The row.
        token: EnrolmentToken,
        /// Who made it.
        audit: AuditEntry,
    },
    /// The end of an enrolment token. → [`Written::Done`].
    RevokeEnrolmentToken {
        /// Whose.
        tenant: TenantId,
        /// Which.
        token: EnrolmentId,
        /// When.
        at: UtcTime,
        /// Who ended it.
        audit: AuditEntry,
    },
    /// One use of an enrolment token; unknown, used up or expired is not found. → [`Written::Enrolment`].
    UseEnrolmentToken {
        /// Whose.
        tenant: TenantId,
        /// Of the token.
        hash: SecretHash,
        /// For whom, for the log.
        endpoint: String,
        /// When.
        at: UtcTime,
    },
    /// A row of the audit log by itself. → [`Written::Done`].
    Audit {
        /// Whose.
        tenant: TenantId,
        /// When.
        at: UtcTime,
        /// The row.
        entry: AuditEntry,
    },
    /// Rows past their retention are removed, a bounded number at a time. → [`Written::Count`]; repeat
    /// while it isn't 0.
    Prune(Prune),
}

/// What a write is answered with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    /// It is done.
    Done,
    /// How many rows it changed.
    Count(u64),
    /// A notification was stored, or recognised as one that has been.
    Notified {
        /// Its event's position; of the first one for a recognised duplicate.
        seq: Seq,
        /// It had been stored before: acknowledge it, and do nothing else.
        known: bool,
    },
    /// A session's epoch.
    Session(Epoch),
    /// A device.
    Device(Box<Device>),
    /// A job as it is now.
    Job {
        /// It.
        job: Box<Job>,
        /// It was there already, under the same idempotency key.
        existing: bool,
    },
    /// Jobs that changed.
    Jobs(Vec<(TenantId, DeviceId, JobId)>),
    /// Whom a link signed in.
    User(Box<User>),
    /// The token that was used, with what is left of it.
    Enrolment(EnrolmentToken),
}

/// A notification as it arrived.
///
/// Recognised as a duplicate is one with the same endpoint, msg_id and digest within
/// [`crate::limits::DUPLICATE_WINDOW_MICROS`], unless the device booted in between; and a Boot! itself
/// only within its session. In doubt it is stored again, with the event marked as a duplicate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewNotification {
    /// Whose.
    pub tenant: TenantId,
    /// Which device.
    pub device: DeviceId,
    /// The session that it came in.
    pub epoch: Epoch,
    /// The endpoint that sent it.
    pub endpoint: String,
    /// The message's id.
    pub msg_id: String,
    /// SHA-256 of the message.
    pub digest: Digest,
    /// When it arrived.
    pub at: UtcTime,
    /// What it says; of kind `Boot` for a Boot!.
    pub event: EventBody,
    /// What it changes in the twin.
    pub delta: Option<Delta>,
    /// The job that it completes. A job that is over already is left as it is.
    pub finish: Option<FinishJob>,
}

impl NewNotification {
    /// What a repetition has in common with it.
    pub fn key(&self) -> Digest {
        let mut sha = Sha256::new();
        for part in [self.endpoint.as_bytes(), self.msg_id.as_bytes(), &self.digest.0] {
            sha.update((part.len() as u64).to_be_bytes());
            sha.update(part);
        }
        Digest(sha.finalize().into())
    }
}

/// A session that begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionOpened {
    /// Whose.
    pub tenant: TenantId,
    /// Which device.
    pub device: DeviceId,
    /// `websocket`, ….
    pub transport: String,
    /// The peer's address.
    pub peer: String,
    /// Whether a certificate proved it.
    pub proven: bool,
    /// When.
    pub at: UtcTime,
}

/// A session that ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionClosed {
    /// Whose.
    pub tenant: TenantId,
    /// Which device.
    pub device: DeviceId,
    /// Which session.
    pub epoch: Epoch,
    /// When.
    pub at: UtcTime,
    /// Why, in a few words.
    pub reason: String,
}

/// A person lets a device in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approve {
    /// Whose list.
    pub tenant: TenantId,
    /// Which, as it stands on the list.
    pub endpoint: String,
    /// What to call it; its endpoint id otherwise.
    pub name: Option<String>,
    /// The id for it, if it is not known.
    pub device: DeviceId,
    /// When.
    pub at: UtcTime,
    /// Who.
    pub audit: AuditEntry,
}

/// A device is let in without a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admit {
    /// Whose it will be.
    pub tenant: TenantId,
    /// The id for it, if it is not known.
    pub device: DeviceId,
    /// Its name on the wire.
    pub identity: Identity,
    /// The certificate that will prove it.
    pub credential: Option<(Fingerprint, crate::device::CredentialOrigin)>,
    /// What to call it; its identity otherwise.
    pub name: Option<String>,
    /// When.
    pub at: UtcTime,
    /// By which rule.
    pub audit: AuditEntry,
}

/// An operation that is accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateJob {
    /// The job, queued.
    pub job: Job,
    /// The operation with its secrets masked ([`crate::job::forget_secrets`]), which takes the place of the
    /// request when the job is finished; `None` if it holds no secret.
    pub masked: Option<Operation>,
    /// The same actor's same key means the same job; with another operation it is a conflict.
    pub idempotency_key: Option<String>,
    /// Who and what.
    pub audit: AuditEntry,
}

impl CreateJob {
    /// What two requests under one idempotency key have in common: device and operation, without the
    /// command key that was made for this one.
    pub fn fingerprint(&self) -> Digest {
        let mut operation = self.job.operation.clone();
        if let Operation::Operate(operate) = &mut operation
            && operate.command_key == self.job.id.to_string()
        {
            operate.command_key.clear();
        }
        let mut sha = Sha256::new();
        sha.update(self.job.device.to_bytes());
        sha.update(crate::dto::encode_operation(&operation));
        Digest(sha.finalize().into())
    }
}

/// A job that ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FinishJob {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub job: JobId,
    /// What happened: an ending, or an expiry.
    pub event: JobEvent,
    /// What the device answered, secrets masked.
    pub outcome: Option<Outcome>,
    /// Why there is no outcome.
    pub error: Option<JobError>,
    /// What it taught about the device's values.
    pub delta: Option<Delta>,
    /// What it taught about the device itself.
    pub facts: FactsUpdate,
    /// When.
    pub at: UtcTime,
}

/// A supported model and who has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutModel {
    /// Whose.
    pub tenant: TenantId,
    /// Which device has it.
    pub device: DeviceId,
    /// The model.
    pub model: StoredModel,
    /// Under which hint others may find it.
    pub hint: Option<ModelHint>,
    /// When.
    pub at: UtcTime,
}

/// What was learnt of a device without a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeviceFields {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub device: DeviceId,
    /// About itself.
    pub facts: FactsUpdate,
    /// Values.
    pub delta: Option<Delta>,
    /// When.
    pub at: UtcTime,
}

/// A person's change of a device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patch {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub device: DeviceId,
    /// The new name.
    pub name: Option<String>,
    /// The new tags, all of them.
    pub tags: Option<BTreeSet<String>>,
    /// When.
    pub at: UtcTime,
    /// Who.
    pub audit: AuditEntry,
}

/// How long rows are kept, counted back from `at`. `None` keeps them for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prune {
    /// Now.
    pub at: UtcTime,
    /// Events; default 30 days.
    pub events_days: Option<u32>,
    /// Finished jobs; default 30 days.
    pub jobs_days: Option<u32>,
    /// Ended sessions; default 90 days.
    pub sessions_days: Option<u32>,
    /// Audit rows; default never.
    pub audit_days: Option<u32>,
}

impl Prune {
    /// The defaults.
    pub fn defaults(at: UtcTime) -> Self {
        Prune { at, events_days: Some(30), jobs_days: Some(30), sessions_days: Some(90), audit_days: None }
    }
}
