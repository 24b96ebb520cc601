//! Onboarding: what is asked, what is learned, what stands on the agent afterwards.

use dm::Outcome;
use usp_endpoint::controller::io::{Input, Learned, OnboardingPlan, Output, Subscription, Ticket};
use usp_proto::get_supported_dm::{GetSupportedDmResp, RequestedObjectResult, SupportedObjectResult};
use usp_proto::{Msg, Record, RecordType, Response};

use super::bench::Bench;
use super::peer::{Peer, Quirks, Small};

const SUBSCRIPTIONS: &str = "Device.LocalAgent.Subscription.";
const SUBSCRIPTION: [&str; 7] =
    ["ID", "NotifType", "ReferenceList", "Enable", "Persistent", "NotifRetry", "Recipient"];

pub(crate) fn plan() -> OnboardingPlan {
    let subscription = |id: &str, notif_type: &str, reference_list: &str| Subscription {
        id: id.to_owned(),
        notif_type: notif_type.to_owned(),
        reference_list: reference_list.to_owned(),
        persistent: true,
        retry: true,
    };
    OnboardingPlan {
        read: vec!["Device.DeviceInfo.".to_owned(), "Device.LocalAgent.".to_owned()],
        schema: true,
        instances: true,
        subscriptions: vec![
            subscription("cusp-boot", "Event", "Device.Boot!"),
            subscription("cusp-values", "ValueChange", "Device.DeviceInfo.,Device.LocalAgent."),
        ],
        id_prefix: "cusp-".to_owned(),
        boot_parameters: vec!["Device.DeviceInfo.SerialNumber".to_owned()],
        complete: true,
        ..OnboardingPlan::default()
    }
}

/// What is left of a plan without its reads.
fn writes_only() -> OnboardingPlan {
    OnboardingPlan { read: Vec::new(), schema: false, instances: false, ..plan() }
}

/// A bench, an agent, and what happens between them.
pub(crate) struct World {
    pub(crate) bench: Bench,
    pub(crate) peer: Peer,
    pub(crate) log: Vec<String>,
    learned: Vec<Learned>,
    /// Whose ends have been told.
    pub(crate) ended: Vec<Ticket>,
    /// After how many requests the connection is lost, again and again.
    cut_every: Option<usize>,
}

impl World {
    pub(crate) fn new(quirks: Quirks) -> World {
        let (bench, peer) = (Bench::connected(), Peer::new(quirks));
        World { bench, peer, log: Vec::new(), learned: Vec::new(), ended: Vec::new(), cut_every: None }
    }

    /// Onboards after this plan, to the end.
    pub(crate) fn onboard(&mut self, plan: OnboardingPlan) {
        self.drive(Input::Onboard(plan));
    }

    /// Answers what follows from an input, until onboarding ends or nothing is left to do.
    pub(crate) fn drive(&mut self, input: Input) {
        self.log.clear();
        let mut outputs = self.bench.outputs(input);
        let mut sent = 0;
        loop {
            let mut answers = Vec::new();
            for output in outputs.drain(..) {
                self.log.push(self.bench.show(&output));
                match output {
                    Output::Send(outbound) => answers.extend(self.answer(outbound.record)),
                    Output::Learned(learned) => self.learned.push(learned),
                    Output::Onboarded { ticket, .. } | Output::Reconciled { ticket, .. } => {
                        return self.ended.push(ticket);
                    }
                    _ => {}
                }
            }
            sent += answers.len();
            if self.cut_every.is_some_and(|every| sent >= every) {
                // What the agent did is done, and its answer is lost.
                sent = 0;
                self.log.extend(self.bench.link_down());
                self.bench.link_up();
                let record = RecordType::WebSocketConnect;
                outputs.extend(self.connect(record));
                continue;
            }
            match answers.pop() {
                Some(msg) => outputs.extend(self.connect(RecordType::NoSession { payload: msg.encode() })),
                None if self.bench.machine.is_idle() => return,
                None => {
                    self.bench.now =
                        self.bench.machine.poll_timeout().expect("onboarding waits for something");
                    outputs.extend(self.bench.outputs(Input::Timeout));
                }
            }
            assert!(self.log.len() < 500, "onboarding goes on for ever: {:#?}", self.log);
        }
    }

