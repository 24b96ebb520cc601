//! What the Broker's machine says to services.

use std::time::Duration;

use bytes::Bytes;
use dm::model::{ModelBuilder, ObjectDef};
use dm::operation::Get;
use dm::schema::Protocol;
use dm::{Mono, Now, Operation, Outcome};
use requirement::requirement;
use usp_endpoint::broker::Broker;
use usp_endpoint::broker::io::{Failure, Input, Output, Ticket};
use usp_endpoint::limits::{MAX_REGISTERED_PATHS, MAX_SERVICE_REQUESTS, MAX_SERVICES, MAX_UNANSWERED};
use usp_endpoint::link::{Inbound, LinkId, PeerAuth, ReturnPath};
use usp_proto::get::GetResp;
use usp_proto::notify::{Notification, Notify, ValueChange};
use usp_proto::register::{Deregister, Register};
use usp_proto::{Body, EndpointId, Msg, Record, RecordType, Request, Response, Version};

const AGENT: &str = "proto::agent";
const A: LinkId = LinkId(1);
const B: LinkId = LinkId(2);

fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).unwrap()
}

fn name(link: LinkId) -> EndpointId {
    id(&format!("proto::service{}", link.0))
}

struct World {
    broker: Broker,
    now: Mono,
}

impl World {
    /// With two services.
    fn new() -> World {
        let mut own = ModelBuilder::new("urn:example:own", Protocol::Usp);
        for path in ["Device.LocalAgent.", "Device.Net.Interface.{i}.Stats."] {
            own.object(path, ObjectDef::default()).unwrap();
        }
        let mut world = World { broker: Broker::new(id(AGENT), own.build(), [7; 32]), now: Mono(0) };
        for link in [A, B] {
            assert!(world.connect(name(link), link).is_empty());
        }
        world
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.broker.handle(Now { mono: self.now, utc: None }, input);
        std::iter::from_fn(|| self.broker.poll_output()).collect()
    }

    fn connect(&mut self, endpoint: EndpointId, link: LinkId) -> Vec<Output> {
        self.input(Input::LinkUp { endpoint, return_path: ReturnPath::Uds(link) })
    }

    fn record(&mut self, link: LinkId, record: Bytes) -> Vec<Output> {
        let return_path = ReturnPath::Uds(link);
        self.input(Input::Record(Inbound { link, peer: PeerAuth::Local { uid: 0 }, return_path, record }))
    }

    fn say(&mut self, link: LinkId, msg: &Msg) -> Vec<Output> {
        let record = Record::message(&name(link), &id(AGENT), Version::CURRENT, msg.encode());
        self.record(link, record.encode())
    }

    /// The answer's body, and what else came of it.
    fn ask(&mut self, link: LinkId, request: Request) -> (Body, Vec<Output>) {
        let mut outputs = self.say(link, &Msg::request("asked", request));
        let msg = sent(&outputs.remove(0), link);
        assert_eq!(msg.msg_id, "asked");
        (msg.body, outputs)
    }

    /// The code of each path, or the Error's.
    fn register(&mut self, link: LinkId, paths: &[&str], allow_partial: bool) -> Result<Vec<u32>, u32> {
        match self.ask(link, Request::Register(Register::new(paths.iter().copied(), allow_partial))).0 {
            Body::Response(Response::RegisterResp(resp)) => {
                let results = resp.registered_path_results.iter();
                Ok(results.map(|result| result.status().map_or_else(|(code, _)| code, |_| 0)).collect())
            }
            Body::Error(error) => Err(error.err_code),
            other => panic!("{other:?}"),
        }
    }

    fn deregister(&mut self, link: LinkId, paths: &[&str]) -> Vec<Result<Vec<String>, u32>> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        match self.ask(link, Request::Deregister(Deregister { paths })).0 {
            Body::Response(Response::DeregisterResp(resp)) => {
                let results = resp.deregistered_path_results.iter();
                results
                    .map(|result| result.status().map(<[String]>::to_vec).map_err(|(code, _)| code))
                    .collect()
            }
            other => panic!("{other:?}"),
        }
    }

    /// Asks a service; gives the message id, unless it was not asked.
    fn submit(&mut self, ticket: u64, link: LinkId) -> Result<String, Failure> {
        let get = Get { paths: vec!["Device.X_A.".to_owned()], max_depth: 0 };
        let deadline = self.now + Duration::from_secs(5);
        let submit = Input::Submit { ticket: Ticket(ticket), link, operation: Operation::Get(get), deadline };
        match &self.input(submit)[..] {
            [Output::Answered { answer: Err(failure), .. }] => Err(failure.clone()),
            [output] => Ok(sent(output, link).msg_id),
            other => panic!("{other:?}"),
        }
    }
}

