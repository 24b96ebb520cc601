//! An agent that goes away, or falls silent, between checks and in them: the run goes on when it is back, and ends in
//! bounded time when it is not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use check::{Arrival, Link, Ran, Stop, Unsent, Verdict, Way, Wire, limits, run_until, select};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use usp_proto::add::{AddResp, CreatedObjectResult};
use usp_proto::delete::{DeleteResp, DeletedObjectResult};
use usp_proto::get::GetResp;
use usp_proto::{Body, Msg, Record, RecordType, Request, Response};

use crate::agent;
use crate::bench::{Play, model, played, ran, say};
use crate::clock;

const PATIENCE: Duration = Duration::from_secs(10);
const GET: &str = "R-MSG.0-get-is-answered";

fn answered(_: &mpsc::Sender<Arrival>, msg: &Msg) -> Option<Response> {
    matches!(msg.body, Body::Request(Request::Get(_))).then(|| Response::GetResp(GetResp::default()))
}

/// It goes with the second Get, and is back after this time.
fn goes(why: &'static str, away: Duration) -> Play {
    let mut gets = 0;
    Box::new(move |to_bench, msg| {
        gets += 1;
        if gets != 2 {
            return answered(to_bench, msg);
        }
        let to_bench = to_bench.clone();
        tokio::spawn(async move {
            to_bench.send(Arrival::Down(why.to_owned())).await.unwrap();
            clock::pass(away).await;
            to_bench.send(Arrival::Up).await.unwrap();
        });
        None
    })
}

fn verdicts(ran: &[Ran]) -> Vec<&Verdict> {
    ran.iter().map(|one| &one.verdict).collect()
}

/// It goes with the second Get after the first of the run itself, and is back when a check would have given up a
/// connection: the check says what happened, and those behind it are carried out.
#[tokio::test(start_paused = true)]
async fn a_crash_is_told_once() {
    let (mut bench, _) = played(goes("the agent ended the connection", Duration::from_secs(7)));
    let ran = ran(&mut bench, &[GET, GET]).await;
    let Verdict::Fail(finding) = &ran[0].verdict else { panic!("{:?}", ran[0].verdict) };
    assert_eq!(finding.reason, "the agent keeps the connection");
    assert_eq!(finding.seen, "the agent ended the connection; it came back after 7.0 s");
    assert_eq!(ran[1].verdict, Verdict::Pass);
}

/// A wire whose connection goes just when the second Get is sent: that it went is heard only afterwards.
struct Cut {
    sent: Mutex<usize>,
    to_bench: mpsc::Sender<Arrival>,
}

impl Wire for Cut {
    fn send(&self, record: Bytes) -> Result<(), Unsent> {
        let RecordType::NoSession { payload } = Record::decode(record).unwrap().record_type else {
            return Ok(());
        };
        let msg = Msg::decode(&payload).unwrap();
        let mut sent = self.sent.lock().unwrap();
        *sent += 1;
        match &msg.body {
            Body::Request(Request::GetSupportedDm(_)) => {
                say(&self.to_bench, &msg.msg_id, Response::GetSupportedDmResp(model()));
            }
            _ if *sent == 3 => {
                self.to_bench.try_send(Arrival::Down("it went".to_owned())).unwrap();
                self.to_bench.try_send(Arrival::Up).unwrap();
                return Err(Unsent::Gone);
            }
            _ => say(&self.to_bench, &msg.msg_id, Response::GetResp(GetResp::default())),
        }
        Ok(())
    }
}

/// What can't be sent because the connection went is no fault of the set-up, but of who went.
#[tokio::test(start_paused = true)]
async fn a_connection_that_goes_while_something_is_sent_is_told_as_that() {
    let (to_bench, arrivals) = mpsc::channel(limits::ARRIVALS);
    to_bench.try_send(Arrival::Up).unwrap();
    let wire = Cut { sent: Mutex::new(0), to_bench };
    let mut bench = agent::over(Link { wire: Box::new(wire), arrivals, way: Way::Records });
    let ran = ran(&mut bench, &[GET, GET]).await;
    let Verdict::Fail(finding) = &ran[0].verdict else { panic!("{:?}", ran[0].verdict) };
    assert_eq!(finding.seen, "it went; it came back after 0.0 s");
    assert_eq!(ran[1].verdict, Verdict::Pass);
}

/// Who takes longer than a check waits is waited for once more before the next one.
#[tokio::test(start_paused = true)]
async fn a_long_absence_costs_one_check() {
    let (mut bench, _) = played(goes("it went", Duration::from_secs(100)));
    let ran = ran(&mut bench, &[GET, GET, GET]).await;
    let why = "the connection broke, and the agent did not come back";
    assert_eq!(verdicts(&ran), [&Verdict::Error(why.to_owned()), &Verdict::Pass, &Verdict::Pass]);
}

