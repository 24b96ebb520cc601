//! Faults of an agent that reads wrongly.

use usp_proto::get::{GetResp, RequestedPathResult};
use usp_proto::get_instances::GetInstancesResp;
use usp_proto::set::SetResp;
use usp_proto::{Body, Msg, Request, Response};

use super::{Fault, fail, on};

pub(super) static FAULTS: &[Fault] = &[
    Fault::say("R-GET.0-missing-instance", no_invalid_path),
    Fault::say("R-GET.0-unsupported-parameter", no_invalid_path),
    Fault::say("R-GET.0-unsupported-search", no_invalid_path),
    Fault::say("R-GET.0-one-bad-path-of-two", |_, msg| match &msg.body {
        Body::Response(Response::GetResp(resp)) if resp.req_path_results.len() > 1 => fail(msg, 7026),
        _ => true,
    }),
    Fault::say("R-GET.1a-search-without-hits", no_empty_results),
    Fault::say("R-GET.1a-wildcard-without-rows", no_empty_results),
    Fault::say("R-GET.1b-empty-table", no_empty_results),
    Fault::say("R-GET.2-parent-is-the-resolved-path", |_, msg| {
        results(msg, |result| {
            let requested = result.requested_path.clone();
            result
                .resolved_path_results
                .iter_mut()
                .for_each(|object| object.resolved_path.clone_from(&requested));
        })
    }),
    Fault::hear("R-GET.3-that-parameter-alone", |msg| {
        // The whole object instead.
        paths(msg, |path| path.truncate(path.rfind('.').map_or(0, |at| at + 1)))
    }),
    Fault::hear("R-GET.5-depth-one", |msg| depth(msg, 1, 0)),
    Fault::hear("R-GET.5-depth-two", |msg| depth(msg, 2, 1)),
    Fault::hear("R-GET.5-depth-two-ends-there", |msg| depth(msg, 2, 0)),
    Fault::hear("R-GET.5-depth-zero", |msg| depth(msg, 0, 1)),
    Fault::say("R-ARC.10-get-with-wildcard", |_, msg| {
        results(msg, |result| drop(result.resolved_path_results.pop()))
    }),
    Fault::say("R-ARC.10-every-instance", |_, msg| {
        instances(msg, |resp| {
            resp.req_path_results.iter_mut().for_each(|result| drop(result.curr_insts.pop()));
        })
    }),
    Fault::hear("R-ARC.9-get-by-search", |msg| paths(msg, |path| *path = all_rows(path))),
    Fault::hear("R-ARC.9-both-parts-must-match", |msg| {
        paths(msg, |path| {
            if let (Some(from), Some(to)) = (path.find("&&"), path.find(']')) {
                path.replace_range(from..to, "");
            }
        })
    }),
    Fault::hear("R-ARC.9-not-equal", |msg| paths(msg, |path| *path = path.replace("!=", "=="))),
    Fault::hear("R-ARC.9-set-by-search", |msg| {
        on!(Request::Set, msg, set => {
            set.update_objs.iter_mut().for_each(|object| object.obj_path = all_rows(&object.obj_path));
        })
    }),
    Fault::hear(
        "R-ARC.9-delete-by-search",
        |msg| on!(Request::Delete, msg, delete => delete.obj_paths.iter_mut().for_each(|path| *path = all_rows(path))),
    ),
    Fault::hear("R-ARC.9a-blanks-around-operators", |msg| {
        paths(msg, |path| *path = path.replace(" == ", " is "))
    }),
    Fault::hear("R-ARC.7-boolean-in-search", |msg| {
        paths(msg, |path| *path = path.replace("Enable==0", "Enable==\"0\""))
    }),
    Fault::say("R-ARC.7-broken-path", |_, msg| {
        results(msg, |result| result.err_code = if result.err_code == 7008 { 7000 } else { result.err_code })
    }),
    Fault::say("R-MSG.3-get-reports-numbers", |_, msg| {
        results(msg, |result| {
            let asked = result.requested_path.clone();
            let object = &asked[..=asked.rfind('.').unwrap()];
            result
                .resolved_path_results
                .iter_mut()
                .for_each(|found| object.clone_into(&mut found.resolved_path));
        })
    }),
    Fault::say("R-MSG.3-set-reports-numbers", |_, msg| on!(Response::SetResp, msg, resp => requested(resp))),
    Fault::say("R-MSG.3-add-reports-numbers", |_, msg| {
        on!(Response::AddResp, msg, resp => super::writes::created(resp, |success| {
            let key = success.unique_keys["ID"].clone();
            success.instantiated_path = format!("Device.LocalAgent.Subscription.[ID==\"{key}\"].");
        }))
    }),
    Fault::say("R-MSG.3-delete-reports-numbers", |_, msg| {
        on!(Response::DeleteResp, msg, resp => super::writes::deleted(resp, |requested, success| {
            success.affected_paths = vec![requested.to_owned()];
        }))
    }),
    Fault::say("R-MSG.4a-instances-without-hits", |_, msg| {
        instances(msg, |resp| {
            for result in resp.req_path_results.iter_mut().filter(|result| result.curr_insts.is_empty()) {
                result.err_code = 7016;
            }
        })
    }),
    Fault::say("R-GIN.1-readable-keys", |_, msg| {
        instances(msg, |resp| {
            let rows = resp.req_path_results.iter_mut().flat_map(|result| &mut result.curr_insts);
            rows.for_each(|row| row.unique_keys.clear());
        })
    }),
];

fn results(msg: &mut Msg, change: impl Fn(&mut RequestedPathResult)) -> bool {
    on!(Response::GetResp, msg, resp => { let resp: &mut GetResp = resp; resp.req_path_results.iter_mut().for_each(change) })
}

fn instances(msg: &mut Msg, change: impl Fn(&mut GetInstancesResp)) -> bool {
    on!(Response::GetInstancesResp, msg, resp => change(resp))
}

fn paths(msg: &mut Msg, change: impl Fn(&mut String)) -> bool {
    on!(Request::Get, msg, get => get.param_paths.iter_mut().for_each(change))
}

/// Takes a search for a wildcard.
fn all_rows(path: &str) -> String {
    match (path.find('['), path.find(']')) {
        (Some(from), Some(to)) => format!("{}*{}", &path[..from], &path[to + 1..]),
        _ => path.to_owned(),
    }
}

fn depth(msg: &mut Msg, from: u32, to: u32) -> bool {
    on!(Request::Get, msg, get => if get.max_depth == from { get.max_depth = to })
}

fn no_invalid_path(_: Option<&Request>, msg: &mut Msg) -> bool {
    results(msg, |result| result.err_code = if result.err_code == 7026 { 7016 } else { result.err_code })
}

fn no_empty_results(_: Option<&Request>, msg: &mut Msg) -> bool {
    results(msg, |result| {
        if result.resolved_path_results.is_empty() {
            result.err_code = 7016;
        }
    })
}

fn requested(resp: &mut SetResp) {
    use usp_proto::set::OperStatus;
    for result in &mut resp.updated_obj_results {
        let path = result.requested_path.clone();
        let status = result.oper_status.as_mut().and_then(|status| status.oper_status.as_mut());
        if let Some(OperStatus::OperSuccess(success)) = status {
            success
                .updated_inst_results
                .iter_mut()
                .for_each(|instance| instance.affected_path.clone_from(&path));
        }
    }
}