fn sent(output: &Output, link: LinkId) -> Msg {
    let Output::Send(outbound) = output else { panic!("{output:?}") };
    assert_eq!(outbound.return_path, ReturnPath::Uds(link));
    let record = Record::decode(outbound.record.clone()).unwrap();
    assert_eq!((record.from_id, record.to_id), (id(AGENT), name(link)));
    let RecordType::NoSession { payload } = record.record_type else { panic!("no message") };
    Msg::decode(&payload).unwrap()
}

/// Tickets and whether they were answered.
fn answered(outputs: &[Output]) -> Vec<(u64, Result<(), Failure>)> {
    let answers = outputs.iter().filter_map(|output| match output {
        Output::Answered { ticket, answer } => Some((ticket.0, answer.clone().map(drop))),
        _ => None,
    });
    answers.collect()
}

fn closes(outputs: &[Output], link: LinkId) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Close { link: closed, .. } if *closed == link))
}

#[requirement("R-REG.0", "R-REG.1")]
#[test]
fn what_may_be_registered() {
    for (path, code) in [
        ("Device.X_A.", 0),
        ("Device.Net.X_A.", 0),
        ("Device.X_B.", 7029),
        ("Device.X_B.Below.", 7029),
        ("Device.", 7029),
        ("Device.Net.", 7029),
        ("Device.Net.Interface.", 7029),
        ("Device.Net.Interface.X_A.", 7029),
        ("Device.Net.Interface.X_A.Below.", 7029),
        ("Device.LocalAgent.X_A.", 7029),
        ("Device.USPServices.", 7029),
        ("Device.X_A.1.", 7028),
        ("Device.X_A.{i}.", 7028),
        ("Device.X_A.*.", 7028),
        ("Device.X_A.Level", 7028),
        ("Device.X_A.Work()", 7028),
        ("Other.X_A.", 7028),
        ("", 7028),
    ] {
        let mut world = World::new();
        assert_eq!(world.register(B, &["Device.X_B."], false), Ok(vec![0]));
        assert_eq!(world.register(A, &["Device.X_C.", path], true), Ok(vec![0, code]), "{path}");
        let mut world = World::new();
        world.register(B, &["Device.X_B."], false).unwrap();
        let whole = if code == 0 { Ok(vec![0, 0]) } else { Err(code) };
        assert_eq!(world.register(A, &["Device.X_C.", path], false), whole, "{path}");
        // Nothing of a message that failed stands.
        let left = world.deregister(A, &["Device.X_C."]);
        assert_eq!(left[0].is_ok(), code == 0, "{path}");
    }
}

#[test]
fn a_service_registers_what_it_is_trusted_with() {
    let mut world = World::new();
    let part = dm::path::SchemaPath::parse("Device.X_A.").unwrap();
    let mut own = ModelBuilder::new("urn:example:own", Protocol::Usp);
    own.object("Device.Net.", ObjectDef::default()).unwrap();
    let broker = Broker::new(id(AGENT), own.build(), [7; 32]);
    world.broker = broker.with_trust([(name(A), vec![part])].into());
    for link in [A, B] {
        assert!(world.connect(name(link), link).is_empty());
    }
    let paths = ["Device.X_A.", "Device.X_B.", "Device.X_AB."];
    assert_eq!(world.register(A, &paths, true), Ok(vec![0, 7006, 7006]));
    assert_eq!(world.deregister(A, &["Device.X_A."]), [Ok(vec!["Device.X_A.".to_owned()])]);
    assert_eq!(world.register(A, &["Device.X_A.Below."], false), Ok(vec![0]));
    assert_eq!(world.register(A, &paths, false), Err(7028));
    assert_eq!(world.register(B, &["Device.X_B."], false), Err(7006));
}

