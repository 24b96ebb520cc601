//! Faults of an agent that lets controllers do what they may not, or does not let them do what they may.

use usp_proto::delete::OperStatus;
use usp_proto::{Body, Msg, Request, Response};

use super::notifications::added;
use super::{Fault, on};

pub(super) static FAULTS: &[Fault] = &[
    Fault::hear("R-SEC.1-no-write", |msg| added(msg, "Param", "rw-n")),
    Fault::hear("R-SEC.1-no-add", |msg| added(msg, "Obj", "rw-n")),
    Fault::hear("R-SEC.1-no-delete", |msg| added(msg, "InstantiatedObj", "rw-n")),
    Fault::hear("R-SEC.1-no-operate", |msg| added(msg, "CommandEvent", "r-xn")),
    Fault::hear("R-SEC.1-no-value-change", |msg| added(msg, "Param", "rw-n")),
    Fault::hear("R-SEC.1-larger-order-wins", |msg| {
        // The smaller one wins.
        on!(Request::Add, msg, add => {
            let settings = add.create_objs.iter_mut().flat_map(|object| &mut object.param_settings);
            settings.filter(|setting| setting.param == "Order" && setting.value == "9").for_each(|setting| "4".clone_into(&mut setting.value));
        })
    }),
    Fault::hear("R-SEC.1-roles-are-joined", |msg| {
        // The first one counts alone.
        on!(Request::Set, msg, set => {
            let settings = set.update_objs.iter_mut().flat_map(|object| &mut object.param_settings);
            settings.for_each(|setting| setting.value.truncate(setting.value.find(',').unwrap_or(setting.value.len())));
        })
    }),
    Fault::hear("R-GET.1-unreadable-parameter", reads_all),
    Fault::hear("R-GET.1-unreadable-object", reads_all),
    Fault::hear("R-GET.4-unreadable-parameters", reads_all),
    Fault::hear("R-GIN.0-unreadable-row", reads_all),
    Fault::hear("R-GIN.0-unreadable-search", reads_all),
    Fault::hear("R-GIN.1-unreadable-keys", reads_all),
    Fault::hear("R-GSP.0-unreadable-parameter", reads_all),
    Fault::hear("R-GSP.0-unreadable-object", reads_all),
    Fault::hear("R-ADD.6-unreadable-keys", reads_all),
    Fault::hear("R-SET.3-unreadable-parameters", reads_all),
    Fault::hear("R-DEL.2-unreadable-row", reads_all),
    Fault::say("R-DEL.3-row-that-stays", |_, msg| {
        on!(Response::DeleteResp, msg, resp => for result in &mut resp.deleted_obj_results {
            if let Some(OperStatus::OperSuccess(done)) = result.oper_status.as_mut().and_then(|status| status.oper_status.as_mut()) {
                done.unaffected_path_errs.clear();
            }
        })
    }),
    Fault::hear("R-DEL.4-unreadable-row-that-stays", reads_all),
    Fault::say("R-SEC.1a-roles-are-shown", |_, msg| {
        on!(Response::GetSupportedDmResp, msg, resp => {
            let objects = resp.req_obj_results.iter_mut().flat_map(|result| &mut result.supported_objs);
            objects.for_each(|object| object.supported_params.retain(|param| param.param_name != "InheritedRole"));
        })
    }),
    Fault::hear("R-ARC.12-no-such-row", |msg| {
        on!(Request::Set, msg, set => {
            set.update_objs.iter_mut().for_each(|object| object.param_settings.retain(|setting| setting.param != "AssignedRole"));
        })
    }),
    Fault::hear("R-ARC.12-referent-goes", |msg| !matches!(&msg.body, Body::Request(Request::Delete(_)))),
    Fault::say("R-ARC.11-reference-by-key", |asked, msg| match asked {
        Some(Request::Set(set)) if set.update_objs[0].param_settings[0].value.contains("[Alias") => {
            super::fail(msg, 7012)
        }
        _ => true,
    }),
];

/// Takes every permission for one that lets everything be read.
fn reads_all(msg: &mut Msg) -> bool {
    on!(Request::Add, msg, add => {
        let settings = add.create_objs.iter_mut().flat_map(|object| &mut object.param_settings);
        for setting in settings.filter(|setting| ["Param", "Obj", "InstantiatedObj"].contains(&setting.param.as_str())) {
            setting.value.replace_range(..1, "r");
        }
    })
}