    fn answer(&mut self, record: bytes::Bytes) -> Option<Msg> {
        let record = Record::decode(record).expect("the machine's own Record");
        let RecordType::NoSession { payload } = record.record_type else { return None };
        self.peer.answer(Msg::decode(&payload).expect("the machine's own Msg"))
    }

    fn connect(&mut self, record_type: RecordType) -> Vec<Output> {
        let input = self.bench.inbound(record_type);
        self.bench.outputs(input)
    }

    pub(crate) fn subscriptions(&self) -> Vec<String> {
        self.peer.rows(SUBSCRIPTIONS, &SUBSCRIPTION)
    }
}

const BOOT: &str = "cusp-boot Event Device.Boot! true true true Device.LocalAgent.Controller.2";
const VALUES: &str = "cusp-values ValueChange Device.DeviceInfo.,Device.LocalAgent. true true true \
                      Device.LocalAgent.Controller.2";

#[test]
fn a_fresh_agent_step_by_step() {
    let mut world = World::new(Quirks::default());
    world.onboard(plan());
    let boot = "{Enable=true ID=cusp-boot NotifType=Event ReferenceList=Device.Boot! Persistent=true \
                NotifRetry=true}";
    let values = "{Enable=true ID=cusp-values NotifType=ValueChange \
                  ReferenceList=Device.DeviceInfo.,Device.LocalAgent. Persistent=true NotifRetry=true}";
    let expected = [
        "send #1 GetSupportedProtocol 1.0,1.1,1.2,1.3,1.4",
        "learned protocols 1.0,1.3",
        "send #2 Get Device.DeviceInfo. Device.LocalAgent.",
        "learned values Get Device.DeviceInfo.=2 Device.LocalAgent.=5",
        "send #3 GetSupportedDM Device.",
        "learned schema GetSchema Device.=7",
        "send #4 GetInstances Device.LocalAgent.Controller. Device.LocalAgent.Subscription.",
        "learned instances GetInstances Device.LocalAgent.Controller.=2 Device.LocalAgent.Subscription.=0",
        "send #5 Get Device.LocalAgent.Controller.[EndpointID==\"proto::controller\"].EndpointID",
        "learned own row Device.LocalAgent.Controller.2.",
        "send #6 Get Device.LocalAgent.Subscription.",
        &format!("send #7 Add {SUBSCRIPTIONS}{boot} {SUBSCRIPTIONS}{values}"),
        "send #8 Get Device.LocalAgent.Subscription.",
        "send #9 Get Device.LocalAgent.Controller.2.BootParameter.",
        "send #10 Add Device.LocalAgent.Controller.2.BootParameter.\
         {Enable=true ParameterName=Device.DeviceInfo.SerialNumber}",
        "send #11 Set Device.LocalAgent.Controller.2.{OnBoardingComplete=true}",
        "onboarded",
    ];
    assert_eq!(world.log, expected);
    assert_eq!(world.subscriptions(), [format!("1 {BOOT}"), format!("2 {VALUES}")]);
    let controllers = world.peer.rows("Device.LocalAgent.Controller.", &["OnBoardingComplete"]);
    assert_eq!(controllers, ["1 false", "2 true"], "the other controller's row is untouched");
    assert!(world.bench.machine.is_idle());
}

#[test]
fn an_agent_on_which_all_stands_is_only_read() {
    let mut world = World::new(Quirks::default());
    world.onboard(plan());
    world.onboard(writes_only());
    let expected = [
        "send #12 GetSupportedProtocol 1.0,1.1,1.2,1.3,1.4",
        "learned protocols 1.0,1.3",
        "send #13 Get Device.LocalAgent.Controller.[EndpointID==\"proto::controller\"].EndpointID",
        "learned own row Device.LocalAgent.Controller.2.",
        "send #14 Get Device.LocalAgent.Subscription.",
        "send #15 Get Device.LocalAgent.Controller.2.BootParameter.",
        "send #16 Set Device.LocalAgent.Controller.2.{OnBoardingComplete=true}",
        "onboarded",
    ];
    assert_eq!(world.log, expected);
}

