//! Devices that are agent and controller under one endpoint id, and manage each other.

use std::sync::Arc;

use dm::operation::{Get, Requested};
use dm::{Mono, Now, Operation, Outcome};
use requirement::requirement;
use usp_endpoint::controller::io::{Input, Output, Ticket};
use usp_endpoint::controller::{ControllerConfig, ControllerMachine};
use usp_proto::link::{Contact, Inbound, LinkId, PeerAuth, ReturnPath};
use usp_proto::{Record, Version};

use super::agent::host::{AGENT, Host, ONE, id};

fn controller(of: &str, agent: &str) -> ControllerMachine {
    let config = ControllerConfig::new(id(of));
    ControllerMachine::new(Arc::new(config), id(agent), [7; 32])
}

fn outputs(machine: &mut ControllerMachine, input: Input) -> Vec<Output> {
    machine.handle(Now { mono: Mono(0), utc: None }, input);
    std::iter::from_fn(|| machine.poll_output()).collect()
}

/// [`ONE`] names a device whose agent is managed by the controller of another device, while its controller
/// manages that one's agent. Neither takes the other's part for its own.
#[test]
#[requirement("R-ARC.0", "R-ARC.1")]
fn an_agent_and_a_controller_share_an_id() {
    // Here: the agent of AGENT, and the controller of AGENT, which manages the agent of ONE.
    let mut agent = Host::running();
    let mut own = controller(AGENT, ONE);
    // There: the controller of ONE, which manages the agent of AGENT.
    let mut there = controller(ONE, AGENT);
    let (up, down) = (LinkId(1), LinkId(7));
    let inbound = |link, record| {
        Input::Record(Inbound {
            link,
            peer: PeerAuth::Unproven,
            return_path: ReturnPath::WebSocket(link),
            record,
        })
    };
    for (machine, link, from, to) in [(&mut there, up, AGENT, ONE), (&mut own, down, ONE, AGENT)] {
        let return_path = ReturnPath::WebSocket(link);
        outputs(
            machine,
            Input::LinkUp { return_path, contact: Contact::default(), peer: PeerAuth::Unproven },
        );
        let connect = Record::websocket_connect(&id(from), &id(to), Version::CURRENT);
        let opened = outputs(machine, inbound(link, connect.encode()));
        assert!(matches!(opened[..], [Output::Connected]), "{opened:?}");
    }
    let operation = Operation::Get(Get { paths: vec!["Device.Info.Load".to_owned()], max_depth: 0 });
    let submit = |machine: &mut ControllerMachine| {
        let (ticket, deadline) = (Ticket(1), Mono(10_000_000));
        let sent = outputs(machine, Input::Submit { ticket, operation: operation.clone(), deadline });
        match &sent[0] {
            Output::Send(outbound) => outbound.record.clone(),
            other => panic!("{other:?}"),
        }
    };
    // Both ask under the same message id; each request goes to the agent that it is for.
    let (request, other) = (submit(&mut there), submit(&mut own));
    agent.bytes(1, request);
    assert_eq!(agent.news(), ["1 Device.Info.Load => Device.Info.[Load=7]"]);
    // A Record of AGENT's own controller for the agent of ONE is not for AGENT's agent.
    agent.bytes(1, other);
    assert_eq!(agent.news(), [""; 0]);
    let answered = outputs(&mut there, inbound(up, agent.sent[agent.sent.len() - 1].clone()));
    let [Output::Answered { ticket: Ticket(1), outcome: Outcome::Get(results) }] = &answered[..] else {
        panic!("{answered:?}")
    };
    assert!(matches!(&results[..], [Requested { result: Ok(objects), .. }] if objects[0].params[0].1 == "7"));
    assert_eq!((there.outstanding(), own.outstanding()), (0, 1));
}

#[test]
#[requirement("R-ARC.2")]
fn nobody_talks_to_his_own_id() {
    let mut machine = controller(AGENT, AGENT);
    let return_path = ReturnPath::WebSocket(LinkId(1));
    let outputs = outputs(
        &mut machine,
        Input::LinkUp { return_path, contact: Contact::default(), peer: PeerAuth::Unproven },
    );
    assert!(matches!(outputs[..], [Output::Close { link: LinkId(1), .. }]), "{outputs:?}");
    assert_eq!(machine.link(), None);
    // An agent neither answers itself, nor greets itself although it stands in its table.
    let mut host = Host::new();
    super::agent::host::put(&mut host.tree, "Device.LocalAgent.Controller.1.", "EndpointID", AGENT);
    host.start();
    host.link(1, AGENT);
    let get = usp_proto::Request::Get(usp_proto::get::Get::new(["Device.Info.Load"], 0));
    let payload = usp_proto::Msg::request("m", get).encode();
    host.record(1, &Record::message(&id(AGENT), &id(AGENT), Version::CURRENT, payload));
    assert_eq!(host.news(), [""; 0]);
}