/// Twenty checks after it went for good cost no time of their own.
#[tokio::test(start_paused = true)]
async fn an_agent_that_stays_away_ends_the_run() {
    let mut gets = 0;
    let (mut bench, to_bench) = played(Box::new(move |to_bench, msg| {
        gets += 1;
        if gets == 2 {
            to_bench.try_send(Arrival::Down("it went".to_owned())).unwrap();
        }
        answered(to_bench, msg)
    }));
    let began = Instant::now();
    let ran = ran(&mut bench, &[GET; 21]).await;
    drop(to_bench);
    let left = "not begun: the agent went away, and did not come back within 60 s";
    assert!(matches!(&ran[1].verdict, Verdict::Error(why) if why == left), "{:?}", ran[1].verdict);
    assert!(ran[2..].iter().all(|one| one.verdict == ran[1].verdict));
    assert!(began.elapsed() < Duration::from_secs(150), "{:?}", began.elapsed());
}

/// A connection over which nothing comes any more is no reason to ask four hundred times.
#[tokio::test(start_paused = true)]
async fn an_agent_that_answers_nothing_ends_the_run() {
    let mut gets = 0;
    let (mut bench, _to_bench) = played(Box::new(move |to_bench, msg| {
        gets += 1;
        if gets > 1 { None } else { answered(to_bench, msg) }
    }));
    let ran = ran(&mut bench, &[GET; 21]).await;
    assert!(matches!(ran[0].verdict, Verdict::Fail(_)), "{:?}", ran[0].verdict);
    let left = "not begun: the agent answers nothing any more, over a new connection either";
    assert!(
        ran[1..].iter().all(|one| one.verdict == Verdict::Error(left.to_owned())),
        "{:?}",
        verdicts(&ran)
    );
}

/// What was made until then is taken back, and the checks behind are told as not carried out. A row that is not there any
/// more is no matter (7016), one that the agent keeps is named (7006).
#[tokio::test(start_paused = true)]
async fn an_interrupted_run_cleans_up() {
    for (code, left) in [(None, 0), (Some(7016), 0), (Some(7006), 1)] {
        interrupted_run(code, left).await;
    }
}

async fn interrupted_run(code: Option<u32>, stays: usize) {
    let deleted = Arc::new(Mutex::new(Vec::new()));
    let (seen, (interrupt, interrupted)) = (deleted.clone(), oneshot::channel());
    let mut interrupt = Some(interrupt);
    let (mut bench, _to_bench) = played(Box::new(move |_, msg| match &msg.body {
        Body::Request(Request::Add(add)) => {
            let (path, row) = (&add.create_objs[0].obj_path, "Device.LocalAgent.Subscription.5.");
            let result = CreatedObjectResult::success(path.clone(), row, Vec::new(), Default::default());
            Some(Response::AddResp(AddResp { created_obj_results: vec![result] }))
        }
        Body::Request(Request::Set(_)) => {
            interrupt.take().unwrap().send(()).unwrap();
            None
        }
        Body::Request(Request::Delete(delete)) => {
            seen.lock().unwrap().extend(delete.obj_paths.clone());
            let failure = |code| DeletedObjectResult::failure(delete.obj_paths[0].clone(), code, "no");
            let deleted_obj_results = code.into_iter().map(failure).collect();
            Some(Response::DeleteResp(DeleteResp { deleted_obj_results }))
        }
        _ => Some(Response::GetResp(GetResp::default())),
    }));
    let checks = select(&["R-MSG.0-set-is-answered".to_owned(), "R-MSG.0-add-is-answered".to_owned()]);
    let stop = async { interrupted.await.unwrap() };
    let ran = run_until(&mut bench, &checks, PATIENCE, stop, |_| {}).await.unwrap();
    let left = Verdict::Error("not begun: interrupted".to_owned());
    assert_eq!(verdicts(&ran), [&left, &left]);
    assert_eq!(*deleted.lock().unwrap(), ["Device.LocalAgent.Subscription.5."]);
    assert_eq!(bench.left().count(), stays, "{code:?}");
}

/// Nobody waits for an agent that does not come longer than until the interruption.
#[tokio::test(start_paused = true)]
async fn waiting_can_be_interrupted() {
    let (mut bench, _to_bench) = played(Box::new(|_, _| None));
    let checks = select(&[GET.to_owned()]);
    let ended = run_until(&mut bench, &checks, PATIENCE, std::future::ready(()), |_| {}).await;
    assert_eq!(ended.err(), Some(Stop::Error("interrupted before the first check".to_owned())));
}
