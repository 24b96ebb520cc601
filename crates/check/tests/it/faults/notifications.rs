//! Faults of an agent that notifies wrongly.

use usp_proto::add::CreateParamSetting;
use usp_proto::get_instances::CurrInstance;
use usp_proto::notify::{Notification, Notify};
use usp_proto::{Body, Msg, Request, Response};

use super::{Fault, on};

const SUBSCRIPTION: &str = "Device.LocalAgent.Subscription.";

pub(super) static FAULTS: &[Fault] = &[
    Fault::say("R-NOT.0-recipient", |_, msg| {
        read(msg, "Recipient", |value| "Device.LocalAgent.Controller.99".clone_into(value))
    }),
    Fault::hear("R-NOT.0-enable-is-false", |msg| {
        on!(Request::Add, msg, add => for object in &mut add.create_objs {
            let (param, value) = ("Enable".to_owned(), "true".to_owned());
            object.param_settings.push(CreateParamSetting { param, value, required: true });
        })
    }),
    Fault::say("R-NOT.0-reference-list-is-fixed", |_, msg| {
        // Another one each time that it is read.
        let id = msg.msg_id.clone();
        read(msg, "ReferenceList", |value| value.clone_from(&id))
    }),
    Fault::say("R-NOT.0-id-is-unique", |_, msg| {
        on!(Response::GetInstancesResp, msg, resp => resp.req_path_results.iter_mut().for_each(|result| {
            let instantiated_obj_path = format!("{SUBSCRIPTION}99.");
            result.curr_insts.push(CurrInstance { instantiated_obj_path, ..CurrInstance::default() });
        }))
    }),
    Fault::say("R-NOT.0-value-change", |_, msg| {
        notify(msg, |notify| {
            if let Some(Notification::ValueChange(change)) = &mut notify.notification {
                "0".clone_into(&mut change.param_value);
            }
        })
    }),
    Fault::say("R-NOT.0-value-change-by-object", |_, msg| {
        notify(msg, |notify| {
            if let Some(Notification::ValueChange(change)) = &mut notify.notification {
                change.param_path.truncate(change.param_path.len() - "TimeToLive".len());
            }
        })
    }),
    Fault::say("R-NOT.0-object-creation", |_, msg| {
        notify(msg, |notify| {
            if let Some(Notification::ObjCreation(creation)) = &mut notify.notification {
                SUBSCRIPTION.clone_into(&mut creation.obj_path);
            }
        })
    }),
    Fault::say("R-NOT.0-object-creation-keys", |_, msg| {
        notify(msg, |notify| {
            if let Some(Notification::ObjCreation(creation)) = &mut notify.notification {
                creation.unique_keys.clear();
            }
        })
    }),
    Fault::say("R-NOT.0-object-deletion", |_, msg| {
        notify(msg, |notify| {
            if let Some(Notification::ObjDeletion(deletion)) = &mut notify.notification {
                SUBSCRIPTION.clone_into(&mut deletion.obj_path);
            }
        })
    }),
    Fault::hear("R-NOT.0-disabled-is-silent", |msg| {
        on!(Request::Set, msg, set => {
            let settings = set.update_objs.iter_mut().flat_map(|object| &mut object.param_settings);
            settings.filter(|setting| setting.param == "Enable").for_each(|setting| "true".clone_into(&mut setting.value));
        })
    }),
    Fault::hear("R-NOT.0-no-retry-wants-no-answer", |msg| added(msg, "NotifRetry", "true")),
    Fault::say("R-NOT.0a-in-time", |_, msg| !matches!(msg.body, Body::Request(Request::Notify(_)))),
    Fault::hear("R-NOT.1-first-retry", |msg| added(msg, "NotifRetry", "false")),
    Fault::hear("R-NOT.3-delivered", |msg| !matches!(msg.body, Body::Response(Response::NotifyResp(_)))),
    Fault::say("R-NOT.7-subscription-id", |_, msg| notify(msg, |notify| notify.subscription_id.clear())),
    Fault::hear(
        "R-NOT.9-other-subscription-id",
        |msg| !matches!(&msg.body, Body::Response(Response::NotifyResp(resp)) if resp.subscription_id == "another"),
    ),
];

pub(super) fn notify(msg: &mut Msg, change: impl Fn(&mut Notify)) -> bool {
    on!(Request::Notify, msg, notify => change(notify))
}

/// Changes the value of a parameter that is read.
fn read(msg: &mut Msg, param: &str, change: impl Fn(&mut String)) -> bool {
    on!(Response::GetResp, msg, resp => {
        let found = resp.req_path_results.iter_mut().flat_map(|result| &mut result.resolved_path_results);
        found.filter_map(|object| object.result_params.get_mut(param)).for_each(change);
    })
}

/// Takes another value of a parameter in an Add.
pub(super) fn added(msg: &mut Msg, param: &str, value: &str) -> bool {
    on!(Request::Add, msg, add => {
        let settings = add.create_objs.iter_mut().flat_map(|object| &mut object.param_settings);
        settings.filter(|setting| setting.param == param).for_each(|setting| value.clone_into(&mut setting.value));
    })
}
