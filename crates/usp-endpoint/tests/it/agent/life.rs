//! The end of an agent's life, and a supported model that changes in the middle of it.

use std::sync::Arc;
use std::time::Duration;

use dm::Operation;
use dm::operation::Operate;
use requirement::requirement;
use usp_endpoint::agent::io::{CloseReason, Input};
use usp_proto::link::{LinkId, PeerAuth, PeerCertificate};

use super::host::{Host, ONE, TWO, id};
use super::writes::set;

#[test]
#[requirement("R-MTP.7", "R-MTP.9")]
fn a_shutdown_is_told_on_every_connection_and_is_the_last_word() {
    let mut host = Host::new();
    host.subscribe(1, 1, "ValueChange", "Device.Info.", &[("NotifRetry", "true")]);
    host.start();
    host.link(1, ONE);
    host.link(2, TWO);
    host.link(3, "self::stranger");
    host.hold = true;
    host.ask(set(false, &[("Device.Info.", &["Name=x"])]));
    host.news();
    host.input(Input::Shutdown);
    // A stranger heard no Connect record, and hears no Disconnect record.
    assert_eq!(host.news(), ["1 Disconnect 7105", "1 close", "2 Disconnect 7105", "2 close", "3 close"]);
    assert_eq!(host.closed.last(), Some(&(3, CloseReason::GoingAway)));
    assert_eq!(host.machine.poll_timeout(), None);
    // R-MTP.8: what ends or begins now is told to nobody.
    host.commit();
    host.change("Device.Info.", "Name", "y");
    host.link(4, ONE);
    host.ask_as(4, ONE, set(false, &[("Device.Info.", &["Name=z"])]));
    host.pass(Duration::from_secs(60));
    host.input(Input::LinkDown(LinkId(1)));
    assert_eq!(host.news(), [""; 0]);
}

#[test]
#[requirement("R-MTP.7")]
fn a_controller_that_is_not_served_any_more_is_told_before_the_close() {
    let mut host = Host::running();
    host.change("Device.LocalAgent.Controller.2.", "Enable", "false");
    assert_eq!(host.news(), ["2 Disconnect 7105", "2 close"]);
    assert_eq!(host.closed, [(2, CloseReason::ControllerGone)]);
}

/// The newer connection is the one that stands most likely; but nobody is pushed out by a stranger.
#[test]
#[requirement("R-WS.4")]
fn a_controller_has_one_websocket() {
    let certificate = |name: &str| {
        let endpoint_ids = vec![id(name)];
        PeerAuth::Certificate(Arc::new(PeerCertificate {
            endpoint_ids,
            trusted: true,
            ..PeerCertificate::default()
        }))
    };
    let mut host = Host::running();
    host.link_as(3, ONE, certificate(TWO));
    assert_eq!(host.closed, [], "its certificate is not that of the controller that it calls itself");
    host.link_as(4, ONE, certificate(ONE));
    assert_eq!(host.closed, [(1, CloseReason::Replaced), (3, CloseReason::Replaced)]);
    assert_eq!(host.news(), ["3 WebSocketConnect", "1 close", "3 close", "4 WebSocketConnect"]);
    // Who proves nothing does not push out who has proven it, whatever it calls itself.
    host.link_as(5, ONE, PeerAuth::Unproven);
    assert_eq!(host.closed.len(), 2);
    host.link_as(6, TWO, PeerAuth::Unproven);
    assert_eq!(host.closed[2..], [(2, CloseReason::Replaced)], "nobody proved anything");
    host.news();
    // The end of the old one is no news, and the other controller keeps its own.
    host.input(Input::LinkDown(LinkId(1)));
    let get = || Operation::Get(dm::operation::Get { paths: vec!["Device.Info.Load".into()], max_depth: 0 });
    assert_eq!(host.ask_as(4, ONE, get()), "Device.Info.Load => Device.Info.[Load=7]");
    assert_eq!(host.ask_as(6, TWO, get()), "Device.Info.Load => Device.Info.[Load=7]");
}

/// All objects stand elsewhere in the new model: what runs, waits or watches goes on.
#[test]
fn a_new_supported_model_interrupts_nothing() {
    let mut host = Host::new();
    host.subscribe(1, 1, "OperationComplete", "Device.Net.Interface.3.Reset()", &[]);
    host.subscribe(2, 1, "ValueChange", "Device.Info.Load", &[]);
    host.start();
    host.link(1, ONE);
    let reset = |command: &str| {
        let command = command.to_owned();
        Operation::Operate(Operate { command, command_key: "k".into(), send_resp: true, args: Vec::new() })
    };
    let answer = "Device.Net.Interface.3.Reset() => Device.LocalAgent.Request.1.";
    assert_eq!(host.ask(reset("Device.Net.Interface.3.Reset()")), answer);
    assert_eq!(host.watched, ["Device.Info."]);
    host.news();
    host.remodel(
        "Device.Aaa. object usp=2.0\nDevice.Aaa.Row.{i}. object usp=2.0 entries=0:\n\
         Device.Aaa.Row.{i}.Key param usp=2.0 access=readOnly type=string\n",
    );
    assert_eq!(host.watched, ["Device.Info."], "by the places of the new model");
    assert_eq!(host.news(), [""; 0]);
    host.change("Device.Info.", "Load", "8");
    assert_eq!(host.news(), ["1 s2 Device.Info.Load=8"]);
    let (ticket, _, _) = host.runs.remove(0);
    host.input(Input::CommandEnded { ticket, result: Ok(Vec::new()) });
    assert_eq!(host.news(), ["1 s1 Device.Net.Interface.3.Reset() k []"]);
    assert_eq!(host.rows("Device.LocalAgent.Request."), [0; 0]);
    host.fill("Device.Aaa.Row.1.", &[("Key", "a")]);
    let get = Operation::Get(dm::operation::Get { paths: vec!["Device.Aaa.".to_owned()], max_depth: 0 });
    assert_eq!(host.ask(get), "Device.Aaa. => Device.Aaa.Row.1.[Key=a]");
}
