//! Faults of an agent that subscribes, retries and introduces itself wrongly.

use usp_proto::notify::{Notification, Notify};
use usp_proto::{Body, Msg, Request, Response};

use super::notifications::{added, notify};
use super::{Fault, on};

pub(super) static FAULTS: &[Fault] = &[
    Fault::say("R-NOT.0-event", |_, msg| {
        notify(msg, |notify| {
            if let Some(Notification::Event(event)) = &mut notify.notification {
                "Device.".clone_into(&mut event.obj_path);
            }
        })
    }),
    Fault::hear("R-NOT.0-event-by-object", |msg| {
        added(msg, "ReferenceList", "Device.LocalAgent.TransferComplete!")
    }),
    Fault::hear("R-NOT.0-periodic-interval", |msg| {
        on!(Request::Set, msg, set => {
            let settings = set.update_objs.iter_mut().flat_map(|object| &mut object.param_settings);
            settings.filter(|setting| setting.value == "2").for_each(|setting| "5".clone_into(&mut setting.value));
        })
    }),
    Fault::hear("R-NOT.0-operation-by-object", |msg| added(msg, "ReferenceList", "Device.LocalAgent.")),
    Fault::hear("R-NOT.0-deleted-is-silent", |msg| !matches!(&msg.body, Body::Request(Request::Delete(_)))),
    Fault::hear("R-NOT.0-enabled-again", |msg| {
        on!(Request::Set, msg, set => {
            let settings = set.update_objs.iter_mut().flat_map(|object| &mut object.param_settings);
            settings.filter(|setting| setting.param == "Enable").for_each(|setting| "false".clone_into(&mut setting.value));
        })
    }),
    Fault::say("R-NOT.0-retry-wants-an-answer", |_, msg| notify(msg, |notify| notify.send_resp = false)),
    Fault::say("R-NOT.0-no-retry-sends-plain", |_, msg| notify(msg, |notify| notify.send_resp = true)),
    // The third try gets lost; the fourth comes much later.
    Fault::say_nth("R-NOT.1-second-retry", |before, msg| !is_notify(msg) || before != 2),
    Fault::say_nth("R-NOT.1-same-notification", |before, msg| {
        notify(msg, |notify| {
            if let (1.., Some(Notification::ValueChange(change))) = (before, &mut notify.notification) {
                "86402".clone_into(&mut change.param_value);
            }
        })
    }),
    // As if it went on counting: the first retry of the second notification gets lost.
    Fault::say_nth("R-NOT.3-count-starts-again", |before, msg| !is_notify(msg) || before != 4),
    Fault::hear("R-NOT.2-expiration", |msg| added(msg, "NotifExpiration", "0")),
    Fault::hear("R-NOT.0-time-to-live", |msg| added(msg, "TimeToLive", "0")),
    Fault::hear("R-NOT.0-deletion-by-wildcard", |msg| {
        added(msg, "ReferenceList", "Device.LocalAgent.Subscription.1.")
    }),
    Fault::hear("R-NOT.0-change-by-wildcard", |msg| reference(msg, "*.", "999.")),
    Fault::hear("R-NOT.0-change-by-search", |msg| reference(msg, "[ID==", "[ID!=")),
    Fault::hear_nth("R-NOT.0-same-value-is-no-change", |before, msg| {
        // What is written a second time is taken for another value.
        on!(Request::Set, msg, set => if before == 1 {
            let settings = set.update_objs.iter_mut().flat_map(|object| &mut object.param_settings);
            settings.for_each(|setting| "86402".clone_into(&mut setting.value));
        })
    }),
    Fault::hear("R-NOT.0-two-references", |msg| {
        on!(Request::Add, msg, add => {
            let settings = add.create_objs.iter_mut().flat_map(|object| &mut object.param_settings);
            settings.for_each(|setting| setting.value.truncate(setting.value.find(',').unwrap_or(setting.value.len())));
        })
    }),
    Fault::say("R-NOT.5-on-command", |_, msg| !is_on_board(msg)),
    Fault::say("R-NOT.5-tells-versions", |_, msg| {
        on_board(msg, |request| request.agent_supported_protocol_versions.clear())
    }),
    Fault::say("R-NOT.5-tells-who", |_, msg| on_board(msg, |request| request.serial_number.clear())),
    Fault::say("R-NOT.6-wants-an-answer", |_, msg| notify(msg, |notify| notify.send_resp = false)),
    Fault::say_nth("R-NOT.6-retried", |before, msg| !is_notify(msg) || before == 0),
    Fault::say_nth("R-NOT.6a-retried-again", |before, msg| !is_notify(msg) || before < 2),
    Fault::say("R-NOT.7-no-subscription", |_, msg| {
        notify(msg, |notify| "boarding".clone_into(&mut notify.subscription_id))
    }),
    Fault::hear("R-NOT.3-on-board-is-delivered", |msg| {
        !matches!(msg.body, Body::Response(Response::NotifyResp(_)))
    }),
];

fn is_notify(msg: &Msg) -> bool {
    matches!(msg.body, Body::Request(Request::Notify(_)))
}

fn is_on_board(msg: &Msg) -> bool {
    let Body::Request(Request::Notify(Notify { notification, .. })) = &msg.body else { return false };
    matches!(notification, Some(Notification::OnBoardReq(_)))
}

fn on_board(msg: &mut Msg, change: impl Fn(&mut usp_proto::notify::OnBoardRequest)) -> bool {
    notify(msg, |notify| {
        if let Some(Notification::OnBoardReq(request)) = &mut notify.notification {
            change(request);
        }
    })
}

/// Takes one text for another in the list of a subscription.
fn reference(msg: &mut Msg, from: &str, to: &str) -> bool {
    on!(Request::Add, msg, add => {
        let settings = add.create_objs.iter_mut().flat_map(|object| &mut object.param_settings);
        let lists = settings.filter(|setting| setting.param == "ReferenceList");
        lists.for_each(|setting| setting.value = setting.value.replace(from, to));
    })
}