#[test]
fn news_of_parts_follow_the_answer() {
    let mut world = World::new();
    let register = Register::new(["Device.X_A.", "Device.X_C.", "Device.X_A."], true);
    let (_, news) = world.ask(A, Request::Register(register.clone()));
    let [Output::Registered { link: A, paths }] = &news[..] else { panic!("{news:?}") };
    let texts: Vec<&str> = paths.iter().map(|path| path.as_str()).collect();
    assert_eq!(texts, ["Device.X_A.", "Device.X_C."]);
    // Once more: it stands, and nothing is new.
    let (body, news) = world.ask(A, Request::Register(register));
    assert!(matches!(body, Body::Response(Response::RegisterResp(_))) && news.is_empty(), "{news:?}");
    let news = world.input(Input::LinkDown(A));
    assert!(matches!(&news[..], [Output::Deregistered { link: A, paths }] if paths.len() == 2), "{news:?}");
    assert_eq!(world.register(B, &["Device.X_A."], false), Ok(vec![0]));
}

#[requirement("R-DEREG.2", "R-DEREG.4")]
#[test]
fn who_registered_it_withdraws_it() {
    let mut world = World::new();
    world.register(A, &["Device.X_A.", "Device.X_C."], false).unwrap();
    world.register(B, &["Device.X_B."], false).unwrap();
    let mine = |path: &str| Ok(vec![path.to_owned()]);
    let results = world.deregister(A, &["Device.X_B.", "Device.X_C.", "Device.X_C.", "Device.Net.", "junk"]);
    assert_eq!(results, [Err(7031), mine("Device.X_C."), Err(7030), Err(7030), Err(7030)]);
    assert_eq!(world.deregister(A, &[""]), [mine("Device.X_A.")]);
    assert_eq!(world.deregister(A, &[""]), [Ok(Vec::new())]);
    assert_eq!(world.deregister(B, &["Device.X_B."]), [mine("Device.X_B.")]);
}

#[test]
fn a_disconnect_record_withdraws_everything() {
    let mut world = World::new();
    world.register(A, &["Device.X_A."], false).unwrap();
    let record = Record::disconnect(&name(A), &id(AGENT), Version::CURRENT, 7105, "bye").encode();
    let news = world.record(A, record);
    assert!(matches!(&news[..], [Output::Deregistered { link: A, .. }]), "{news:?}");
}

#[requirement("R-MSG.9")]
#[test]
fn answers_are_matched_by_id() {
    let mut world = World::new();
    let (first, second) = (world.submit(1, A).unwrap(), world.submit(2, A).unwrap());
    assert_ne!(first, second);
    let response = |id: &str| Msg::response(id, Response::GetResp(GetResp::default()));
    // Of an unknown id, and of another service: nobody's.
    assert!(answered(&world.say(A, &response("made-up"))).is_empty());
    assert!(answered(&world.say(B, &response(&first))).is_empty());
    assert_eq!(answered(&world.say(A, &response(&second))), [(2, Ok(()))]);
    assert!(answered(&world.say(A, &response(&second))).is_empty());
    let wrong = Msg::response(first, Response::DeregisterResp(Default::default()));
    let answers = answered(&world.say(A, &wrong));
    assert!(matches!(&answers[..], [(1, Err(Failure::BadAnswer(_)))]), "{answers:?}");
}

#[test]
fn an_error_is_an_outcome() {
    let mut world = World::new();
    let asked = world.submit(1, A).unwrap();
    let outputs = world.say(A, &Msg::error(asked, usp_proto::ErrorBody::new(7006, "no")));
    let [Output::Answered { answer: Ok(Outcome::Failed(failure)), .. }] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    assert_eq!(failure.fault.code.0, 7006);
}

