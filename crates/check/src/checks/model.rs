//! What an agent says of its model: GetSupportedDM, GetInstances, GetSupportedProtocol.

use usp_proto::generated::usp_msg::get_supported_dm_resp::SupportedCommandResult;
use usp_proto::get_instances::{GetInstances, GetInstancesResp};
use usp_proto::get_supported_dm::{GetSupportedDm, GetSupportedDmResp, SupportedObjectResult};
use usp_proto::get_supported_protocol::GetSupportedProtocol;
use usp_proto::{Body, Msg, Request, Response};

use super::{Check, check, code, should};
use crate::bench::{Bench, unexpected};
use crate::limits;
use crate::target::{CONTROLLER, LOCAL_AGENT, SUBSCRIPTION};
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(
        repeats,
        "R-MSG.5-dm-repeats-paths",
        [],
        "Each path of a GetSupportedDM has a result that repeats it."
    ),
    check!(first_level, "R-MSG.5-dm-first-level", [], "first_level_only gives the object and its children."),
    check!(bare, "R-MSG.5-dm-children-are-bare", [], "With first_level_only children have no elements."),
    check!(all_levels, "R-MSG.5-dm-all-levels", [], "Without first_level_only everything below is given."),
    check!(no_params, "R-MSG.5-dm-no-parameters", [], "Parameters are given only if they are asked for."),
    check!(no_commands, "R-MSG.5-dm-no-commands", [Timer], "Commands are given only if they are asked for."),
    check!(no_events, "R-MSG.5-dm-no-events", [Periodic], "Events are given only if they are asked for."),
    check!(
        no_keys,
        "R-MSG.5-dm-no-key-sets",
        [],
        "Sets of unique keys are given only if they are asked for."
    ),
    check!(
        placeholders,
        "R-ARC.7-dm-has-placeholders",
        [Subscriptions],
        "The model of a row is that of its table."
    ),
    check!(
        optional,
        "R-ARC.7-dm-last-placeholder-is-optional",
        [],
        "A table is asked for with its {i}, or without."
    ),
    check!(unsupported, "R-MSG.5-dm-unsupported", [], "What is not supported gets 7026 in its own result."),
    check!(tables, "R-MSG.5-dm-tables", [], "The model tells tables from single objects."),
    check!(access, "R-MSG.5-dm-access", [Subscriptions], "The model says which parameters can be written."),
    check!(uri, "R-MSG.5-dm-uri", [], "The model has a URI."),
    check!(arguments, "R-MSG.5-dm-arguments", [Timer], "The model lists the arguments of a command."),
    should!(types, "R-MSG.5-dm-value-types", [], "The model says what type a parameter has."),
    should!(
        command_type,
        "R-MSG.5-dm-command-type",
        [Timer],
        "The model says which commands are asynchronous."
    ),
    should!(key_sets, "R-MSG.5-dm-key-sets", [], "The model says what makes a row unique."),
    check!(
        instances_first,
        "R-MSG.5-instances-first-level",
        [BootParameters],
        "With first_level_only the rows of a row are not listed."
    ),
    check!(
        instances_all,
        "R-MSG.5-instances-all-levels",
        [BootParameters],
        "Without first_level_only the rows of a row are listed."
    ),
    should!(no_table, "R-MSG.5-instances-of-no-table", [], "GetInstances of what is no table gets 7018."),
    check!(
        instances_unsupported,
        "R-MSG.5-instances-unsupported",
        [],
        "GetInstances of what is not supported gets 7026."
    ),
    check!(own_version, "R-MSG.5-own-version", [], "The versions of an agent include that of its Records."),
];

const ROW: &str = "Device.LocalAgent.Subscription.{i}.";

async fn ask(bench: &mut Bench, request: GetSupportedDm) -> Result<GetSupportedDmResp, Stop> {
    match bench.ask(Request::GetSupportedDm(request)).await? {
        Body::Response(Response::GetSupportedDmResp(resp)) => Ok(resp),
        other => Err(unexpected("GetSupportedDMResp", &other)),
    }
}

