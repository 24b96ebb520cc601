//! Add.

use usp_proto::add::AddResp;

use super::{Check, check};
use crate::bench::Bench;
use crate::target::{CONTROLLER, SUBSCRIPTION};
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(
        others,
        "R-ADD.0-other-object-is-created",
        [Subscriptions],
        "With allow_partial one object's failure leaves the others alone."
    ),
    check!(error, "R-ADD.1-error", [Subscriptions], "Without allow_partial one failed object fails the Add."),
    check!(
        nothing,
        "R-ADD.1-nothing-is-created",
        [Subscriptions],
        "Without allow_partial a failed Add creates nothing."
    ),
    check!(
        search,
        "R-ADD.2a-search-creates-nothing",
        [BootParameters],
        "Without allow_partial a failed Add by a search path creates nothing."
    ),
    check!(
        required,
        "R-ADD.3-required-prevents",
        [Subscriptions],
        "A required parameter that fails prevents its object."
    ),
    check!(
        optional,
        "R-ADD.4-failed-parameters-are-told",
        [Subscriptions],
        "Every parameter that failed without being required is told."
    ),
    check!(
        assigned,
        "R-ADD.5-key-is-assigned",
        [Subscriptions, Alias],
        "A unique key that the request left out is assigned, and returned."
    ),
    check!(
        supplied,
        "R-ADD.5-keys-are-returned",
        [Subscriptions],
        "The unique keys of the new object are returned."
    ),
];

const BAD: (&str, &str, bool) = ("X_CUSP_NoSuchThing", "1", true);

fn wanted(seen: impl Into<String>) -> Stop {
    Stop::fail("the kind of the answer", "AddResp", seen)
}

/// How many rows have this `ID`.
async fn count(bench: &mut Bench, id: &str) -> Result<usize, Stop> {
    Ok(bench.rows(&format!("{SUBSCRIPTION}[ID==\"{id}\"].")).await?.len())
}

async fn two(bench: &mut Bench, allow_partial: bool) -> Result<(String, Result<AddResp, u32>), Stop> {
    let (bad, good) = (bench.row_id(), bench.row_id());
    let good_params = settings(&good);
    let mut bad_params = settings(&bad);
    bad_params.push(BAD);
    let added =
        bench.add(allow_partial, &[(SUBSCRIPTION, &good_params), (SUBSCRIPTION, &bad_params)]).await?;
    Ok((good, added.map_err(|error| error.err_code)))
}

fn settings(id: &str) -> Vec<(&str, &str, bool)> {
    vec![
        ("ID", id, true),
        ("NotifType", "ValueChange", true),
        ("ReferenceList", "Device.LocalAgent.EndpointID", true),
    ]
}

async fn others(bench: &mut Bench) -> Result<(), Stop> {
    let (good, added) = two(bench, true).await?;
    added.map_err(|code| wanted(format!("Error {code}")))?;
    same("rows of the object whose settings are good", &1, &count(bench, &good).await?)
}

async fn error(bench: &mut Bench) -> Result<(), Stop> {
    let (_, added) = two(bench, false).await?;
    holds(added.is_err(), "the kind of the answer", || "Error".to_owned(), || "AddResp".to_owned())
}

async fn nothing(bench: &mut Bench) -> Result<(), Stop> {
    let (good, _) = two(bench, false).await?;
    same("rows of the object whose settings are good", &0, &count(bench, &good).await?)
}

async fn search(bench: &mut Bench) -> Result<(), Stop> {
    let table = format!("{CONTROLLER}*.BootParameter.");
    let before = bench.rows(&table).await?;
    let name = ("ParameterName", "Device.LocalAgent.EndpointID", true);
    let added = bench.add(false, &[(&table, &[name]), (SUBSCRIPTION, &[BAD])]).await?;
    let after = bench.rows(&table).await?;
    same("rows of the table after the failed Add", &before, &after)?;
    holds(added.is_err(), "the kind of the answer", || "Error".to_owned(), || "AddResp".to_owned())
}

async fn required(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.row_id();
    let mut params = settings(&id);
    params.push(BAD);
    let added = bench.add(true, &[(SUBSCRIPTION, &params)]).await?;
    let resp = added.map_err(|error| wanted(format!("Error {}", error.err_code)))?;
    let failed: Vec<bool> = resp.created_obj_results.iter().map(|result| result.status().is_err()).collect();
    same("which results are failures", &vec![true], &failed)?;
    same("rows of the object", &0, &count(bench, &id).await?)
}

async fn optional(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.row_id();
    let mut params = settings(&id);
    params.extend([("X_CUSP_NoSuchThing", "1", false), ("X_CUSP_NoSuchOther", "1", false)]);
    let added = bench.add(true, &[(SUBSCRIPTION, &params)]).await?;
    let resp = added.map_err(|error| wanted(format!("Error {}", error.err_code)))?;
    let done = resp.created_obj_results.iter().filter_map(|result| result.status().ok());
    let mut told: Vec<&str> =
        done.flat_map(|success| &success.param_errs).map(|error| error.param.as_str()).collect();
    told.sort_unstable();
    same("parameters in param_errs", &vec!["X_CUSP_NoSuchOther", "X_CUSP_NoSuchThing"], &told)
}

async fn returned_keys(bench: &mut Bench, id: &str) -> Result<AddResp, Stop> {
    let added = bench.add(false, &[(SUBSCRIPTION, &settings(id))]).await?;
    added.map_err(|error| wanted(format!("Error {}", error.err_code)))
}

async fn assigned(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.row_id();
    let resp = returned_keys(bench, &id).await?;
    let mut made = resp.created_obj_results.iter().filter_map(|result| result.status().ok());
    let alias = made.find_map(|success| success.unique_keys.get("Alias")).filter(|alias| !alias.is_empty());
    holds(alias.is_some(), "the key Alias of the new row", || "a value".to_owned(), || "none".to_owned())
}

async fn supplied(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.row_id();
    let resp = returned_keys(bench, &id).await?;
    let mut made = resp.created_obj_results.iter().filter_map(|result| result.status().ok());
    let key = made.find_map(|success| success.unique_keys.get("ID"));
    same("the key ID of the new row", &Some(&id), &key)
}
