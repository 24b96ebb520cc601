//! A table that the profile names: its rows are made, changed and deleted.

use usp_proto::add::AddResp;
use usp_proto::get_instances::CurrInstance;

use super::{Check, check};
use crate::bench::Bench;
use crate::profile::Table;
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(made, "R-ADD.0-named-table", [], "A row of the profile's table can be made, and is listed."),
    check!(
        keys,
        "R-ADD.5-named-table",
        [],
        "The unique keys that its Add returns are those that are listed."
    ),
    check!(changed, "R-SET.0-named-table", [], "A parameter of it can be set, and reads back."),
    check!(deleted, "R-DEL.0-named-table", [], "It can be deleted, and is listed no more."),
];

fn table(bench: &Bench) -> Result<Table, Stop> {
    bench.profile().table.clone().ok_or_else(|| Stop::Skip("the profile names no table".to_owned()))
}

/// Makes a row; gives the answer and the row's path.
async fn add(bench: &mut Bench, table: &Table) -> Result<(AddResp, String), Stop> {
    let settings: Vec<_> =
        table.settings.iter().map(|(name, value)| (name.as_str(), value.as_str(), true)).collect();
    let resp = bench.add(false, &[(&table.path, &settings)]).await?.map_err(|error| {
        Stop::fail("the kind of the answer", "AddResp", format!("Error {} {}", error.err_code, error.err_msg))
    })?;
    let made = resp.created_obj_results.first().and_then(|result| result.status().ok());
    let path = made.map(|made| made.instantiated_path.clone());
    let path = path.ok_or_else(|| Stop::fail("the result of the Add", "a row", "none"))?;
    Ok((resp, path))
}

async fn listed(bench: &mut Bench, table: &Table, row: &str) -> Result<Option<CurrInstance>, Stop> {
    let resp = bench.instances(&table.path).await?;
    let mut rows = resp.req_path_results.into_iter().flat_map(|result| result.curr_insts);
    Ok(rows.find(|found| found.instantiated_obj_path == row))
}

async fn made(bench: &mut Bench) -> Result<(), Stop> {
    let table = table(bench)?;
    let (_, row) = add(bench, &table).await?;
    let found = listed(bench, &table, &row).await?;
    holds(found.is_some(), "the row in GetInstances", || row, || "none".to_owned())
}

async fn keys(bench: &mut Bench) -> Result<(), Stop> {
    let table = table(bench)?;
    let (resp, row) = add(bench, &table).await?;
    let made = resp.created_obj_results.first().and_then(|result| result.status().ok());
    let told = made.map(|made| made.unique_keys.clone()).unwrap_or_default();
    let found = listed(bench, &table, &row).await?.map(|found| found.unique_keys).unwrap_or_default();
    same("unique keys that the Add returned", &found, &told)
}

async fn changed(bench: &mut Bench) -> Result<(), Stop> {
    let table = table(bench)?;
    let (_, row) = add(bench, &table).await?;
    let [name, value] = &table.change;
    if let Err(error) = bench.set(false, &[(&row, &[(name, value, true)])]).await? {
        let seen = format!("Error {} {}", error.err_code, error.err_msg);
        return Err(Stop::fail("the kind of the answer", "SetResp", seen));
    }
    same(&format!("{name} after the Set"), &Some(value.clone()), &bench.value(&format!("{row}{name}")).await?)
}

async fn deleted(bench: &mut Bench) -> Result<(), Stop> {
    let table = table(bench)?;
    let (_, row) = add(bench, &table).await?;
    let _ = bench.delete(vec![row.clone()], false).await?;
    same("whether the row is listed", &false, &listed(bench, &table, &row).await?.is_some())
}
