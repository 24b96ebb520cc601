//! The use cases: what a person or program asks of the fleet, over any store.
//!
//! Each checks permission, checks the request, and submits one write. Handlers parse, call and print.

use std::collections::BTreeSet;

use dm::UtcTime;
use dm::operation::Operation;

use crate::access::{Caller, Permission};
use crate::audit::AuditEntry;
use crate::check::{SchemaCheck, check_operation};
use crate::device::Device;
use crate::enrolment::Shown;
use crate::ids::{DeviceId, JobId, Stamp, TenantId};
use crate::job::{Job, JobState, OpKind, Priority, forget_secrets};
use crate::lane::JobRef;
use crate::port::{Approve, CreateJob, MoveDevice, Patch, PutDial, Store, StoreError, Write, Written};
use crate::tenant::{Reach, Tenant, TenantName};
use crate::{Error, dto, limits};

/// An operation that someone asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewOperation {
    /// On which device.
    pub device: DeviceId,
    /// Whose that is.
    pub tenant: TenantId,
    /// What.
    pub operation: Operation,
    /// How urgent.
    pub priority: Priority,
    /// Until when it must have been answered.
    pub deadline: Option<UtcTime>,
    /// The caller's name for this request: the same name means the same job.
    pub idempotency_key: Option<String>,
    /// Write even what the model does not know; needs [`Permission::Force`].
    pub force: bool,
}

/// A job, and whether the request had been made before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Created {
    /// The job.
    pub job: Job,
    /// It was there already under the same key.
    pub existing: bool,
}

/// What a lane needs to know of a job.
pub fn job_ref(job: &Job) -> JobRef {
    JobRef {
        id: job.id,
        priority: job.priority,
        kind: OpKind::of(&job.operation),
        created: job.created,
        deadline: job.deadline,
    }
}

/// Accepts an operation: checked, authorised, stored with its audit row. Tell the lane afterwards, unless
/// it existed.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Schema`], [`Error::Invalid`], [`Error::NotFound`], and the store's.
pub async fn create_operation<S: Store>(
    store: &S,
    caller: &Caller,
    stamp: Stamp,
    new: NewOperation,
    schema: &(dyn SchemaCheck + Sync),
) -> Result<Created, Error> {
    let NewOperation { device, tenant, mut operation, priority, deadline, idempotency_key, force } = new;
    caller.need(if operation.is_write() { Permission::Write } else { Permission::Query })?;
    if force {
        caller.need(Permission::Force)?;
    }
    within(caller, tenant)?;
    check_request(&operation, deadline, idempotency_key.as_deref(), stamp.at)?;
    let faults = check_operation(&operation, schema, force);
    if !faults.is_empty() {
        return Err(Error::Schema(faults));
    }
    let id = JobId::make(stamp);
    if let Operation::Operate(operate) = &mut operation
        && operate.command_key.is_empty()
    {
        // The only correlation that survives a reboot of the device; the job's id is as unique as any.
        operate.command_key = id.command_key();
    }
    let job = Job {
        id,
        tenant,
        device,
        operation,
        state: JobState::Queued,
        priority,
        actor: caller.actor.clone(),
        created: stamp.at,
        updated: stamp.at,
        deadline,
        outcome: None,
        error: None,
    };
    let masked = masked(&job.operation, schema);
    let detail = describe(&job, masked.as_ref().unwrap_or(&job.operation));
    let audit = AuditEntry::new(caller.actor.clone(), "job.create", device, detail);
    match store.submit(Write::CreateJob(Box::new(CreateJob { job, masked, idempotency_key, audit }))).await? {
        Written::Job { job, existing } => Ok(Created { job: *job, existing }),
        _ => Err(odd()),
    }
}

/// The operation without its secrets, if it has any.
fn masked(operation: &Operation, schema: &dyn SchemaCheck) -> Option<Operation> {
    let mut masked = operation.clone();
    forget_secrets(&mut masked, None, schema);
    (masked != *operation).then_some(masked)
}