#[test]
fn subscriptions_are_brought_to_what_is_wanted() {
    let mut world = World::new(Quirks::default());
    let own = ("Recipient", "Device.LocalAgent.Controller.2");
    let row = |number: u32| format!("{SUBSCRIPTIONS}{number}.");
    // Another controller's, with an id like ours.
    world.peer.put(&row(1), &[("ID", "cusp-old"), ("Recipient", "Device.LocalAgent.Controller.1")]);
    // A person's, for this controller.
    world.peer.put(&row(2), &[("ID", "mine"), own]);
    // Ours, and not wanted any more.
    world.peer.put(&row(3), &[("ID", "cusp-old"), own]);
    // Ours, as wanted but switched off.
    world.peer.put(
        &row(4),
        &[
            ("ID", "cusp-values"),
            ("NotifType", "ValueChange"),
            ("ReferenceList", "Device.LocalAgent.,Device.DeviceInfo."),
            ("Persistent", "true"),
            ("NotifRetry", "true"),
            own,
        ],
    );
    // Ours, of another content.
    world.peer.put(&row(5), &[("ID", "cusp-boot"), ("NotifType", "Event"), ("Enable", "true"), own]);
    world.onboard(writes_only());
    let writes: Vec<&String> = world.log.iter().filter(|line| line.contains(SUBSCRIPTIONS)).collect();
    let expected = [
        "send #3 Get Device.LocalAgent.Subscription.",
        "send #4 Set Device.LocalAgent.Subscription.4.{Enable=true}",
        // The new row stands before the old one goes.
        "send #5 Add Device.LocalAgent.Subscription.{Enable=true ID=cusp-boot~2 NotifType=Event \
         ReferenceList=Device.Boot! Persistent=true NotifRetry=true}",
        "send #6 Delete Device.LocalAgent.Subscription.3.",
        "send #7 Get Device.LocalAgent.Subscription.",
        "send #8 Delete Device.LocalAgent.Subscription.5.",
        "send #9 Get Device.LocalAgent.Subscription.",
    ];
    assert_eq!(writes, expected);
    let left: Vec<String> = world.peer.rows(SUBSCRIPTIONS, &["ID", "Enable"]);
    assert_eq!(left, ["1 cusp-old false", "2 mine false", "4 cusp-values true", "6 cusp-boot~2 true"]);
}

#[test]
fn subscriptions_that_an_agent_refuses_do_not_stop_it() {
    let mut world = World::new(Quirks::default());
    let mut plan = writes_only();
    plan.subscriptions[0].notif_type = "OperationComplete".to_owned();
    world.onboard(plan);
    assert_eq!(world.log.last().map(String::as_str), Some("onboarded"));
    assert_eq!(world.subscriptions(), [format!("1 {VALUES}")]);
    let left = "noticed: onboarding: the agent does not take all subscriptions";
    assert!(world.log.iter().any(|line| line == left), "{:#?}", world.log);
    // 7021: required parameter failed.
    assert!(world.log.iter().any(|line| line == "learned refused cusp-boot!7021"), "{:#?}", world.log);
}

