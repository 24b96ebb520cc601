//! Faults of an agent that tells its model wrongly.

use usp_proto::get_instances::{CurrInstance, GetInstancesResp};
use usp_proto::get_supported_dm::{GetSupportedDm, RequestedObjectResult, SupportedObjectResult};
use usp_proto::{Body, Msg, Request, Response};

use super::{Fault, on};

pub(super) static FAULTS: &[Fault] = &[
    Fault::say("R-MSG.5-dm-repeats-paths", |_, msg| {
        results(msg, |result| {
            result.req_obj_path = result.req_obj_path.replace("Subscription.", "Subscription.{i}.");
        })
    }),
    Fault::hear("R-MSG.5-dm-first-level", |msg| asked(msg, |get| get.first_level_only = false)),
    Fault::say("R-MSG.5-dm-children-are-bare", |asked, msg| match asked {
        Some(Request::GetSupportedDm(get)) if get.first_level_only => results(msg, |result| {
            let params = result.supported_objs[0].supported_params.clone();
            result.supported_objs.iter_mut().for_each(|object| object.supported_params.clone_from(&params));
        }),
        _ => true,
    }),
    Fault::hear("R-MSG.5-dm-all-levels", |msg| asked(msg, |get| get.first_level_only |= !get.return_params)),
    Fault::hear("R-MSG.5-dm-no-parameters", |msg| asked(msg, |get| get.return_params = true)),
    Fault::hear("R-MSG.5-dm-no-commands", |msg| asked(msg, |get| get.return_commands = true)),
    Fault::hear("R-MSG.5-dm-no-events", |msg| asked(msg, |get| get.return_events = true)),
    Fault::hear("R-MSG.5-dm-no-key-sets", |msg| asked(msg, |get| get.return_unique_key_sets = true)),
    Fault::say("R-ARC.7-dm-has-placeholders", |asked, msg| match asked {
        Some(Request::GetSupportedDm(get)) if get.obj_paths != ["Device."] => {
            objects(msg, |object| object.supported_obj_path = object.supported_obj_path.replace("{i}", "1"))
        }
        _ => true,
    }),
    Fault::say("R-ARC.7-dm-last-placeholder-is-optional", |asked, msg| match asked {
        Some(Request::GetSupportedDm(get)) if get.obj_paths[0].ends_with("Subscription.") => {
            objects(msg, |object| object.supported_params.clear())
        }
        _ => true,
    }),
    Fault::say("R-MSG.5-dm-unsupported", |_, msg| {
        results(msg, |result| result.err_code = if result.err_code == 7026 { 7016 } else { result.err_code })
    }),
    Fault::say("R-MSG.5-dm-tables", |_, msg| objects(msg, |object| object.is_multi_instance = true)),
    Fault::say("R-MSG.5-dm-access", |_, msg| params(msg, "Recipient", |param| param.access = 1)),
    Fault::say("R-MSG.5-dm-uri", |_, msg| results(msg, |result| result.data_model_inst_uri.clear())),
    Fault::say("R-MSG.5-dm-arguments", |_, msg| {
        objects(msg, |object| {
            object.supported_commands.iter_mut().for_each(|command| command.input_arg_names.clear());
        })
    }),
    Fault::say("R-MSG.5-dm-value-types", |_, msg| params(msg, "Enable", |param| param.value_type = 0)),
    Fault::say("R-MSG.5-dm-command-type", |_, msg| {
        objects(msg, |object| {
            object.supported_commands.iter_mut().for_each(|command| command.command_type = 1);
        })
    }),
    Fault::say("R-MSG.5-dm-key-sets", |_, msg| {
        objects(msg, |object| {
            object.unique_key_sets.iter_mut().for_each(|set| set.key_names.truncate(1));
        })
    }),
    Fault::hear(
        "R-MSG.5-instances-first-level",
        |msg| on!(Request::GetInstances, msg, get => get.first_level_only = false),
    ),
    Fault::hear(
        "R-MSG.5-instances-all-levels",
        |msg| on!(Request::GetInstances, msg, get => get.first_level_only = true),
    ),
    Fault::say("R-MSG.5-instances-of-no-table", |_, msg| instances(msg, 7018)),
    Fault::say("R-MSG.5-instances-unsupported", |_, msg| instances(msg, 7026)),
    Fault::say(
        "R-MSG.5-own-version",
        |_, msg| on!(Response::GetSupportedProtocolResp, msg, resp => "1.0".clone_into(&mut resp.agent_supported_protocol_versions)),
    ),
];

fn asked(msg: &mut Msg, change: impl Fn(&mut GetSupportedDm)) -> bool {
    on!(Request::GetSupportedDm, msg, get => change(get))
}

fn results(msg: &mut Msg, change: impl Fn(&mut RequestedObjectResult)) -> bool {
    on!(Response::GetSupportedDmResp, msg, resp => resp.req_obj_results.iter_mut().for_each(change))
}

fn objects(msg: &mut Msg, change: impl Fn(&mut SupportedObjectResult)) -> bool {
    results(msg, |result| result.supported_objs.iter_mut().for_each(&change))
}

fn params(
    msg: &mut Msg,
    name: &str,
    change: impl Fn(&mut usp_proto::get_supported_dm::SupportedParamResult),
) -> bool {
    objects(msg, |object| {
        object.supported_params.iter_mut().filter(|param| param.param_name == name).for_each(&change);
    })
}

/// Says of what failed with this code that it has a row.
fn instances(msg: &mut Msg, code: u32) -> bool {
    on!(Response::GetInstancesResp, msg, resp => {
        let resp: &mut GetInstancesResp = resp;
        for result in resp.req_path_results.iter_mut().filter(|result| result.err_code == code) {
            result.err_code = 0;
            result.curr_insts.push(CurrInstance::default());
        }
    })
}
