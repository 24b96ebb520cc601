//! The intents of the domain, and what they are answered with.

use dm::UtcTime;
use dm::operation::Outcome;

use super::intent::{
    Admit, Approve, CreateJob, DeviceFields, Enrol, FinishJob, MoveDevice, NewNotification, Patch, Prune,
    PutDial, PutExpected, PutModel, Renew, SessionClosed, SessionOpened,
};
use crate::access::{ApiToken, EnrolmentToken, Login, PasswordHash, SecretHash, SignInLink, User};
use crate::audit::AuditEntry;
use crate::certificate::RevocationReason;
use crate::datamodel::PutDataModel;
use crate::device::{Credential, Device, Identity};
use crate::enrolment::{PendingDevice, RefusedAttempt};
use crate::ids::{
    DeviceId, EnrolmentId, Epoch, Fingerprint, JobId, ModelHash, Seq, TenantId, TokenId, UserId,
};
use crate::job::{Job, JobEvent};
use crate::login::PutLogin;
use crate::tenant::{Reach, Tenant};

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
    /// A person lets a pending device in as it was shown: creates it, or adds its certificate to the device
    /// that goes by that name. → [`Written::Device`].
    Approve(Approve),
    /// A person turns a pending device away. → [`Written::Done`].
    Reject {
        /// On whose lists it is looked for.
        reach: Reach,
        /// Which.
        endpoint: String,
        /// When.
        at: UtcTime,
        /// Who.
        audit: AuditEntry,
    },
    /// The policy lets an unknown device in. → [`Written::Device`].
    Admit(Admit),
    /// A token lets a device in, and is used up by it. A device that has a certificate is a conflict, unless
    /// the token was made for it: then its old certificates are revoked. → [`Written::Device`].
    Enrol(Enrol),
    /// A device is given its next certificate. → [`Written::Device`].
    Renew(Renew),
    /// A device is given a user name and a password. → [`Written::Device`].
    PutDeviceLogin(PutLogin),
    /// A certificate counts no more. → [`Written::Device`], whose it is.
    RevokeCertificate {
        /// Whose.
        tenant: TenantId,
        /// Which.
        fingerprint: Fingerprint,
        /// Why.
        reason: RevocationReason,
        /// When.
        at: UtcTime,
        /// Who.
        audit: AuditEntry,
    },
    /// Devices are expected: let in at first contact, if a CA vouches for them or they have a token. Too many,
    /// or a token that is known, is a conflict. → [`Written::Count`].
    PutExpected(PutExpected),
    /// A device is not expected any more. → [`Written::Done`].
    RemoveExpected {
        /// On whose lists it is looked for.
        reach: Reach,
        /// Its endpoint id or serial number, as it stands on the list.
        value: String,
        /// When.
        at: UtcTime,
        /// Who.
        audit: AuditEntry,
    },
    /// A person says where a device listens: lets it in, if nobody knows it, and has it dialled there from
    /// now on. → [`Written::Device`].
    PutDial(PutDial),
    /// A device is not dialled any more, under none of its names. → [`Written::Done`].
    RemoveDial {
        /// Whose.
        tenant: TenantId,
        /// Which.
        device: DeviceId,
        /// When.
        at: UtcTime,
        /// Who.
        audit: AuditEntry,
    },
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
    /// A job was accepted, lost or has expired: any step that does not end it with an outcome. → [`Written::Job`].
    StepJob {
        /// Whose.
        tenant: TenantId,
        /// Which.
        job: JobId,
        /// The session that reports it; what a stale one may still say is [`crate::job::is_heard_late`]. `None` where
        /// no session does.
        epoch: Option<Epoch>,
        /// What happened.
        event: JobEvent,
        /// What the device has answered so far (an accepted command's results).
        outcome: Option<Box<Outcome>>,
        /// When.
        at: UtcTime,
    },
    /// A job ended. A stale epoch is [`super::StoreError::StaleEpoch`], unless the answer resolves a doubt.
    /// → [`Written::Job`].
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
    /// A data model that a person imported. → [`Written::Done`].
    PutDataModel(Box<PutDataModel>),
    /// An imported data model is removed. → [`Written::Done`].
    RemoveDataModel {
        /// Whose.
        tenant: TenantId,
        /// Which.
        id: ModelHash,
        /// When.
        at: UtcTime,
        /// Who.
        audit: AuditEntry,
    },
    /// Onboarding was completed. → [`Written::Done`].
    Onboarded {
        /// Whose.
        tenant: TenantId,
        /// Which device.
        device: DeviceId,
        /// What the device refused, by its name, and why; the event lists them.
        problems: Vec<(String, String)>,
        /// The doubt about its model that was there when it was asked for; one of a later event stays.
        answers: Option<Seq>,
        /// When.
        at: UtcTime,
    },
    /// A device that was in doubt has been asked for its model, and what follows from it is done. → [`Written::Done`].
    ModelConfirmed {
        /// Whose.
        tenant: TenantId,
        /// Which device.
        device: DeviceId,
        /// The doubt that was there when it was asked; one of a later event stays.
        answers: Seq,
    },
    /// What was read from a device without a job: facts and values. → [`Written::Done`].
    PutDeviceFields(Box<DeviceFields>),
    /// A tenant is made; a name that there is, is a conflict. → [`Written::Done`].
    PutTenant {
        /// It.
        tenant: Tenant,
        /// Who made it.
        audit: AuditEntry,
    },
    /// A device goes to another tenant; operations that are under way are a conflict. → [`Written::Device`].
    MoveDevice(MoveDevice),
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
        /// Among whose.
        reach: Reach,
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
        /// Among whose.
        reach: Reach,
        /// Which.
        token: EnrolmentId,
        /// When.
        at: UtcTime,
        /// Who ended it.
        audit: AuditEntry,
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
}