#[test]
fn who_does_not_answer_is_waited_for_and_then_disconnected() {
    let mut world = World::new();
    for round in 1..=MAX_UNANSWERED {
        world.submit(u64::from(round), A).unwrap();
        world.submit(100 + u64::from(round), B).unwrap();
        let due = world.broker.poll_timeout().unwrap();
        assert_eq!(due, world.now + Duration::from_secs(5));
        // The other one answers meanwhile.
        let other = world.submit(200 + u64::from(round), B).unwrap();
        assert_eq!(
            answered(&world.say(B, &Msg::response(other, Response::GetResp(GetResp::default())))).len(),
            1
        );
        world.now = due;
        let outputs = world.input(Input::Timeout);
        assert!(answered(&outputs).contains(&(u64::from(round), Err(Failure::TimedOut))), "{outputs:?}");
        assert_eq!(closes(&outputs, A), round == MAX_UNANSWERED);
        assert!(!closes(&outputs, B));
    }
}

#[test]
fn a_lost_link_ends_what_waits() {
    let mut world = World::new();
    world.submit(1, A).unwrap();
    assert_eq!(answered(&world.input(Input::LinkDown(A))), [(1, Err(Failure::Gone))]);
    assert_eq!(world.submit(2, A), Err(Failure::Gone));
    assert_eq!(world.broker.poll_timeout(), None);
}

#[test]
fn limits_are_held() {
    let mut world = World::new();
    for ticket in 0..MAX_SERVICE_REQUESTS as u64 {
        world.submit(ticket, A).unwrap();
    }
    assert_eq!(world.submit(1000, A), Err(Failure::Busy));
    assert!(world.submit(1001, B).is_ok());
    let paths: Vec<String> = (0..=MAX_REGISTERED_PATHS).map(|number| format!("Device.X_{number}.")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    assert_eq!(world.register(A, &paths, true), Err(7005));
    assert!(world.register(A, &paths[1..], false).is_ok());
    assert_eq!(world.register(A, &paths[..1], true), Ok(vec![7005]));
    for number in 3..=MAX_SERVICES as u64 {
        assert!(world.connect(name(LinkId(number)), LinkId(number)).is_empty());
    }
    let last = LinkId(MAX_SERVICES as u64 + 1);
    assert!(closes(&world.connect(name(last), last), last));
}

#[test]
fn an_id_is_at_one_place_at_a_time() {
    let mut world = World::new();
    let twin = LinkId(9);
    assert!(closes(&world.connect(name(A), twin), twin));
    assert!(world.input(Input::LinkDown(twin)).is_empty(), "it was nobody");
    assert!(closes(&world.connect(id(AGENT), twin), twin), "nor is it the Broker's");
    world.input(Input::LinkDown(A));
    assert!(world.connect(name(A), twin).is_empty());
}

#[test]
fn records_that_can_not_be_read_or_are_anothers_end_the_link() {
    let mut world = World::new();
    let outputs = world.record(A, Bytes::from_static(b"junk"));
    assert!(closes(&outputs, A), "{outputs:?}");
    let msg = Msg::request("1", Request::Register(Register::new(["Device.X_B."], true)));
    let forged = Record::message(&name(B), &id(AGENT), Version::CURRENT, msg.encode()).encode();
    let outputs = world.record(A, forged);
    assert!(closes(&outputs, A) && outputs.len() == 1, "{outputs:?}");
    // What is for somebody else is ignored.
    let stray = Record::message(&name(A), &id("proto::other"), Version::CURRENT, msg.encode()).encode();
    let outputs = world.record(A, stray);
    assert!(matches!(&outputs[..], [Output::Noticed(_)]), "{outputs:?}");
}

#[test]
fn a_notification_is_acknowledged_if_it_wants_that() {
    let mut world = World::new();
    for send_resp in [true, false] {
        let change = Notification::ValueChange(ValueChange::default());
        let request = Request::Notify(Notify::new("one", send_resp, change));
        let outputs = world.say(A, &Msg::request("n", request));
        assert_eq!(outputs.len(), 1 + usize::from(send_resp));
        assert!(matches!(outputs.last(), Some(Output::Notified { link: A, .. })), "{outputs:?}");
    }
}

#[requirement("R-MSG.1")]
#[test]
fn what_only_controllers_ask_is_refused() {
    let mut world = World::new();
    let (body, _) = world.ask(A, Request::Get(Default::default()));
    let Body::Error(error) = body else { panic!("{body:?}") };
    assert_eq!(error.err_code, 7001);
}