fn check_request(
    operation: &Operation,
    deadline: Option<UtcTime>,
    key: Option<&str>,
    now: UtcTime,
) -> Result<(), Error> {
    let invalid = |field, why: &str| Err(Error::Invalid { field, why: why.to_owned() });
    if deadline.is_some_and(|deadline| deadline <= now || deadline.0 - now.0 > limits::DEADLINE_MICROS) {
        return invalid("deadline", "it is in the future, by at most 30 days");
    }
    if key.is_some_and(|key| key.is_empty() || key.len() > limits::IDEMPOTENCY_KEY) {
        return invalid("idempotency key", "it has 1 to 128 bytes");
    }
    let empty = match operation {
        Operation::Get(get) => get.paths.is_empty(),
        Operation::GetInstances(get) => get.paths.is_empty(),
        Operation::GetSchema(get) => get.paths.is_empty(),
        Operation::Set(set) => set.objects.is_empty(),
        Operation::Add(add) => add.objects.is_empty(),
        Operation::Delete(delete) => delete.paths.is_empty(),
        Operation::Operate(operate) => operate.command.is_empty(),
    };
    if empty {
        return invalid("paths", "there is none");
    }
    if dto::encode_operation(operation).len() > limits::OPERATION_BYTES {
        return invalid("operation", "it has more than 1 MiB");
    }
    Ok(())
}

/// Kind and paths, without values: what the audit log says of an operation whose secrets are masked.
fn describe(job: &Job, operation: &Operation) -> String {
    let paths: Vec<&str> = match operation {
        Operation::Get(get) => get.paths.iter().map(String::as_str).collect(),
        Operation::GetInstances(get) => get.paths.iter().map(String::as_str).collect(),
        Operation::GetSchema(get) => get.paths.iter().map(String::as_str).collect(),
        Operation::Set(dm::operation::Set { objects, .. })
        | Operation::Add(dm::operation::Add { objects, .. }) => {
            objects.iter().map(|object| object.path.as_str()).collect()
        }
        Operation::Delete(delete) => delete.paths.iter().map(String::as_str).collect(),
        Operation::Operate(operate) => vec![operate.command.as_str()],
    };
    format!("{} {} {}", job.id, OpKind::of(operation).as_str(), paths.join(" "))
}

/// Withdraws a job that has not been sent. Tell the lane afterwards.
///
/// # Errors
/// [`Error::Forbidden`]; the store's for a job that is unknown, or is under way.
pub async fn cancel_job<S: Store>(store: &S, caller: &Caller, at: UtcTime, job: JobId) -> Result<Job, Error> {
    let known = store.job(caller.reach, job).await?.ok_or(Error::NotFound("job"))?;
    caller.need(if known.operation.is_write() { Permission::Write } else { Permission::Query })?;
    let audit = AuditEntry::new(caller.actor.clone(), "job.cancel", job, "");
    match store.submit(Write::CancelJob { tenant: known.tenant, job, at, audit }).await? {
        Written::Job { job, .. } => Ok(*job),
        _ => Err(odd()),
    }
}

/// Lets a pending device in, under a name, as it was shown. A stranger goes to the tenant `into`, or to the default
/// one; a device that is known stays with its tenant.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Invalid`]; the store's for one that isn't on the list, or is there with
/// another proof than the person saw.
pub async fn approve<S: Store>(
    store: &S,
    caller: &Caller,
    stamp: Stamp,
    endpoint: &str,
    shown: Option<Shown>,
    name: Option<String>,
    into: Option<TenantId>,
) -> Result<Device, Error> {
    caller.need(Permission::Enrol)?;
    if let Some(name) = &name {
        check_name(name)?;
    }
    let approve = Approve {
        reach: caller.reach,
        into,
        endpoint: endpoint.to_owned(),
        shown,
        name,
        device: DeviceId::make(stamp),
        at: stamp.at,
        audit: AuditEntry::new(caller.actor.clone(), "device.approve", endpoint, ""),
    };
    device_of(store.submit(Write::Approve(approve)).await?)
}

/// Turns a pending device away, until it is let in after all: by a token, by being dialled. Of a device that is known,
/// whoever comes under its name with a certificate that nothing is known of.
///
/// # Errors
/// [`Error::Forbidden`]; the store's for one that isn't on the list.
pub async fn reject<S: Store>(store: &S, caller: &Caller, at: UtcTime, endpoint: &str) -> Result<(), Error> {
    caller.need(Permission::Enrol)?;
    let audit = AuditEntry::new(caller.actor.clone(), "device.reject", endpoint, "");
    store.submit(Write::Reject { reach: caller.reach, endpoint: endpoint.to_owned(), at, audit }).await?;
    Ok(())
}

