//! Get, and what is said of results in general.

use usp_proto::get::{GetResp, RequestedPathResult};

use super::{Check, check, code};
use crate::bench::Bench;
use crate::target::{CONTROLLER, LOCAL_AGENT, REQUEST, SUBSCRIPTION};
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(
        missing_instance,
        "R-GET.0-missing-instance",
        [Subscriptions],
        "A path with an instance that does not exist gets 7026."
    ),
    check!(
        unsupported_parameter,
        "R-GET.0-unsupported-parameter",
        [],
        "A parameter that is not supported gets 7026."
    ),
    check!(
        unsupported_search,
        "R-GET.0-unsupported-search",
        [],
        "A search below an object that is not supported gets 7026."
    ),
    check!(
        one_of_two,
        "R-GET.0-one-bad-path-of-two",
        [],
        "A bad path fails in its own result, and the other one is answered."
    ),
    check!(
        search_without_hits,
        "R-GET.1a-search-without-hits",
        [Subscriptions],
        "A search that matches nothing is an empty success."
    ),
    check!(
        wildcard_without_rows,
        "R-GET.1a-wildcard-without-rows",
        [],
        "A wildcard over an empty table is an empty success."
    ),
    check!(empty_table, "R-GET.1b-empty-table", [], "An object with nothing inside is an empty success."),
    check!(
        parent,
        "R-GET.2-parent-is-the-resolved-path",
        [],
        "For a parameter the resolved path is its object."
    ),
    check!(that_alone, "R-GET.3-that-parameter-alone", [], "For a parameter nothing else is returned."),
    check!(depth_one, "R-GET.5-depth-one", [], "A max_depth of 1 gives the object's own parameters."),
    check!(depth_two, "R-GET.5-depth-two", [Subscriptions], "A max_depth of 2 gives the rows below."),
    check!(
        depth_two_ends,
        "R-GET.5-depth-two-ends-there",
        [BootParameters],
        "A max_depth of 2 gives nothing of the third level."
    ),
    check!(depth_all, "R-GET.5-depth-zero", [Subscriptions], "A max_depth of 0 gives everything below."),
];

const NO_SUCH: &str = "Device.LocalAgent.X_CUSP_NoSuchThing";

fn single(resp: &GetResp) -> Result<&RequestedPathResult, Stop> {
    let shown = || format!("{} results", resp.req_path_results.len());
    holds(resp.req_path_results.len() == 1, "one path has one result", || "1 result".to_owned(), shown)?;
    Ok(&resp.req_path_results[0])
}

async fn refused(bench: &mut Bench, path: &str) -> Result<(), Stop> {
    let resp = bench.get(&[path], 0).await?;
    let result = single(&resp)?;
    same(&format!("err_code for {path}"), &code::INVALID_PATH, &result.err_code)?;
    same("objects in a result that failed", &0, &result.resolved_path_results.len())
}

async fn empty(bench: &mut Bench, path: &str) -> Result<(), Stop> {
    let resp = bench.get(&[path], 0).await?;
    let result = single(&resp)?;
    same(&format!("err_code for {path}"), &0, &result.err_code)?;
    same(&format!("objects found for {path}"), &0, &result.resolved_path_results.len())
}

async fn missing_instance(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    bench.delete(vec![row.path.clone()], false).await?.map_err(|error| {
        Stop::Error(format!("a row can't be deleted: {} {}", error.err_code, error.err_msg))
    })?;
    refused(bench, &row.path).await
}

async fn unsupported_parameter(bench: &mut Bench) -> Result<(), Stop> {
    refused(bench, NO_SUCH).await
}

async fn unsupported_search(bench: &mut Bench) -> Result<(), Stop> {
    refused(bench, "Device.LocalAgent.X_CUSP_NoSuchTable.*.").await
}

async fn one_of_two(bench: &mut Bench) -> Result<(), Stop> {
    let good = "Device.LocalAgent.EndpointID";
    let resp = bench.get(&[NO_SUCH, good], 0).await?;
    let codes: Vec<(&str, u32)> = resp
        .req_path_results
        .iter()
        .map(|result| (result.requested_path.as_str(), result.err_code))
        .collect();
    same("requested paths and their codes", &vec![(NO_SUCH, code::INVALID_PATH), (good, 0)], &codes)
}

async fn search_without_hits(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.row_id();
    empty(bench, &format!("{SUBSCRIPTION}[ID==\"{id}\"].")).await
}

async fn wildcard_without_rows(bench: &mut Bench) -> Result<(), Stop> {
    no_requests(bench).await?;
    empty(bench, &format!("{REQUEST}*.")).await
}

async fn empty_table(bench: &mut Bench) -> Result<(), Stop> {
    no_requests(bench).await?;
    empty(bench, REQUEST).await
}

/// The table of running commands is the one that is empty most of the time.
async fn no_requests(bench: &mut Bench) -> Result<(), Stop> {
    let rows = bench.rows(REQUEST).await?;
    if rows.is_empty() { Ok(()) } else { Err(Stop::Skip(format!("{REQUEST} has rows"))) }
}

async fn parent(bench: &mut Bench) -> Result<(), Stop> {
    let resp = bench.get(&["Device.LocalAgent.EndpointID"], 0).await?;
    let paths: Vec<&str> =
        single(&resp)?.resolved_path_results.iter().map(|object| object.resolved_path.as_str()).collect();
    same("resolved paths", &vec![LOCAL_AGENT], &paths)
}

async fn that_alone(bench: &mut Bench) -> Result<(), Stop> {
    let resp = bench.get(&["Device.LocalAgent.EndpointID"], 0).await?;
    let objects = &single(&resp)?.resolved_path_results;
    let names: Vec<&str> =
        objects.iter().flat_map(|object| object.result_params.keys()).map(String::as_str).collect();
    same("parameters returned", &vec!["EndpointID"], &names)
}

async fn objects(bench: &mut Bench, path: &str, depth: u32) -> Result<Vec<String>, Stop> {
    let resp = bench.get(&[path], depth).await?;
    let result = single(&resp)?;
    same(&format!("err_code for {path}"), &0, &result.err_code)?;
    Ok(result.resolved_path_results.iter().map(|object| object.resolved_path.clone()).collect())
}

async fn depth_one(bench: &mut Bench) -> Result<(), Stop> {
    same("objects returned", &vec![LOCAL_AGENT.to_owned()], &objects(bench, LOCAL_AGENT, 1).await?)
}

async fn depth_two(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    contains(&objects(bench, LOCAL_AGENT, 2).await?, &row.path)
}

async fn depth_two_ends(bench: &mut Bench) -> Result<(), Stop> {
    // A table and its row are one level: what stands below a controller's row is the third.
    bench.boot_parameter().await?;
    let found = objects(bench, LOCAL_AGENT, 2).await?;
    let deeper = |path: &&String| {
        path.strip_prefix(CONTROLLER)
            .and_then(|rest| rest.split_once('.'))
            .is_some_and(|(_, rest)| !rest.is_empty())
    };
    same("objects below the second level", &None, &found.iter().find(deeper))
}

async fn depth_all(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    contains(&objects(bench, "Device.", 0).await?, &row.path)
}

fn contains(found: &[String], path: &str) -> Result<(), Stop> {
    let is_there = found.iter().any(|object| object == path);
    holds(is_there, "the objects returned", || path.to_owned(), || found.join(", "))
}
