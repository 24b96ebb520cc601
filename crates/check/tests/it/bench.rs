//! What the bench does before, between and after checks, with an agent that the test plays where the real one can't
//! be made to do it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use check::{Arrival, Bench, Link, Profile, Ran, Unsent, Verdict, Way, Wire, limits, run, select};
use tokio::sync::mpsc;
use usp_proto::add::{AddResp, CreatedObjectResult};
use usp_proto::delete::DeleteResp;
use usp_proto::get::GetResp;
use usp_proto::get_supported_dm::{GetSupportedDmResp, RequestedObjectResult, SupportedObjectResult};
use usp_proto::{Body, Msg, Record, RecordType, Request, Response, Version};

use crate::agent::{self, AGENT, CONTROLLER, id};

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn ran(bench: &mut Bench, filters: &[&str]) -> Vec<Ran> {
    let checks: Vec<_> = filters.iter().flat_map(|filter| select(&[(*filter).to_owned()])).collect();
    run(bench, &checks, PATIENCE, |_| {}).await.unwrap()
}

/// What a played agent does with a request: what it answers, if it does.
pub(crate) type Play = Box<dyn FnMut(&mpsc::Sender<Arrival>, &Msg) -> Option<Response> + Send>;

/// An agent that has subscriptions, and beyond that plays.
struct Played {
    play: Mutex<Play>,
    to_bench: mpsc::Sender<Arrival>,
}

impl Wire for Played {
    fn send(&self, record: Bytes) -> Result<(), Unsent> {
        let RecordType::NoSession { payload } = Record::decode(record).unwrap().record_type else {
            return Ok(());
        };
        let msg = Msg::decode(&payload).unwrap();
        let answer = match &msg.body {
            Body::Request(Request::GetSupportedDm(_)) => Some(Response::GetSupportedDmResp(model())),
            _ => (self.play.lock().unwrap())(&self.to_bench, &msg),
        };
        if let Some(answer) = answer {
            say(&self.to_bench, &msg.msg_id, answer);
        }
        Ok(())
    }
}

pub(crate) fn model() -> GetSupportedDmResp {
    let supported_obj_path = "Device.LocalAgent.Subscription.{i}.".to_owned();
    let object = SupportedObjectResult { supported_obj_path, access: 1, ..Default::default() };
    let result = RequestedObjectResult { supported_objs: vec![object], ..Default::default() };
    GetSupportedDmResp { req_obj_results: vec![result] }
}

pub(crate) fn say(to_bench: &mpsc::Sender<Arrival>, msg_id: &str, response: Response) {
    let payload = Msg::response(msg_id, response).encode();
    let record = Record::message(&id(AGENT), &id(CONTROLLER), Version::CURRENT, payload);
    to_bench.try_send(Arrival::Record(record.encode())).unwrap();
}

pub(crate) fn played(play: Play) -> (Bench, mpsc::Sender<Arrival>) {
    let (to_bench, arrivals) = mpsc::channel(limits::ARRIVALS);
    to_bench.try_send(Arrival::Up).unwrap();
    let wire = Played { play: Mutex::new(play), to_bench: to_bench.clone() };
    (agent::over(Link { wire: Box::new(wire), arrivals, way: Way::Records }), to_bench)
}

