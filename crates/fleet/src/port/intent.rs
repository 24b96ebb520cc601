//! The bigger intents: what a [`super::Write`] carries where that is more than a few fields.

use std::collections::BTreeSet;

use dm::UtcTime;
use dm::operation::{Operation, Outcome};
use sha2::{Digest as _, Sha256};

use crate::access::{EnrolmentToken, SecretHash};
use crate::audit::AuditEntry;
use crate::certificate::IssuedCertificate;
use crate::device::{CredentialOrigin, FactsUpdate, Identity};
use crate::enrolment::{ExpectedDevice, Shown};
use crate::event::EventBody;
use crate::ids::{DeviceId, Digest, Epoch, Fingerprint, JobId, TenantId};
use crate::job::{Job, JobError, JobEvent};
use crate::model::StoredModel;
pub use crate::tenant::MoveDevice;
use crate::tenant::Reach;
use crate::twin::Delta;

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
    /// The session that it came in. One that has been followed by another is no reason to refuse it: what a device
    /// said stays said, and many a notification is never repeated.
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
    /// The job that it completes, known by its command key in whatever session. A job that is over already is left as
    /// it is.
    pub finish: Option<FinishJob>,
    /// Whether the device's supported model may be another one since: it is in doubt until it has been asked for.
    pub doubts_model: bool,
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
    /// The certificate that it showed, SHA-256: one that was revoked meanwhile opens nothing.
    pub fingerprint: Option<Fingerprint>,
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
    /// On whose lists it is looked for.
    pub reach: Reach,
    /// To whom it goes from the platform's list; from a tenant's it goes to that tenant, and to no other.
    pub into: Option<TenantId>,
    /// Which, as it stands on the list.
    pub endpoint: String,
    /// What the person saw of its proof. Another proof on the list by now is a conflict; without it, so is
    /// a proof that has changed since the first attempt.
    pub shown: Option<Shown>,
    /// What to call it; its endpoint id otherwise.
    pub name: Option<String>,
    /// The id for it, if it is not known.
    pub device: DeviceId,
    /// When.
    pub at: UtcTime,
    /// Who; the store adds what was approved.
    pub audit: AuditEntry,
}

/// A device is let in by an enrolment token, with the certificate that was issued for it.
///
/// One transaction: the token is used up only if the device is registered, and the other way round.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enrol {
    /// Whose token, and whose device it will be.
    pub tenant: TenantId,
    /// Of the token's secret; unknown, used up or expired is not found.
    pub token: SecretHash,
    /// For whom; another than the token's is not found either.
    pub endpoint: String,
    /// The id for it, if it is not known.
    pub device: DeviceId,
    /// The certificate.
    pub issued: IssuedCertificate,
    /// When.
    pub at: UtcTime,
}

/// A device is given its next certificate on the proof of the present one.
///
/// The present one stays good, so that a device that loses the answer can ask again; all others that the
/// internal CA issued for it are revoked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Renew {
    /// Whose.
    pub tenant: TenantId,
    /// The certificate that was shown; unknown or revoked is not found.
    pub shown: Fingerprint,
    /// For whom; another device's name is a conflict.
    pub endpoint: String,
    /// The next certificate.
    pub issued: IssuedCertificate,
    /// When.
    pub at: UtcTime,
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
    pub credential: Option<(Fingerprint, CredentialOrigin)>,
    /// What to call it; its identity otherwise.
    pub name: Option<String>,
    /// When.
    pub at: UtcTime,
    /// By which rule.
    pub audit: AuditEntry,
}

/// Devices are expected from now on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutExpected {
    /// Whose they will be.
    pub tenant: TenantId,
    /// Who; at most [`crate::limits::EXPECTED_AT_ONCE`].
    pub devices: Vec<ExpectedDevice>,
    /// Enrolment tokens that some of them have been given, each for one endpoint.
    pub tokens: Vec<EnrolmentToken>,
    /// When.
    pub at: UtcTime,
    /// Who says so.
    pub audit: AuditEntry,
}

/// A device is dialled where it listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutDial {
    /// Whose it is, or will be.
    pub tenant: TenantId,
    /// The id for it, if it is not known.
    pub device: DeviceId,
    /// Who should answer.
    pub endpoint: String,
    /// Where; in place of another URL of the same endpoint.
    pub url: String,
    /// When.
    pub at: UtcTime,
    /// Who.
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
            && operate.command_key == self.job.id.command_key()
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
    /// The session that reports it; what a stale one may still say is [`crate::job::is_heard_late`]. `None` where no
    /// session does.
    pub epoch: Option<Epoch>,
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