/// Has a device dialled where it listens, and lets it in if nobody knows it: an operator's decision.
/// Whether endpoint and URL are well-formed is for those to check who can read them.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Invalid`]; the store's when there are too many.
pub async fn add_dialled<S: Store>(
    store: &S,
    caller: &Caller,
    stamp: Stamp,
    tenant: TenantId,
    endpoint: &str,
    url: &str,
) -> Result<Device, Error> {
    caller.need(Permission::Enrol)?;
    within(caller, tenant)?;
    for (field, text, limit) in [("endpoint", endpoint, limits::ENDPOINT), ("connect", url, limits::DIAL_URL)]
    {
        if text.is_empty() || text.len() > limit {
            return Err(Error::Invalid { field, why: format!("it has 1 to {limit} bytes") });
        }
    }
    let put = PutDial {
        tenant,
        device: DeviceId::make(stamp),
        endpoint: endpoint.to_owned(),
        url: url.to_owned(),
        at: stamp.at,
        audit: AuditEntry::new(caller.actor.clone(), "device.dial", endpoint, url),
    };
    device_of(store.submit(Write::PutDial(put)).await?)
}

/// Ends the dialling of a device; what connects by itself is not touched. Whoever dials is to be told
/// afterwards.
///
/// # Errors
/// [`Error::Forbidden`]; the store's for a device that is unknown, or is not dialled.
pub async fn remove_dialled<S: Store>(
    store: &S,
    caller: &Caller,
    at: UtcTime,
    device: &Device,
) -> Result<(), Error> {
    caller.need(Permission::Enrol)?;
    within(caller, device.tenant)?;
    let audit = AuditEntry::new(caller.actor.clone(), "device.dial.remove", device.id, "");
    store.submit(Write::RemoveDial { tenant: device.tenant, device: device.id, at, audit }).await?;
    Ok(())
}

/// Whether a device may get this name and these tags.
///
/// # Errors
/// [`Error::Invalid`].
pub fn check_patch(name: Option<&str>, tags: Option<&BTreeSet<String>>) -> Result<(), Error> {
    name.map_or(Ok(()), check_name)?;
    tags.map_or(Ok(()), check_tags)
}

/// Changes a device's name or tags; `None` leaves them.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Invalid`]; the store's for an unknown device.
pub async fn patch_device<S: Store>(
    store: &S,
    caller: &Caller,
    at: UtcTime,
    device: &Device,
    name: Option<String>,
    tags: Option<BTreeSet<String>>,
) -> Result<Device, Error> {
    caller.need(Permission::ManageDevices)?;
    within(caller, device.tenant)?;
    check_patch(name.as_deref(), tags.as_ref())?;
    let detail = [("name", name.is_some()), ("tags", tags.is_some())];
    let detail: Vec<&str> =
        detail.into_iter().filter_map(|(what, changed)| changed.then_some(what)).collect();
    let audit = AuditEntry::new(caller.actor.clone(), "device.change", device.id, detail.join(" "));
    let patch = Patch { tenant: device.tenant, device: device.id, name, tags, at, audit };
    device_of(store.submit(Write::PatchDevice(patch)).await?)
}

/// Removes a device and all that is known of it.
///
/// # Errors
/// [`Error::Forbidden`]; the store's for an unknown device.
pub async fn forget_device<S: Store>(
    store: &S,
    caller: &Caller,
    at: UtcTime,
    device: &Device,
) -> Result<(), Error> {
    caller.need(Permission::ManageDevices)?;
    within(caller, device.tenant)?;
    let audit = AuditEntry::new(caller.actor.clone(), "device.remove", device.id, "");
    store.submit(Write::ForgetDevice { tenant: device.tenant, device: device.id, at, audit }).await?;
    Ok(())
}

/// Gives a device to another tenant. Its session ends; whoever holds it is to be told afterwards.
///
/// # Errors
/// [`Error::Forbidden`] without the platform's reach; the store's while operations are under way.
pub async fn move_device<S: Store>(
    store: &S,
    caller: &Caller,
    at: UtcTime,
    device: &Device,
    to: &Tenant,
) -> Result<Device, Error> {
    caller.need(Permission::ManageDevices)?;
    caller.reach.need_platform()?;
    let audit = AuditEntry::new(caller.actor.clone(), "device.move", device.id, format!("to {}", to.name));
    let going = MoveDevice { from: device.tenant, to: to.id, device: device.id, at, audit };
    device_of(store.submit(Write::MoveDevice(going)).await?)
}