/// Of these paths the objects alone.
fn objects(paths: &[&str], first_level_only: bool) -> GetSupportedDm {
    let obj_paths = paths.iter().map(|path| (*path).to_owned()).collect();
    GetSupportedDm { obj_paths, first_level_only, ..GetSupportedDm::default() }
}

/// Of this path everything, without what lies below.
fn whole(path: &str) -> GetSupportedDm {
    GetSupportedDm {
        return_commands: true,
        return_events: true,
        return_params: true,
        return_unique_key_sets: true,
        ..objects(&[path], true)
    }
}

async fn supported(bench: &mut Bench, request: GetSupportedDm) -> Result<Vec<SupportedObjectResult>, Stop> {
    let resp = ask(bench, request).await?;
    same(
        "err_code of the results",
        &None,
        &resp.req_obj_results.iter().map(|r| r.err_code).find(|c| *c != 0),
    )?;
    Ok(resp.req_obj_results.into_iter().flat_map(|result| result.supported_objs).collect())
}

/// The object itself.
async fn object(bench: &mut Bench, asked: &str, path: &str) -> Result<SupportedObjectResult, Stop> {
    let found = supported(bench, whole(asked)).await?;
    let none = || Stop::fail(format!("the objects for {asked}"), path, format!("{:?}", paths(&found)));
    let at = found.iter().position(|object| object.supported_obj_path == path).ok_or_else(none)?;
    Ok(found[at].clone())
}

fn paths(objects: &[SupportedObjectResult]) -> Vec<&str> {
    objects.iter().map(|object| object.supported_obj_path.as_str()).collect()
}

async fn repeats(bench: &mut Bench) -> Result<(), Stop> {
    let asked = [SUBSCRIPTION, LOCAL_AGENT];
    let resp = ask(bench, objects(&asked, true)).await?;
    let told: Vec<&str> = resp.req_obj_results.iter().map(|result| result.req_obj_path.as_str()).collect();
    same("req_obj_path of the results", &asked.to_vec(), &told)
}

/// How many levels an object lies below another; a table and its row are one.
fn levels(path: &str, below: &str) -> Option<usize> {
    let rest = path.strip_prefix(below)?;
    Some(rest.split_terminator('.').filter(|name| *name != "{i}").count())
}

async fn first_level(bench: &mut Bench) -> Result<(), Stop> {
    let found = supported(bench, objects(&[LOCAL_AGENT], true)).await?;
    let wrong: Vec<&str> = paths(&found)
        .into_iter()
        .filter(|path| levels(path, LOCAL_AGENT).is_none_or(|levels| levels > 1))
        .collect();
    same("objects deeper than its children", &Vec::new(), &wrong)?;
    let has = |wanted: &str| paths(&found).contains(&wanted);
    holds(
        has(LOCAL_AGENT) && has(ROW),
        "the objects",
        || format!("{LOCAL_AGENT} and {ROW}"),
        || format!("{:?}", paths(&found)),
    )
}

async fn bare(bench: &mut Bench) -> Result<(), Stop> {
    let found = supported(bench, whole(LOCAL_AGENT)).await?;
    let has_more = |object: &&SupportedObjectResult| {
        object.supported_obj_path != LOCAL_AGENT
            && !(object.supported_params.is_empty()
                && object.supported_commands.is_empty()
                && object.supported_events.is_empty())
    };
    let wrong = found.iter().find(has_more).map(|object| object.supported_obj_path.as_str());
    same("children with elements", &None, &wrong)
}

async fn all_levels(bench: &mut Bench) -> Result<(), Stop> {
    let found = supported(bench, objects(&["Device."], false)).await?;
    holds(
        paths(&found).contains(&ROW),
        "the objects below Device.",
        || ROW.to_owned(),
        || format!("{:?}", paths(&found)),
    )
}