#[test]
fn quirks() {
    let standard = {
        let mut world = World::new(Quirks::default());
        world.onboard(plan());
        world.subscriptions()
    };
    for (name, quirks) in [
        ("old shape of Get", Quirks { old_get_shape: true, ..Quirks::default() }),
        ("no searches", Quirks { no_search: true, ..Quirks::default() }),
        ("refuses the whole model", Quirks { small: Some(Small::Refuses), ..Quirks::default() }),
        ("is silent about the whole model", Quirks { small: Some(Small::KeepsSilent), ..Quirks::default() }),
        ("no onboarding parameters", Quirks { no_onboarding: true, ..Quirks::default() }),
    ] {
        let mut world = World::new(quirks);
        world.onboard(plan());
        assert_eq!(world.log.last().map(String::as_str), Some("onboarded"), "{name}: {:#?}", world.log);
        assert_eq!(world.subscriptions(), standard, "{name}");
        let own_row = Learned::OwnRow("Device.LocalAgent.Controller.2.".to_owned());
        assert!(world.learned.contains(&own_row), "{name}");
        assert_eq!(memory_total(&world.learned).as_deref(), Some("64"), "{name}");
        let objects = schema_objects(&world.learned);
        let expected = if quirks.no_onboarding { 6 } else { 7 };
        assert_eq!(objects.len(), expected, "{name}: the model is whole: {objects:?}");
    }
}

/// `Device.DeviceInfo.Memory.Total` as the first reads learned it.
fn memory_total(learned: &[Learned]) -> Option<String> {
    let values = learned.iter().find_map(|one| match one {
        Learned::Values(Outcome::Get(results)) => Some(results),
        _ => None,
    })?;
    let objects = values.iter().filter_map(|result| result.result.as_ref().ok()).flatten();
    let memory = objects.into_iter().find(|object| object.path == "Device.DeviceInfo.Memory.")?;
    memory.params.iter().find(|(name, _)| name == "Total").map(|(_, value)| value.clone())
}

fn schema_objects(learned: &[Learned]) -> Vec<String> {
    let schemas: Vec<_> = learned
        .iter()
        .filter_map(|one| match one {
            Learned::Schema(Outcome::GetSchema(results)) => Some(results),
            _ => None,
        })
        .collect();
    assert_eq!(schemas.len(), 1, "the model is handed over once");
    let found = schemas[0].iter().filter_map(|result| result.result.as_ref().ok());
    found.flat_map(|result| &result.objects).map(|object| object.path.clone()).collect()
}

#[test]
fn an_agent_that_does_not_know_us_is_not_onboarded() {
    let mut world = World::new(Quirks::default());
    world.peer.put("Device.LocalAgent.Controller.2.", &[("EndpointID", "proto::third")]);
    world.onboard(writes_only());
    let why = "not onboarded: the agent has no row for proto::controller in Device.LocalAgent.Controller.";
    assert_eq!(world.log.last().map(String::as_str), Some(why));
    assert!(world.subscriptions().is_empty());
}

#[test]
fn a_question_without_answer_is_asked_twice() {
    let mut world = World::new(Quirks::default());
    world.peer.deaf_to = 1;
    world.onboard(writes_only());
    let asked = world.log.iter().filter(|line| line.contains("GetSupportedProtocol")).count();
    assert_eq!(asked, 2);
    assert_eq!(world.log.last().map(String::as_str), Some("onboarded"));
}

#[test]
fn an_agent_that_answers_nothing_is_not_onboarded() {
    let mut world = World::new(Quirks::default());
    world.peer.deaf_to = usize::MAX;
    world.onboard(writes_only());
    let why = "not onboarded: own row among the controllers: no answer";
    assert_eq!(world.log.last().map(String::as_str), Some(why));
}

#[test]
fn writes_without_answer_do_not_go_on_for_ever() {
    let mut world = World::new(Quirks { silent_add: true, ..Quirks::default() });
    world.onboard(writes_only());
    assert_eq!(world.log.last().map(String::as_str), Some("not onboarded: subscriptions: no answer"));
}

#[test]
fn lost_connections_delay_it_and_double_nothing() {
    for every in 2..12 {
        let mut world = World::new(Quirks::default());
        world.cut_every = Some(every);
        world.onboard(plan());
        assert_eq!(world.log.last().map(String::as_str), Some("onboarded"), "{every}: {:#?}", world.log);
        assert_eq!(world.subscriptions().len(), 2, "{every}");
        let boot = world.peer.rows("Device.LocalAgent.Controller.2.BootParameter.", &["Enable"]);
        assert_eq!(boot, ["1 true"], "{every}");
    }
}

