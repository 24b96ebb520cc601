//! Roles and permissions. This controller takes rights from itself, for a while: it is put into a role of its own that
//! may do everything but what the check is about, and gets its old roles back when the check ends.

use std::collections::BTreeSet;

use usp_proto::get_supported_dm::GetSupportedDm;
use usp_proto::{Body, Request, Response};

use super::notify::{quiet, touch};
use super::operate::failed;
use super::{Check, check, code, should};
use crate::bench::{Bench, Row, Subject, unexpected};
use crate::limits;
use crate::target::{CONTROLLER, REQUEST, ROLE, SUBSCRIPTION};
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(
        no_write,
        "R-SEC.1-no-write",
        [Roles, Subscriptions],
        "A parameter that a controller may not write is not written."
    ),
    check!(no_add, "R-SEC.1-no-add", [Roles, Subscriptions], "A controller adds no row where it may not."),
    check!(
        no_delete,
        "R-SEC.1-no-delete",
        [Roles, Subscriptions],
        "A controller deletes no row where it may not."
    ),
    check!(no_operate, "R-SEC.1-no-operate", [Roles, Timer], "A controller runs no command that it may not."),
    check!(
        no_change,
        "R-SEC.1-no-value-change",
        [Roles, Subscriptions],
        "A change of what a controller may not follow is not told."
    ),
    check!(
        larger,
        "R-SEC.1-larger-order-wins",
        [Roles, Subscriptions],
        "Of two permissions of a role the one of larger Order counts."
    ),
    check!(
        joined,
        "R-SEC.1-roles-are-joined",
        [Roles, Subscriptions],
        "What one role lacks another may give."
    ),
    check!(
        get_param,
        "R-GET.1-unreadable-parameter",
        [Roles, Subscriptions],
        "A parameter that may not be read gets 7026."
    ),
    check!(
        get_object,
        "R-GET.1-unreadable-object",
        [Roles, Subscriptions],
        "An object that may not be read gets 7026."
    ),
    check!(
        left_out,
        "R-GET.4-unreadable-parameters",
        [Roles, Subscriptions],
        "Of an object what may not be read is left out."
    ),
    check!(
        no_instance,
        "R-GIN.0-unreadable-row",
        [Roles, Subscriptions],
        "A row that may not be seen is not listed."
    ),
    check!(
        no_search,
        "R-GIN.0-unreadable-search",
        [Roles, Subscriptions],
        "A search by what may not be read finds nothing."
    ),
    check!(
        no_keys,
        "R-GIN.1-unreadable-keys",
        [Roles, Subscriptions],
        "A unique key that may not be read is left out."
    ),
    check!(
        no_model,
        "R-GSP.0-unreadable-parameter",
        [Roles, Subscriptions],
        "The model lacks a parameter that may not be read."
    ),
    check!(
        no_object,
        "R-GSP.0-unreadable-object",
        [Roles, Subscriptions],
        "The model lacks an object that may not be read."
    ),
    check!(
        add_keys,
        "R-ADD.6-unreadable-keys",
        [Roles, Subscriptions],
        "An Add does not return a unique key that may not be read."
    ),
    check!(
        set_value,
        "R-SET.3-unreadable-parameters",
        [Roles, Subscriptions],
        "A Set does not return what may not be read."
    ),
    should!(shown, "R-SEC.1a-roles-are-shown", [], "Controllers have AssignedRole and InheritedRole."),
];

const ALL: [&str; 4] = ["rw-n", "rw-n", "rw-n", "r-xn"];
const REST: [&str; 4] = ["----", "----", "----", "----"];

fn refused(what: &str, error: &usp_proto::ErrorBody) -> Stop {
    Stop::Skip(format!("the agent makes no {what}: {} {}", error.err_code, error.err_msg))
}

async fn added(bench: &mut Bench, what: &str, table: &str, params: &[(&str, &str)]) -> Result<String, Stop> {
    let settings: Vec<(&str, &str, bool)> =
        params.iter().map(|(name, value)| (*name, *value, true)).collect();
    let resp = bench.add(false, &[(table, &settings)]).await?.map_err(|error| refused(what, &error))?;
    let made = resp.created_obj_results.first().and_then(|result| result.status().ok());
    made.map(|made| made.instantiated_path.clone()).ok_or_else(|| Stop::Error(format!("no {what} was made")))
}

/// A role that has no permission; gives its path.
pub(super) async fn role(bench: &mut Bench) -> Result<String, Stop> {
    let name = bench.row_id();
    added(bench, "role", ROLE, &[("Enable", "true"), ("Name", &name)]).await
}

async fn permit(
    bench: &mut Bench,
    role: &str,
    order: &str,
    targets: &str,
    [param, obj, instantiated, command]: [&str; 4],
) -> Result<(), Stop> {
    let params = [
        ("Enable", "true"),
        ("Order", order),
        ("Targets", targets),
        ("Param", param),
        ("Obj", obj),
        ("InstantiatedObj", instantiated),
        ("CommandEvent", command),
    ];
    added(bench, "permission", &format!("{role}Permission."), &params).await.map(drop)
}