async fn no_params(bench: &mut Bench) -> Result<(), Stop> {
    let found = supported(bench, GetSupportedDm { return_params: false, ..whole(LOCAL_AGENT) }).await?;
    same("parameters", &0, &found.iter().map(|object| object.supported_params.len()).sum())
}

async fn no_commands(bench: &mut Bench) -> Result<(), Stop> {
    let found = supported(bench, GetSupportedDm { return_commands: false, ..whole("Device.") }).await?;
    same("commands", &0, &found.iter().map(|object| object.supported_commands.len()).sum())
}

async fn no_events(bench: &mut Bench) -> Result<(), Stop> {
    let found = supported(bench, GetSupportedDm { return_events: false, ..whole(LOCAL_AGENT) }).await?;
    same("events", &0, &found.iter().map(|object| object.supported_events.len()).sum())
}

async fn no_keys(bench: &mut Bench) -> Result<(), Stop> {
    let found = supported(bench, GetSupportedDm { return_unique_key_sets: false, ..whole(ROW) }).await?;
    same("sets of unique keys", &0, &found.iter().map(|object| object.unique_key_sets.len()).sum())
}

async fn placeholders(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    object(bench, &row.path, ROW).await.map(drop)
}

async fn optional(bench: &mut Bench) -> Result<(), Stop> {
    let (with, without) = (object(bench, ROW, ROW).await?, object(bench, SUBSCRIPTION, ROW).await?);
    let names = |object: &SupportedObjectResult| {
        let mut names: Vec<String> =
            object.supported_params.iter().map(|param| param.param_name.clone()).collect();
        names.sort_unstable();
        names
    };
    same("parameters without {i}, as with it", &names(&with), &names(&without))
}

async fn unsupported(bench: &mut Bench) -> Result<(), Stop> {
    let resp = ask(bench, objects(&["Device.LocalAgent.X_CUSP_NoSuchThing.", LOCAL_AGENT], true)).await?;
    same(
        "err_code of the results",
        &vec![code::INVALID_PATH, 0],
        &resp.req_obj_results.iter().map(|r| r.err_code).collect(),
    )
}

async fn tables(bench: &mut Bench) -> Result<(), Stop> {
    same("is_multi_instance of the table", &true, &object(bench, ROW, ROW).await?.is_multi_instance)?;
    let single = object(bench, LOCAL_AGENT, LOCAL_AGENT).await?.is_multi_instance;
    same("is_multi_instance of Device.LocalAgent.", &false, &single)
}

async fn access(bench: &mut Bench) -> Result<(), Stop> {
    let row = object(bench, ROW, ROW).await?;
    let of = |name: &str| {
        row.supported_params.iter().find(|param| param.param_name == name).map(|param| param.access)
    };
    // PARAM_READ_WRITE, PARAM_READ_ONLY.
    same("access of Enable and Recipient", &(Some(1), Some(0)), &(of("Enable"), of("Recipient")))
}

async fn uri(bench: &mut Bench) -> Result<(), Stop> {
    let resp = ask(bench, objects(&[LOCAL_AGENT], true)).await?;
    let uri =
        resp.req_obj_results.first().map(|result| result.data_model_inst_uri.as_str()).unwrap_or_default();
    holds(uri.contains(':'), "data_model_inst_uri", || "a URI".to_owned(), || uri.to_owned())
}

/// The command that checks run, as the model has it.
async fn command(bench: &mut Bench) -> Result<Option<SupportedCommandResult>, Stop> {
    let path = bench.timer_path();
    let (asked, name) = path.split_at(path.rfind('.').map_or(0, |dot| dot + 1));
    let objects = supported(bench, whole(asked)).await?;
    let mut commands = objects.into_iter().flat_map(|object| object.supported_commands);
    Ok(commands.find(|command| command.command_name == name))
}

async fn arguments(bench: &mut Bench) -> Result<(), Stop> {
    let timer = command(bench).await?;
    same(
        "input arguments",
        &Some(vec![bench.profile().command.argument.clone()]),
        &timer.map(|command| command.input_arg_names),
    )
}