#[tokio::test(start_paused = true)]
async fn a_change_is_provoked_once_its_subscription_is_adopted() {
    let mut bench = agent::bench(None).await;
    for check in ["R-NOT.0-value-change", "R-NOT.0-disabled-is-silent"] {
        let ran = ran(&mut bench, &[check]).await;
        assert_eq!(ran[0].verdict, Verdict::Pass);
        let writes = ran[0]
            .transcript
            .iter()
            .filter(|entry| entry.note.contains("AddResp") || entry.note.contains("SetResp"));
        // The row, the subscription to it, what was changed of that, and the change of the row.
        let at: Vec<u64> = writes.map(|entry| entry.at_micros / 1_000_000).collect();
        let expected: &[u64] = if check.ends_with("change") { &[0, 0, 7] } else { &[0, 0, 7, 14] };
        assert_eq!(at, expected, "{check}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_check_started_does_not_disturb_the_next() {
    let mut bench = agent::bench(None).await;
    let ran = ran(&mut bench, &["R-OPR.0-request-row-names-its-key", "R-GET.1b-empty-table"]).await;
    assert!(ran.iter().all(|one| one.verdict == Verdict::Pass), "{ran:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_to_one_check_is_not_taken_for_one_of_the_next() {
    let mut first = None;
    let (mut bench, _) = played(Box::new(move |to_bench, msg| match &first {
        // That of the run itself is answered, and the first check is not.
        None if matches!(msg.body, Body::Request(Request::Get(_))) => {
            first = Some(String::new());
            Some(Response::GetResp(GetResp::default()))
        }
        Some(id) if id.is_empty() => {
            first = Some(msg.msg_id.clone());
            None
        }
        Some(id) => {
            say(to_bench, id, Response::GetResp(GetResp::default()));
            matches!(msg.body, Body::Request(_)).then(|| Response::GetResp(GetResp::default()))
        }
        None => None,
    }));
    let ran = ran(&mut bench, &["R-MSG.0-get-is-answered", "R-MSG.9-unmatched-answer"]).await;
    assert!(matches!(ran[0].verdict, Verdict::Fail(_)));
    assert_eq!(ran[1].verdict, Verdict::Pass);
}

#[tokio::test(start_paused = true)]
async fn rows_are_taken_back_once_the_agent_is_there_again() {
    let deleted = Arc::new(Mutex::new(Vec::new()));
    let seen = deleted.clone();
    let (mut bench, to_bench) = played(Box::new(move |to_bench, msg| match &msg.body {
        Body::Request(Request::Add(add)) => {
            let (path, row) = (&add.create_objs[0].obj_path, "Device.LocalAgent.Subscription.5.");
            let result = CreatedObjectResult::success(path.clone(), row, Vec::new(), Default::default());
            Some(Response::AddResp(AddResp { created_obj_results: vec![result] }))
        }
        // Then it is gone.
        Body::Request(Request::Set(_)) => {
            to_bench.try_send(Arrival::Down("it went".to_owned())).unwrap();
            None
        }
        Body::Request(Request::Delete(delete)) => {
            seen.lock().unwrap().extend(delete.obj_paths.clone());
            Some(Response::DeleteResp(DeleteResp::default()))
        }
        _ => Some(Response::GetResp(GetResp::default())),
    }));
    let away = ran(&mut bench, &["R-MSG.0-set-is-answered"]).await;
    let why = "the connection broke, and the agent did not come back";
    assert_eq!(away[0].verdict, Verdict::Error(why.to_owned()));
    assert!(deleted.lock().unwrap().is_empty());
    to_bench.try_send(Arrival::Up).unwrap();
    assert_eq!(ran(&mut bench, &["R-MSG.0-get-is-answered"]).await[0].verdict, Verdict::Pass);
    assert_eq!(*deleted.lock().unwrap(), ["Device.LocalAgent.Subscription.5."]);
}

#[tokio::test(start_paused = true)]
async fn who_can_not_be_dialled_yet_is_waited_for() {
    let (to_bench, arrivals) = mpsc::channel(limits::ARRIVALS);
    let wire = Played { play: Mutex::new(Box::new(|_, _| None)), to_bench: to_bench.clone() };
    let mut bench = agent::over(Link { wire: Box::new(wire), arrivals, way: Way::Records });
    to_bench.try_send(Arrival::Away("connection refused".to_owned())).unwrap();
    let stop = bench.meet(PATIENCE).await.unwrap_err();
    assert_eq!(stop.to_string(), "no agent connects: connection refused");
    to_bench.try_send(Arrival::Away("connection refused".to_owned())).unwrap();
    to_bench.try_send(Arrival::Up).unwrap();
    bench.meet(PATIENCE).await.unwrap();
}

/// What the checks use, and what they leave out, is as the profile says.
#[tokio::test(start_paused = true)]
async fn a_profile_is_followed() {
    let profile = "[command]\npath = \"Device.LocalAgent.Request.1.X_Wait()\"\nargument = \"Seconds\"\n\
                   [value]\npath = \"Device.LocalAgent.Controller.1.PeriodicNotifInterval\"\nvalues = [\"86400\", \"3600\"]\n\
                   [[skip]]\nid = \"R-GET.2\"\nwhy = \"known\"\n";
    let mut bench = agent::bench_with(None, Profile::parse(profile).unwrap()).await;
    let ran = ran(&mut bench, &["R-NOT.0-value-change", "R-OPR.0-request-row", "R-GET.2"]).await;
    assert_eq!(ran[0].verdict, Verdict::Pass);
    let notes: Vec<&str> = ran[0].transcript.iter().map(|entry| entry.note.as_str()).collect();
    let sets = notes.iter().filter(|note| note.contains(" Set ") && note.contains("Controller.1.")).count();
    // The change, and back.
    assert_eq!(sets, 2, "{notes:#?}");
    let missing = "the agent has no Device.ScheduleTimer(), or whatever command the profile names";
    assert_eq!(ran[1].verdict, Verdict::Skipped(missing.to_owned()));
    assert_eq!(ran[2].verdict, Verdict::Skipped("the profile: known".to_owned()));
}