pub(super) fn reference(row: &str) -> &str {
    row.trim_end_matches('.')
}

/// Puts this controller into these roles alone.
pub(super) async fn assign(bench: &mut Bench, roles: &str) -> Result<(), Stop> {
    let own = bench.own_row().await?;
    let inherited = bench.value(&format!("{own}InheritedRole")).await?;
    if inherited.is_some_and(|roles| !roles.is_empty()) {
        return Err(Stop::Skip("this controller inherits a role that can't be taken from it".to_owned()));
    }
    bench.change(&own, "AssignedRole", roles).await
}

/// Leaves this controller everything but, for these targets, what the letters say.
pub(super) async fn restrict(bench: &mut Bench, targets: &str, letters: [&str; 4]) -> Result<(), Stop> {
    let role = role(bench).await?;
    permit(bench, &role, "0", "Device.", ALL).await?;
    permit(bench, &role, "1", targets, letters).await?;
    assign(bench, reference(&role)).await
}

/// Letters for parameters; the rest as it was.
fn params(letters: &str) -> [&str; 4] {
    [letters, ALL[1], ALL[2], ALL[3]]
}

async fn no_write(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    restrict(bench, &row.param("TimeToLive"), params("r---")).await?;
    let _ = bench.set(true, &[(&row.path, &[("TimeToLive", "86401", true)])]).await?;
    same("TimeToLive after the Set", &Some("0".to_owned()), &bench.value(&row.param("TimeToLive")).await?)
}

async fn no_add(bench: &mut Bench) -> Result<(), Stop> {
    restrict(bench, SUBSCRIPTION, [ALL[0], "r---", ALL[2], ALL[3]]).await?;
    let id = bench.row_id();
    let _ = bench.add(true, &[(SUBSCRIPTION, &[("ID", &id, true)])]).await?;
    same("rows added", &0, &bench.rows(&format!("{SUBSCRIPTION}[ID==\"{id}\"].")).await?.len())
}

async fn no_delete(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    restrict(bench, SUBSCRIPTION, [ALL[0], ALL[1], "r---", ALL[3]]).await?;
    let _ = bench.delete(vec![row.path.clone()], true).await?;
    same("whether the row is left", &true, &bench.rows(SUBSCRIPTION).await?.contains(&row.path))
}

async fn no_operate(bench: &mut Bench) -> Result<(), Stop> {
    restrict(bench, &bench.timer_path(), [ALL[0], ALL[1], ALL[2], "r---"]).await?;
    let key = bench.next_id();
    let resp = match bench.ask(Request::Operate(bench.timer(&key, "2"))).await? {
        Body::Response(Response::OperateResp(resp)) => resp,
        Body::Error(_) => return Ok(()),
        other => return Err(unexpected("OperateResp or Error", &other)),
    };
    holds(
        failed(&resp).is_some(),
        "the result",
        || "cmd_failure".to_owned(),
        || "the command runs".to_owned(),
    )?;
    let keys = bench.get(&[&format!("{REQUEST}*.CommandKey")], 0).await?;
    let rows = keys.req_path_results.iter().flat_map(|result| &result.resolved_path_results);
    let runs = rows.flat_map(|row| row.result_params.values()).any(|seen| *seen == key);
    same("whether the command runs", &false, &runs)
}

async fn no_change(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    restrict(bench, &row.param("TimeToLive"), params("rw--")).await?;
    let watch = bench.subscribe("ValueChange", &row.path, false).await?;
    touch(bench, &Subject::of(&row)).await?;
    quiet(bench, &watch, limits::NEWS).await
}

async fn is_written(bench: &mut Bench, row: &Row) -> Result<(), Stop> {
    let _ = bench.set(true, &[(&row.path, &[("TimeToLive", "86401", true)])]).await?;
    same("TimeToLive after the Set", &Some("86401".to_owned()), &bench.value(&row.param("TimeToLive")).await?)
}

async fn larger(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let role = role(bench).await?;
    permit(bench, &role, "0", "Device.", ALL).await?;
    // In another order than they count.
    permit(bench, &role, "9", &row.path, ALL).await?;
    permit(bench, &role, "5", &row.path, params("r---")).await?;
    assign(bench, reference(&role)).await?;
    is_written(bench, &row).await
}

async fn joined(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let (one, two) = (role(bench).await?, role(bench).await?);
    permit(bench, &one, "0", "Device.", ALL).await?;
    permit(bench, &one, "1", &row.path, params("r---")).await?;
    permit(bench, &two, "0", &row.path, params("-w--")).await?;
    assign(bench, &format!("{},{}", reference(&one), reference(&two))).await?;
    is_written(bench, &row).await
}

/// Fails unless a Get of this path gets 7026.
async fn hidden(bench: &mut Bench, path: &str) -> Result<(), Stop> {
    let resp = bench.get(&[path], 0).await?;
    let codes: Vec<u32> = resp.req_path_results.iter().map(|result| result.err_code).collect();
    same(&format!("err_code for {path}"), &vec![code::INVALID_PATH], &codes)
}

async fn get_param(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    restrict(bench, &format!("{SUBSCRIPTION}*.TimeToLive"), params("-w--")).await?;
    hidden(bench, &row.param("TimeToLive")).await
}