async fn types(bench: &mut Bench) -> Result<(), Stop> {
    let row = object(bench, ROW, ROW).await?;
    let of = |name: &str| {
        row.supported_params.iter().find(|param| param.param_name == name).map(|param| param.value_type)
    };
    // PARAM_BOOLEAN, PARAM_STRING.
    same("value_type of Enable and ID", &(Some(2), Some(8)), &(of("Enable"), of("ID")))
}

async fn command_type(bench: &mut Bench) -> Result<(), Stop> {
    let timer = command(bench).await?;
    // CMD_ASYNC
    same("command_type", &Some(2), &timer.map(|command| command.command_type))
}

async fn key_sets(bench: &mut Bench) -> Result<(), Stop> {
    let row = object(bench, ROW, ROW).await?;
    let mut sets = row.unique_key_sets.iter().map(|set| {
        let mut names: Vec<&str> = set.key_names.iter().map(String::as_str).collect();
        names.sort_unstable();
        names
    });
    let has = sets.any(|names| names == ["ID", "Recipient"]);
    holds(has, "unique_key_sets", || "Recipient, ID".to_owned(), || format!("{:?}", row.unique_key_sets))
}

async fn list(bench: &mut Bench, path: &str, first_level_only: bool) -> Result<GetInstancesResp, Stop> {
    let request = GetInstances { obj_paths: vec![path.to_owned()], first_level_only };
    match bench.ask(Request::GetInstances(request)).await? {
        Body::Response(Response::GetInstancesResp(resp)) => Ok(resp),
        other => Err(unexpected("GetInstancesResp", &other)),
    }
}

/// Whether a row of a row is listed.
async fn lists_deeper(bench: &mut Bench, first_level_only: bool) -> Result<bool, Stop> {
    let made = bench.boot_parameter().await?;
    let resp = list(bench, CONTROLLER, first_level_only).await?;
    let mut rows = resp.req_path_results.iter().flat_map(|result| &result.curr_insts);
    Ok(rows.any(|row| row.instantiated_obj_path == made))
}

async fn instances_first(bench: &mut Bench) -> Result<(), Stop> {
    same("whether a row of a row is listed", &false, &lists_deeper(bench, true).await?)
}

async fn instances_all(bench: &mut Bench) -> Result<(), Stop> {
    same("whether a row of a row is listed", &true, &lists_deeper(bench, false).await?)
}

async fn fails(bench: &mut Bench, path: &str, expected: u32) -> Result<(), Stop> {
    let resp = list(bench, path, true).await?;
    same("err_code", &vec![expected], &resp.req_path_results.iter().map(|result| result.err_code).collect())
}

async fn no_table(bench: &mut Bench) -> Result<(), Stop> {
    fails(bench, LOCAL_AGENT, code::NOT_A_TABLE).await
}

async fn instances_unsupported(bench: &mut Bench) -> Result<(), Stop> {
    fails(bench, "Device.LocalAgent.X_CUSP_NoSuchTable.", code::INVALID_PATH).await
}

async fn own_version(bench: &mut Bench) -> Result<(), Stop> {
    let versions = "1.0,1.1,1.2,1.3,1.4".to_owned();
    let id = bench.next_id();
    let request = GetSupportedProtocol { controller_supported_protocol_versions: versions };
    bench.send_msg(&Msg::request(id.clone(), Request::GetSupportedProtocol(request)))?;
    let Some(arrived) = bench.answer(&id, limits::PATIENCE).await? else {
        return Err(Stop::fail("GetSupportedProtocol is answered", "an answer", "none"));
    };
    let Body::Response(Response::GetSupportedProtocolResp(resp)) = &arrived.msg.body else {
        return Err(unexpected("GetSupportedProtocolResp", &arrived.msg.body));
    };
    let (own, told) = (arrived.record.version.to_string(), &resp.agent_supported_protocol_versions);
    let has = told.split(',').any(|version| version.trim() == own);
    holds(has, "the versions of the agent", || own.clone(), || told.clone())
}
