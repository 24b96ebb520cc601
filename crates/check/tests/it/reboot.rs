//! Checks of restarts, against an agent that is played: it has subscriptions and can restart.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use check::{Arrival, Bench, Link, Profile, Unsent, Way, Wire, limits};
use tokio::sync::mpsc;
use usp_proto::add::{AddResp, CreatedObjectResult};
use usp_proto::delete::{DeleteResp, DeletedObjectResult};
use usp_proto::generated::usp_msg::get_supported_dm_resp::SupportedCommandResult;
use usp_proto::get::GetResp;
use usp_proto::get_instances::{CurrInstance, GetInstancesResp, RequestedPathResult};
use usp_proto::get_supported_dm::SupportedObjectResult;
use usp_proto::notify::{Event, Notification, Notify};
use usp_proto::operate::OperateResp;
use usp_proto::{Body, Msg, Record, RecordType, Request, Response, Version};

use crate::agent::{AGENT, CONTROLLER, id, over_with};
use crate::clock;
use crate::responder::answer;
use crate::transports::{Fault, Kind};

const TABLE: &str = "Device.LocalAgent.Subscription.";

/// What it keeps to. The default is right.
#[derive(Clone, Copy, Debug)]
struct Habits {
    event: &'static str,
    cause: &'static str,
    keeps_number: bool,
    forgets_passing: bool,
}

impl Default for Habits {
    fn default() -> Habits {
        Habits { event: "Boot!", cause: "RemoteReboot", keeps_number: true, forgets_passing: true }
    }
}

static FAULTS: &[Fault<Habits>] = &[
    ("R-NOT.0-boot", |habits| habits.event = "Booted!"),
    ("R-NOT.0-boot-tells-the-cause", |habits| habits.cause = "LocalReboot"),
    ("R-ARC.8-number-survives-a-restart", |habits| habits.keeps_number = false),
    ("R-NOT.0-passing-row-goes", |habits| habits.forgets_passing = false),
];

static AGENTS: Kind<Habits> = Kind { faults: FAULTS, right: |_| Habits::default(), bench };

/// The checks that have a fault here.
pub(crate) fn faulted() -> impl Iterator<Item = &'static str> {
    FAULTS.iter().map(|(check, _)| *check)
}

#[tokio::test(start_paused = true)]
async fn the_right_agent_passes() {
    AGENTS.right_passes().await;
    AGENTS.right_passes_in_a_row(Habits::default(), &[]).await;
}

#[tokio::test(start_paused = true)]
async fn the_wrong_agent_fails_the_check_of_the_rule_that_it_breaks() {
    AGENTS.wrong_fails().await;
}

/// Nothing is restarted that the profile does not allow to be.
#[tokio::test(start_paused = true)]
async fn a_device_is_only_restarted_if_it_may_be() {
    let checks = check::select(&["R-NOT.0-boot".to_owned()]);
    let mut bench = bench_with(Habits::default(), Profile::default());
    let ran = check::run(&mut bench, &checks, limits::PATIENCE, |_| {}).await.unwrap();
    assert_eq!(ran[0].verdict, check::Verdict::Skipped("the profile allows no restart".to_owned()));
    assert!(ran[0].transcript.is_empty(), "{:?}", ran[0].transcript);
}

fn bench(habits: Habits) -> Bench {
    bench_with(habits, Profile::parse("[reboot]\nseconds = 120\n").unwrap())
}

fn bench_with(habits: Habits, profile: Profile) -> Bench {
    let (to_bench, arrivals) = mpsc::channel(limits::ARRIVALS);
    to_bench.try_send(Arrival::Up).unwrap();
    let agent = Agent(Arc::new(Shared { habits, to_bench, rows: Mutex::default() }));
    over_with(Link { wire: Box::new(agent), arrivals, way: Way::Records }, profile)
}

struct Agent(Arc<Shared>);

struct Shared {
    habits: Habits,
    to_bench: mpsc::Sender<Arrival>,
    /// Settings by instance number.
    rows: Mutex<BTreeMap<u32, BTreeMap<String, String>>>,
}

impl Wire for Agent {
    fn send(&self, record: Bytes) -> Result<(), Unsent> {
        let RecordType::NoSession { payload } = Record::decode(record).unwrap().record_type else {
            return Ok(());
        };
        let Msg { msg_id, body: Body::Request(request) } = Msg::decode(&payload).unwrap() else {
            return Ok(());
        };
        let response = match request {
            Request::Operate(operate) => {
                let shared = self.0.clone();
                tokio::spawn(async move { shared.restart(operate.command_key).await });
                Response::OperateResp(OperateResp::default())
            }
            request => self.0.respond(request),
        };
        self.0.say(answer(&msg_id, response));
        Ok(())
    }
}

