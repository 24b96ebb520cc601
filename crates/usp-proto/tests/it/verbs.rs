//! What the structs of single verbs say about themselves.

use std::collections::BTreeMap;

use requirement::requirement;
use usp_proto::add::CreatedObjectResult;
use usp_proto::delete::DeletedObjectResult;
use usp_proto::get::{Get, ResolvedPathResult};
use usp_proto::get_supported_protocol::{GetSupportedProtocol, GetSupportedProtocolResp};
use usp_proto::notify::{Event, Notification, Notify, OperationComplete};
use usp_proto::operate::{CommandStatus, OperationResult};
use usp_proto::set::UpdatedObjectResult;
use usp_proto::{Version, get, get_instances};

#[test]
fn depth_of_get() {
    for (max_depth, depth) in
        [(0, None), (1, Some(1)), (0x7fff_ffff, Some(0x7fff_ffff)), (0x8000_0000, None), (u32::MAX, None)]
    {
        assert_eq!(Get::new(["Device."], max_depth).depth(), depth);
    }
}

/// Agents before 1.2 put the parameters of sub-objects under the parent.
#[test]
fn old_and_new_forms_of_get_results_give_the_same_paths() {
    let map = |name: &str| BTreeMap::from([(name.to_owned(), "5".to_owned())]);
    for (object, name) in [
        ("D.I.1.Stats.", "Sent"),
        ("D.I.1.", "Stats.Sent"),
        ("D.I.1", "Stats.Sent"),
        ("", "D.I.1.Stats.Sent"),
    ] {
        let params: Vec<_> = ResolvedPathResult::new(object, map(name))
            .params()
            .map(|(path, value)| (path, value.to_owned()))
            .collect();
        assert_eq!(params, [("D.I.1.Stats.Sent".to_owned(), "5".to_owned())]);
    }
}

#[test]
fn results_say_how_it_went() {
    let made = CreatedObjectResult::success("D.T.", "D.T.3.", Vec::new(), BTreeMap::new());
    assert_eq!(made.status().map(|success| success.instantiated_path.as_str()), Ok("D.T.3."));
    let failed = CreatedObjectResult::failure("D.T.", 7017, "full");
    assert_eq!(failed.status().map_err(|failure| failure.err_code).map(drop), Err(7017));
    let unsaid = CreatedObjectResult { requested_path: "D.T.".into(), oper_status: None };
    assert_eq!(unsaid.status().map_err(|failure| failure.err_code).map(drop), Err(7000));
    let gone = DeletedObjectResult::success("D.T.*.", vec!["D.T.1.".into()], Vec::new());
    assert_eq!(gone.status().map(|success| success.affected_paths.len()), Ok(1));
    let kept = UpdatedObjectResult::failure("D.T.1.", 7021, "", Vec::new());
    assert_eq!(kept.status().map_err(|failure| failure.err_code).map(drop), Err(7021));
    let result = OperationResult::failed("D.R()", 7022, "no");
    assert!(matches!(result.status(), CommandStatus::Failed(failure) if failure.err_code == 7022));
    let result = OperationResult::running("D.P()", "D.LocalAgent.Request.1.");
    assert_eq!(result.status(), CommandStatus::Running("D.LocalAgent.Request.1."));
    assert_eq!(get::RequestedPathResult::failure("D.X", 7026, "").err_code, 7026);
    assert_eq!(get_instances::RequestedPathResult::success("D.T.", Vec::new()).err_code, 0);
}

#[requirement("R-NOT.10")]
#[test]
fn the_answer_to_a_notification_echoes_its_subscription() {
    let event = Notification::Event(Event { event_name: "Boot!".into(), ..Event::default() });
    assert_eq!(Notify::new("sub-7", true, event).response().subscription_id, "sub-7");
    let request = Notification::OnBoardReq(usp_proto::notify::OnBoardRequest::default());
    assert_eq!(Notify::new("", true, request).response().subscription_id, "");
}

#[test]
fn a_complete_command_without_outputs_is_a_success() {
    assert_eq!(OperationComplete::default().status(), Ok(None));
}

#[test]
fn lists_of_versions_travel() {
    let request = GetSupportedProtocol::new(&Version::SUPPORTED);
    assert_eq!(request.controller_supported_protocol_versions, "1.0,1.1,1.2,1.3,1.4");
    let answer = GetSupportedProtocolResp { agent_supported_protocol_versions: "1.0, 1.3 ,x,1.2".into() };
    assert_eq!(answer.versions(), [Version::new(1, 0), Version::new(1, 3), Version::new(1, 2)]);
}