/// Makes a tenant.
///
/// # Errors
/// [`Error::Forbidden`] without the platform's reach; the store's for a name that there is.
pub async fn create_tenant<S: Store>(
    store: &S,
    caller: &Caller,
    stamp: Stamp,
    name: TenantName,
) -> Result<Tenant, Error> {
    caller.need(Permission::ManageAccess)?;
    caller.reach.need_platform()?;
    let tenant = Tenant { id: TenantId::make(stamp), name, created: stamp.at };
    let audit = AuditEntry::new(caller.actor.clone(), "tenant.create", tenant.id, tenant.name.as_str());
    store.submit(Write::PutTenant { tenant: tenant.clone(), audit }).await?;
    Ok(tenant)
}

/// The tenants that a caller sees: itself, or all.
///
/// # Errors
/// The store's.
pub async fn tenants<S: Store>(store: &S, caller: &Caller) -> Result<Vec<Tenant>, Error> {
    let mut tenants = store.tenants().await?;
    tenants.retain(|tenant| caller.reach.covers(tenant.id));
    Ok(tenants)
}

/// The tenant that a caller means by a name; by none its own, and for the platform none.
///
/// # Errors
/// [`Error::NotFound`] for one that does not exist, or is not within reach.
pub async fn tenant_named<S: Store>(
    store: &S,
    caller: &Caller,
    name: Option<&str>,
) -> Result<Option<Tenant>, Error> {
    let tenants = tenants(store, caller).await?;
    let is_meant = |tenant: &Tenant| match (name, caller.reach) {
        (Some(name), _) => tenant.name.as_str() == name,
        (None, Reach::Tenant(own)) => tenant.id == own,
        (None, Reach::Platform) => false,
    };
    match tenants.into_iter().find(is_meant) {
        None if name.is_some() => Err(Error::NotFound("tenant")),
        found => Ok(found),
    }
}

/// Writes down that somebody wanted what is another tenant's: with whoever it was, and with the platform.
///
/// # Errors
/// The store's.
pub async fn note_taken<S: Store>(
    store: &S,
    caller: &Caller,
    at: UtcTime,
    target: &str,
    what: &str,
) -> Result<(), Error> {
    let chains = BTreeSet::from([caller.reach.home(), TenantId::PLATFORM]);
    for tenant in chains {
        let entry = AuditEntry::new(caller.actor.clone(), "tenant.refused", target, what);
        store.submit(Write::Audit { tenant, at, entry }).await?;
    }
    Ok(())
}

/// What is beyond a caller's reach does not exist.
fn within(caller: &Caller, tenant: TenantId) -> Result<(), Error> {
    if caller.reach.covers(tenant) { Ok(()) } else { Err(Error::NotFound("device")) }
}

/// Whether a device may be called so.
///
/// # Errors
/// [`Error::Invalid`].
pub fn check_name(name: &str) -> Result<(), Error> {
    let good = !name.trim().is_empty()
        && name.chars().count() <= limits::DEVICE_NAME
        && !name.chars().any(char::is_control);
    if good {
        Ok(())
    } else {
        Err(Error::Invalid {
            field: "name",
            why: "it has 1 to 128 characters, none of them control characters".into(),
        })
    }
}

fn check_tags(tags: &BTreeSet<String>) -> Result<(), Error> {
    if tags.len() > limits::TAGS {
        return Err(Error::Invalid { field: "tags", why: "there are at most 64".into() });
    }
    tags.iter().try_for_each(|tag| check_tag("tags", tag))
}

/// Whether a text can be a tag; `field` is what the error says it was given in.
///
/// # Errors
/// [`Error::Invalid`].
pub fn check_tag(field: &'static str, tag: &str) -> Result<(), Error> {
    let good =
        !tag.trim().is_empty() && tag.chars().count() <= limits::TAG && !tag.chars().any(char::is_control);
    if good {
        return Ok(());
    }
    let why = "a tag has 1 to 64 characters, none of them control characters".into();
    Err(Error::Invalid { field, why })
}

fn device_of(written: Written) -> Result<Device, Error> {
    match written {
        Written::Device(device) => Ok(*device),
        _ => Err(odd()),
    }
}

/// A store that answers a write with the wrong kind of answer breaks its contract.
fn odd() -> Error {
    StoreError::Failed("a write was answered with another kind of answer".to_owned()).into()
}