impl Shared {
    fn say(&self, record: Bytes) {
        self.to_bench.try_send(Arrival::Record(record)).unwrap();
    }

    fn respond(&self, request: Request) -> Response {
        let mut rows = self.rows.lock().unwrap();
        match request {
            Request::GetSupportedDm(_) => Response::GetSupportedDmResp(model()),
            Request::Add(add) => {
                let number = rows.keys().next_back().map_or(1, |last| last + 1);
                let object = &add.create_objs[0];
                let settings = object.param_settings.iter();
                rows.insert(number, settings.map(|one| (one.param.clone(), one.value.clone())).collect());
                let path = object.obj_path.clone();
                let made = format!("{TABLE}{number}.");
                let result = CreatedObjectResult::success(path, made, Vec::new(), BTreeMap::default());
                Response::AddResp(AddResp { created_obj_results: vec![result] })
            }
            Request::Delete(delete) => {
                rows.retain(|number, _| !delete.obj_paths.contains(&format!("{TABLE}{number}.")));
                let gone = |path: &String| DeletedObjectResult::success(path.clone(), Vec::new(), Vec::new());
                let deleted_obj_results = delete.obj_paths.iter().map(gone).collect();
                Response::DeleteResp(DeleteResp { deleted_obj_results })
            }
            Request::GetInstances(get) => {
                let path = &get.obj_paths[0];
                let is_meant = |settings: &BTreeMap<String, String>| {
                    !path.contains('[')
                        || settings.get("ID").is_some_and(|id| path.contains(&format!("\"{id}\"")))
                };
                let found = rows.iter().filter(|(_, settings)| is_meant(settings));
                let curr_insts = found.map(|(number, _)| CurrInstance {
                    instantiated_obj_path: format!("{TABLE}{number}."),
                    ..CurrInstance::default()
                });
                let result = RequestedPathResult { curr_insts: curr_insts.collect(), ..Default::default() };
                let mut resp = GetInstancesResp::default();
                resp.req_path_results.push(result);
                Response::GetInstancesResp(resp)
            }
            _ => Response::GetResp(GetResp::default()),
        }
    }

    /// Goes, comes back a while later, and tells of it.
    async fn restart(&self, key: String) {
        clock::pass(Duration::from_secs(1)).await;
        let _ = self.to_bench.send(Arrival::Down("it restarts".to_owned())).await;
        clock::pass(Duration::from_secs(30)).await;
        let watches = {
            let mut rows = self.rows.lock().unwrap();
            if self.habits.forgets_passing {
                rows.retain(|_, settings| settings.get("Persistent").is_some_and(|value| value == "true"));
            }
            if !self.habits.keeps_number {
                *rows =
                    std::mem::take(&mut *rows).into_iter().map(|(number, row)| (number + 7, row)).collect();
            }
            let watches = rows
                .values()
                .filter(|row| row.get("ReferenceList").is_some_and(|path| path == "Device.Boot!"));
            watches.map(|row| row["ID"].clone()).collect::<Vec<_>>()
        };
        let _ = self.to_bench.send(Arrival::Up).await;
        self.say(Record::websocket_connect(&id(AGENT), &id(CONTROLLER), Version::CURRENT).encode());
        for (number, subscription_id) in watches.into_iter().enumerate() {
            let params = [("Cause", self.habits.cause), ("CommandKey", &key)];
            let event = Event {
                obj_path: "Device.".to_owned(),
                event_name: self.habits.event.to_owned(),
                params: params.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            };
            let notification = Some(Notification::Event(event));
            let notify = Notify { subscription_id, send_resp: false, notification };
            let msg = Msg::request(format!("boot-{number}"), Request::Notify(notify));
            let record = Record::message(&id(AGENT), &id(CONTROLLER), Version::CURRENT, msg.encode());
            self.say(record.encode());
        }
    }
}

fn model() -> usp_proto::get_supported_dm::GetSupportedDmResp {
    let mut model = crate::bench::model();
    let command_name = "Reboot()".to_owned();
    let command = SupportedCommandResult { command_name, ..SupportedCommandResult::default() };
    let device = SupportedObjectResult {
        supported_obj_path: "Device.".to_owned(),
        supported_commands: vec![command],
        ..SupportedObjectResult::default()
    };
    model.req_obj_results[0].supported_objs.push(device);
    model
}