#[test]
fn it_waits_for_a_connection() {
    let mut bench = Bench::new();
    assert!(bench.input(Input::Onboard(writes_only())).is_empty());
    let lines = bench.reconnect();
    assert_eq!(lines, ["connected", "send #1 GetSupportedProtocol 1.0,1.1,1.2,1.3,1.4"]);
    // The same plan goes on, and another one takes its place.
    assert!(bench.input(Input::Onboard(writes_only())).is_empty());
    let again = bench.input(Input::Onboard(plan()));
    assert_eq!(again, ["send #2 GetSupportedProtocol 1.0,1.1,1.2,1.3,1.4"]);
    assert_eq!(bench.machine.outstanding(), 1);
}

/// Only the supported model.
fn model_only() -> OnboardingPlan {
    OnboardingPlan { schema: true, ..OnboardingPlan::default() }
}

fn schema_resp(path: &str, objects: Vec<SupportedObjectResult>) -> Response {
    let result = RequestedObjectResult::success(path, "urn:example", objects);
    Response::GetSupportedDmResp(GetSupportedDmResp { req_obj_results: vec![result] })
}

fn supported(path: &str, divergent: &[&str]) -> SupportedObjectResult {
    SupportedObjectResult {
        supported_obj_path: path.to_owned(),
        divergent_paths: divergent.iter().map(|path| (*path).to_owned()).collect(),
        ..SupportedObjectResult::default()
    }
}

#[test]
fn divergent_rows_are_asked_one_by_one() {
    let mut bench = Bench::connected();
    bench.input(Input::Onboard(model_only()));
    // An agent that does not even know this question is asked the next one.
    let lines = bench.refuse(1, 7001);
    let refused = "noticed: onboarding: protocol versions: the message: 7001 no";
    assert_eq!(lines, [refused, "send #2 GetSupportedDM Device."]);
    let mounts = ["Device.Proxied.1.", "Device.Proxied.4."];
    let objects = vec![supported("Device.", &[]), supported("Device.Proxied.{i}.", &mounts)];
    assert_eq!(
        bench.respond(2, schema_resp("Device.", objects)),
        ["send #3 GetSupportedDM Device.Proxied.1."]
    );
    let one = schema_resp(mounts[0], vec![supported("Device.Proxied.{i}.X.", &mounts)]);
    assert_eq!(bench.respond(3, one), ["send #4 GetSupportedDM Device.Proxied.4."]);
    let other = schema_resp(mounts[1], Vec::new());
    let learned = "learned schema GetSchema Device.=2 Device.Proxied.1.=1 Device.Proxied.4.=0";
    assert_eq!(bench.respond(4, other), [learned, "onboarded"]);
}

#[test]
fn an_answer_that_ends_connections_is_asked_for_in_parts() {
    let mut bench = Bench::connected();
    bench.input(Input::Onboard(model_only()));
    bench.refuse(1, 7001);
    for n in 3..5 {
        bench.link_down();
        assert_eq!(bench.reconnect(), ["connected", &format!("send #{n} GetSupportedDM Device.")]);
    }
    bench.link_down();
    assert_eq!(bench.reconnect(), ["connected", "send #5 GetSupportedDM Device. first level"]);
    let objects = ["Device.", "Device.A.", "Device.B."].map(|path| supported(path, &[])).to_vec();
    assert_eq!(bench.respond(5, schema_resp("Device.", objects)), ["send #6 GetSupportedDM Device.A."]);
    let a = schema_resp("Device.A.", vec![supported("Device.A.", &[])]);
    assert_eq!(bench.respond(6, a), ["send #7 GetSupportedDM Device.B."]);
    let b = schema_resp("Device.B.", vec![supported("Device.B.", &[])]);
    let learned = "learned schema GetSchema Device.=1 Device.A.=1 Device.B.=1";
    assert_eq!(bench.respond(7, b), [learned, "onboarded"]);
}
