//! Jobs, and what waits in a lane.

use fleet::Reach;
use fleet::ids::{DeviceId, JobId, TenantId};
use fleet::job::Job;
use fleet::lane::JobRef;
use fleet::limits as bounds;
use fleet::port::{JobQuery, Page, Seal};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::cursor;
use crate::error::Res;
use crate::filter::Sql;
use crate::limits;
use crate::query::{all, limit_and_one, one};
use crate::reach;
use crate::rows::{JOB, JOB_REF, JobRow, job_ref, job_row, to_job_ref};

/// Not decoded: that may take longer than to find it.
pub(super) fn by_id(connection: &Connection, tenant: TenantId, id: JobId) -> Res<Option<JobRow>> {
    let sql = format!("SELECT {JOB} FROM jobs WHERE tenant = ? AND id = ?");
    one(connection, &sql, params![tenant.to_bytes(), id.to_bytes()], job_row)
}

/// The newest, if a key was used more than once.
pub(super) fn by_command_key(
    connection: &Connection,
    seal: &dyn Seal,
    tenant: TenantId,
    device: DeviceId,
    key: &str,
) -> Res<Option<Job>> {
    let sql = format!(
        "SELECT {JOB} FROM jobs WHERE tenant = ? AND device = ? AND command_key = ? \
         AND state IN ('sent', 'accepted', 'in_doubt') ORDER BY id DESC LIMIT 1"
    );
    let row = one(connection, &sql, params![tenant.to_bytes(), device.to_bytes(), key], job_row)?;
    row.map(|row| row.decode(seal)).transpose()
}

pub(super) fn list(
    connection: &Connection,
    seal: &dyn Seal,
    reach: Reach,
    query: &JobQuery,
) -> Res<Page<Job>> {
    let limit = limit_and_one(query.page.limit);
    // First which ones: a job may be long.
    let read = |tenant: TenantId| {
        let sql = statement(tenant, query)?;
        let id = |row: &Row<'_>| Ok((tenant, JobId::from_bytes(row.get(0)?)));
        all(connection, &sql.text, params_from_iter(&sql.values), id)
    };
    let newest = |one: &(TenantId, JobId), two: &(TenantId, JobId)| two.1.cmp(&one.1);
    let found = reach::merged(&reach::tenants(connection, reach)?, limit, read, newest)?;
    let (mut jobs, mut bytes) = (Vec::new(), 0);
    for (tenant, id) in found.iter().take(usize::try_from(limit - 1).unwrap_or(0)) {
        let Some(row) = by_id(connection, *tenant, *id)? else { continue };
        let (job, size) = row.decode_sized(seal)?;
        jobs.push(job);
        bytes += size;
        if bytes >= limits::JOBS_BYTES {
            break;
        }
    }
    let last = jobs.last().filter(|_| found.len() > jobs.len());
    let next = last.map(|last| cursor::make("jobs", last.id.to_bytes()));
    Ok(Page { items: jobs, next })
}

fn statement(tenant: TenantId, query: &JobQuery) -> Res<Sql> {
    let limit = limit_and_one(query.page.limit);
    let mut sql = Sql::new("SELECT id FROM jobs WHERE tenant = ".to_owned());
    sql.bind(Value::Blob(tenant.to_bytes().to_vec()));
    if let Some(device) = query.device {
        sql.push(" AND device = ");
        sql.bind(Value::Blob(device.to_bytes().to_vec()));
    }
    if let Some(state) = query.state {
        sql.push(" AND state = ");
        sql.bind(Value::Text(state.as_str().to_owned()));
    }
    if let Some(cursor) = &query.page.cursor {
        let last: [u8; 16] = cursor::read("jobs", cursor)?;
        sql.push(" AND id < ");
        sql.bind(Value::Blob(last.to_vec()));
    }
    sql.push(&format!(" ORDER BY id DESC LIMIT {limit}"));
    Ok(sql)
}

pub(super) fn queued(
    connection: &Connection,
    tenant: TenantId,
    device: DeviceId,
    limit: usize,
) -> Res<Vec<JobRef>> {
    let sql = format!(
        "SELECT {JOB_REF} FROM jobs WHERE tenant = ? AND device = ? AND state = 'queued' \
         ORDER BY priority, created, id LIMIT ?"
    );
    // One more than a lane holds, so that whoever reads sees that there are more.
    let limit = limit.clamp(1, bounds::LANE_QUEUE + 1);
    let rows = all(connection, &sql, params![tenant.to_bytes(), device.to_bytes(), limit], job_ref)?;
    rows.into_iter().map(to_job_ref).collect()
}