async fn get_object(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    restrict(bench, SUBSCRIPTION, ["----", "-w--", "rw--", ALL[3]]).await?;
    hidden(bench, &row.path).await
}

async fn left_out(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    restrict(bench, &row.param("TimeToLive"), params("-w--")).await?;
    let resp = bench.get(&[&row.path], 0).await?;
    let objects = resp.req_path_results.iter().flat_map(|result| &result.resolved_path_results);
    let names: BTreeSet<&str> =
        objects.flat_map(|object| object.result_params.keys()).map(String::as_str).collect();
    same(
        "whether ID and TimeToLive are returned",
        &(true, false),
        &(names.contains("ID"), names.contains("TimeToLive")),
    )
}

async fn no_instance(bench: &mut Bench) -> Result<(), Stop> {
    let (row, other) = (bench.row().await?, bench.row().await?);
    restrict(bench, &row.path, [ALL[0], ALL[1], "-w--", ALL[3]]).await?;
    let rows = bench.rows(SUBSCRIPTION).await?;
    same(
        "whether the two rows are listed",
        &(false, true),
        &(rows.contains(&row.path), rows.contains(&other.path)),
    )
}

async fn no_search(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    restrict(bench, &format!("{SUBSCRIPTION}*.ID"), params("-w--")).await?;
    let resp = bench.instances(&row.search()).await?;
    same("rows found", &0, &resp.req_path_results.iter().map(|result| result.curr_insts.len()).sum())
}

async fn no_keys(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    restrict(bench, &format!("{SUBSCRIPTION}*.ID"), params("-w--")).await?;
    let resp = bench.instances(SUBSCRIPTION).await?;
    let mut rows = resp.req_path_results.iter().flat_map(|result| &result.curr_insts);
    let listed = rows.find(|listed| listed.instantiated_obj_path == row.path);
    same("the key ID of the row", &Some(None), &listed.map(|row| row.unique_keys.get("ID")))
}

/// The parameters of subscriptions in the model; none when it has no such object.
async fn model(bench: &mut Bench) -> Result<Option<BTreeSet<String>>, Stop> {
    let obj_paths = vec!["Device.LocalAgent.".to_owned()];
    let request = GetSupportedDm { obj_paths, return_params: true, ..GetSupportedDm::default() };
    match bench.ask(Request::GetSupportedDm(request)).await? {
        Body::Response(Response::GetSupportedDmResp(resp)) => {
            let path = format!("{SUBSCRIPTION}{{i}}.");
            let mut objects = resp.req_obj_results.into_iter().flat_map(|result| result.supported_objs);
            let table = objects.find(|object| object.supported_obj_path == path);
            Ok(table.map(|table| table.supported_params.into_iter().map(|param| param.param_name).collect()))
        }
        other => Err(unexpected("GetSupportedDMResp", &other)),
    }
}

async fn no_model(bench: &mut Bench) -> Result<(), Stop> {
    restrict(bench, &format!("{SUBSCRIPTION}*.TimeToLive"), params("-w--")).await?;
    let names = model(bench).await?.unwrap_or_default();
    same(
        "whether ID and TimeToLive are supported",
        &(true, false),
        &(names.contains("ID"), names.contains("TimeToLive")),
    )
}

async fn no_object(bench: &mut Bench) -> Result<(), Stop> {
    restrict(bench, SUBSCRIPTION, REST).await?;
    same("whether the table is supported", &false, &model(bench).await?.is_some())
}

async fn add_keys(bench: &mut Bench) -> Result<(), Stop> {
    restrict(bench, &format!("{SUBSCRIPTION}*.ID"), params("-w--")).await?;
    let id = bench.row_id();
    let resp = bench.add(false, &[(SUBSCRIPTION, &[("ID", &id, true)])]).await?;
    let resp = resp.map_err(|error| refused("subscription", &error))?;
    let mut made = resp.created_obj_results.iter().filter_map(|result| result.status().ok());
    same("the key ID of the new row", &Some(None), &made.next().map(|success| success.unique_keys.get("ID")))
}

async fn set_value(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    restrict(bench, &row.param("TimeToLive"), params("-w--")).await?;
    let set = bench.set(false, &[(&row.path, &[("TimeToLive", "86401", true)])]).await?;
    let resp =
        set.map_err(|error| Stop::fail("the kind of the answer", "SetResp", error.err_code.to_string()))?;
    let done = resp.updated_obj_results.iter().filter_map(|result| result.status().ok());
    let mut told = done.flat_map(|success| &success.updated_inst_results);
    same("TimeToLive in updated_params", &None, &told.find_map(|one| one.updated_params.get("TimeToLive")))
}

async fn shown(bench: &mut Bench) -> Result<(), Stop> {
    let lacks: Vec<&str> = ["AssignedRole", "InheritedRole"]
        .into_iter()
        .filter(|name| {
            !bench.target().is_ok_and(|target| target.has_param(&format!("{CONTROLLER}{{i}}."), name))
        })
        .collect();
    same("parameters that controllers lack", &Vec::new(), &lacks)
}
