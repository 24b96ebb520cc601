//! Operations and jobs: stored, told, waited for, repeated, withdrawn.

use std::time::Duration;

use dm::operation::{
    CommandResult, CreatedInstance, Deleted, Get, Instance, InstanceFailure, MessageFailure, ObjectValues,
    Operation, Outcome, ParamFault, Requested, UpdateFailure, UpdatedInstance,
};
use dm::{Code, Fault};
use fleet::access::Role;
use fleet::port::{JobQuery, PageRequest, Store};
use http::Method;
use serde_json::{Value, json};

use crate::world::{TENANT, World, kind};

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn fault(code: Code) -> Fault {
    Fault::new(code, "why")
}

fn values() -> Outcome {
    let object = ObjectValues { path: "Device.Time.".into(), params: pairs(&[("Enable", "true")]) };
    Outcome::Get(vec![Requested { path: "Device.Time.".into(), result: Ok(vec![object]) }])
}

const GET: &str = r#"{"paths":["Device.Time."]}"#;

#[tokio::test]
async fn without_waiting_there_is_a_job_to_follow() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let device = world.device("os::00256D-A1").await;
    let reply = world.post("/api/v1/devices/os::00256D-A1/get").token(&token).json(GET).await;
    assert_eq!(reply.status, 202);
    let job = reply.json();
    let id = job["id"].as_str().expect("an id").to_owned();
    assert_eq!(reply.header("location"), Some(format!("/api/v1/jobs/{id}").as_str()));
    let expected = json!({
        "id": id, "device": device.to_string(), "kind": "get", "state": "queued", "priority": "person",
        "actor": "token:operator", "created": "2023-11-14T22:13:20Z", "updated": "2023-11-14T22:13:20Z",
        "deadline": "2023-11-15T22:13:20Z", "request": {"paths": ["Device.Time."], "max_depth": 0},
    });
    assert_eq!(job, expected);
    let told = world.server.told.lock().expect("not poisoned").clone();
    assert_eq!(told.iter().map(ToString::to_string).collect::<Vec<_>>(), std::slice::from_ref(&id));
    assert_eq!(world.get(&format!("/api/v1/jobs/{id}")).token(&token).send().await.json(), expected);
}

#[tokio::test]
async fn the_lane_is_told_though_the_asker_hangs_up() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    world.device("os::00256D-A1").await;
    let asked = world.post("/api/v1/devices/os::00256D-A1/get").token(&token).json(GET);
    tokio::select! {
        biased;
        reply = asked => panic!("it takes a commit: {reply:?}"),
        () = tokio::task::yield_now() => {}
    }
    let told = async {
        while world.server.told.lock().expect("not poisoned").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), told).await.expect("the job is told to its lane");
}

#[tokio::test]
async fn waiting_gives_the_outcome_or_the_job() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let device = world.device("os::00256D-A1").await;
    let uri = format!("/api/v1/devices/{device}/get?wait=30s");
    assert_eq!(world.post(&uri).token(&token).json(GET).await.status, 202);

    *world.server.answer.lock().expect("not poisoned") = Some(values());
    let reply = world.post(&uri).token(&token).json(GET).await;
    assert_eq!((reply.status, reply.json()["state"].as_str()), (200, Some("done")));
    let outcome = json!({"kind": "get", "results": [{"requested": "Device.Time.",
        "objects": [{"path": "Device.Time.", "params": {"Enable": "true"}}]}]});
    assert_eq!(reply.json()["outcome"], outcome);
}

#[tokio::test]
async fn every_outcome_is_told_on_every_level() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let device = world.device("os::00256D-A1").await;
    let param_fault = || ParamFault { param: "Enable".into(), fault: fault(Code(7012)) };
    let told_fault = json!({"param": "Enable", "code": 7012, "message": "why"});
    let check = async |what: &str, body: &str, outcome: Outcome, state: &str, expected: Value| {
        *world.server.answer.lock().expect("not poisoned") = Some(outcome);
        let uri = format!("/api/v1/devices/{device}/{what}?wait=1s");
        let job = world.post(&uri).token(&token).json(body).await.json();
        assert_eq!((&job["kind"], &job["state"]), (&json!(what), &json!(state)), "{job}");
        assert_eq!(job["outcome"], expected);
    };
    let error = json!({"code": 7026, "message": "why"});
    check(
        "get",
        GET,
        Outcome::Get(vec![Requested { path: "Device.X.".into(), result: Err(fault(Code(7026))) }]),
        "failed",
        json!({"kind": "get", "results": [{"requested": "Device.X.", "error": error, "objects": []}]}),
    )
    .await;
    let row = Instance { path: "Device.X.1.".into(), unique_keys: pairs(&[("Alias", "a")]) };
    check(
        "instances",
        r#"{"paths":["Device.X."]}"#,
        Outcome::GetInstances(vec![Requested { path: "Device.X.".into(), result: Ok(vec![row]) }]),
        "done",
        json!({"kind": "instances", "results": [{"requested": "Device.X.",
            "instances": [{"path": "Device.X.1.", "unique_keys": {"Alias": "a"}}]}]}),
    )
    .await;
    let set = r#"{"objects":[{"path":"Device.X.*.","params":[{"param":"Enable","value":"1"}]}]}"#;
    let updated = UpdatedInstance {
        path: "Device.X.1.".into(),
        params: pairs(&[("Order", "2")]),
        errors: vec![param_fault()],
    };
    let failed = InstanceFailure { path: "Device.X.2.".into(), errors: vec![param_fault()] };
    let failure = UpdateFailure { fault: fault(Code(7021)), instances: vec![failed] };
    check(
        "set",
        set,
        Outcome::Set(vec![
            Requested { path: "Device.X.1.".into(), result: Ok(vec![updated]) },
            Requested { path: "Device.X.2.".into(), result: Err(failure) },
        ]),
        "partial",
        json!({"kind": "set", "results": [
            {"requested": "Device.X.1.", "failures": [], "updated": [
                {"path": "Device.X.1.", "params": {"Order": "2"}, "errors": [told_fault]}]},
            {"requested": "Device.X.2.", "error": {"code": 7021, "message": "why"}, "updated": [],
                "failures": [{"path": "Device.X.2.", "errors": [told_fault]}]}]}),
    )
    .await;
    let created = CreatedInstance {
        path: "Device.X.3.".into(),
        unique_keys: pairs(&[("Alias", "c")]),
        errors: Vec::new(),
    };
    check(
        "add",
        r#"{"objects":[{"path":"Device.X."}],"allow_partial":true}"#,
        Outcome::Add(vec![Requested { path: "Device.X.".into(), result: Ok(created) }]),
        "done",
        json!({"kind": "add", "results": [{"requested": "Device.X.", "created":
            {"path": "Device.X.3.", "unique_keys": {"Alias": "c"}, "errors": []}}]}),
    )
    .await;
    let deleted = Deleted {
        affected: vec!["Device.X.1.".into()],
        unaffected: vec![("Device.X.2.".into(), fault(Code(7024)))],
    };
    check(
        "delete",
        r#"{"paths":["Device.X.*."]}"#,
        Outcome::Delete(vec![Requested { path: "Device.X.*.".into(), result: Ok(deleted) }]),
        "partial",
        json!({"kind": "delete", "results": [{"requested": "Device.X.*.", "affected": ["Device.X.1."],
            "unaffected": [{"path": "Device.X.2.", "code": 7024, "message": "why"}]}]}),
    )
    .await;
    let output = CommandResult::Output(pairs(&[("Status", "Complete")]));
    check(
        "operate",
        r#"{"command":"Device.X()"}"#,
        Outcome::Operate(vec![Requested { path: "Device.X()".into(), result: Ok(output) }]),
        "done",
        json!({"kind": "operate",
            "results": [{"executed": "Device.X()", "output": {"Status": "Complete"}}]}),
    )
    .await;
    let whole = MessageFailure { fault: fault(Code(7004)), params: vec![param_fault()] };
    check(
        "set",
        set,
        Outcome::Failed(whole),
        "failed",
        json!({"kind": "set", "failed": {"code": 7004, "message": "why", "params": [told_fault]}}),
    )
    .await;
}

#[tokio::test]
async fn every_body_becomes_its_operation() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let device = world.device("os::00256D-A1").await;
    let check = async |what: &str, body: &str, expected: Value| {
        let uri = format!("/api/v1/devices/{device}/{what}");
        world.pass(Duration::from_millis(1));
        let reply = world.post(&uri).token(&token).json(body).await;
        assert_eq!(reply.status, 202, "{reply:?}");
        assert_eq!((&reply.json()["kind"], &reply.json()["request"]), (&json!(what), &expected));
    };
    let get =
        r#"{"paths":["Device.IP.Interface.[Alias==\"lan\"].Stats.","Device.Time.Enable"],"max_depth":2}"#;
    check("get", get, serde_json::from_str(get).expect("JSON")).await;
    let instances = json!({"paths": ["Device.IP.Interface."], "first_level_only": true});
    check("instances", &instances.to_string(), instances.clone()).await;
    check(
        "schema",
        r#"{"paths":["Device.IP.Interface.{i}."],"events":false}"#,
        json!({"paths": ["Device.IP.Interface.{i}."], "first_level_only": false, "commands": true,
            "events": false, "params": true, "unique_keys": true}),
    )
    .await;
    let set = json!({"objects": [{"path": "Device.Time.",
        "params": [{"param": "Enable", "value": "true", "required": true}]}], "allow_partial": true});
    check("set", &set.to_string(), set.clone()).await;
    check("add", &set.to_string(), set.clone()).await;
    let delete = json!({"paths": ["Device.IP.Interface.2."], "allow_partial": false});
    check("delete", &delete.to_string(), delete.clone()).await;
    let operate =
        json!({"command": "Device.IP.Diagnostics.IPPing()", "args": {"Host": "::1"}, "command_key": "k"});
    check("operate", &operate.to_string(), operate.clone()).await;

    let query = JobQuery { device: None, state: None, page: PageRequest::first(10) };
    let jobs = world.store.jobs(TENANT, query).await.expect("jobs");
    let kinds: Vec<&str> = jobs.items.iter().map(kind).collect();
    assert_eq!(kinds, ["operate", "delete", "add", "set", "schema", "instances", "get"]);
    let Operation::Operate(operate) = &jobs.items[0].operation else { panic!("{:?}", jobs.items[0]) };
    assert!(operate.send_resp, "the outcome is wanted");
}

#[tokio::test]
async fn what_is_not_a_path_is_7008_and_named() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let device = world.device("os::00256D-A1").await;
    let check = async |what: &str, body: &str, named: &str| {
        let uri = format!("/api/v1/devices/{device}/{what}");
        let reply = world.post(&uri).token(&token).json(body).await;
        reply.is_problem(400, "bad-path");
        assert_eq!(reply.json()["code"], 7008);
        let detail = reply.json()["detail"].as_str().expect("detail").to_owned();
        assert!(detail.contains(named), "{detail}");
    };
    check("get", r#"{"paths":["Device.Time.","Device..X"]}"#, "Device..X").await;
    check("get", r#"{"paths":[""]}"#, "the path is empty").await;
    check("get", r#"{"paths":["Device.X.[a==].y"]}"#, "Device.X.[a==].y").await;
    check("instances", r#"{"paths":["Device.IP.Interface"]}"#, "ends in '.'").await;
    check("schema", r#"{"paths":["Device.IP.Interface.*."]}"#, "Interface.*.").await;
    check("set", r#"{"objects":[{"path":"Device.Time.Enable","params":[]}]}"#, "ends in '.'").await;
    check("add", r#"{"objects":[{"path":"Device.Reboot()","params":[]}]}"#, "ends in '.'").await;
    check("delete", r#"{"paths":["Device.X.01."]}"#, "without leading zeros").await;
    check("operate", r#"{"command":"Device.Reboot"}"#, "ends in '()'").await;
    let long = json!({"paths": ["Device.".repeat(10_000)]}).to_string();
    check("get", &long, "too long").await;
    assert!(world.server.told.lock().expect("not poisoned").is_empty());
}

#[tokio::test]
async fn requests_are_bounded() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let device = world.device("os::00256D-A1").await;
    let check = async |query: &str, body: &str, slug: &str| {
        let uri = format!("/api/v1/devices/{device}/get{query}");
        world.post(&uri).token(&token).json(body).await.is_problem(400, slug);
    };
    check("", r#"{"paths":[]}"#, "invalid").await;
    check("", &json!({"paths": vec!["Device."; 1001]}).to_string(), "invalid").await;
    check("?wait=30", GET, "invalid").await;
    check("?wait=301s", GET, "invalid").await;
    check("?expires_in=31d", GET, "invalid").await;
    check("?expires_in=0s", GET, "invalid").await;
    check("?waits=1s", GET, "bad-query").await;
    check("", r#"{"paths":["Device."],"depth":1}"#, "bad-json").await;
    let uri = format!("/api/v1/devices/{device}/get");
    let reply = world.post(&uri).token(&token).header("idempotency-key", &"k".repeat(129)).json(GET).await;
    reply.is_problem(400, "invalid");
    world.post("/api/v1/devices/nothing/get").token(&token).json(GET).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn the_same_key_is_the_same_job() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let device = world.device("os::00256D-A1").await;
    let ask = async |what: &str, key: &str, body: &str| {
        let uri = format!("/api/v1/devices/{device}/{what}");
        world.post(&uri).token(&token).header("idempotency-key", key).json(body).await
    };
    let reboot = r#"{"command":"Device.Reboot()"}"#;
    let first = ask("operate", "k1", reboot).await.json();
    let again = ask("operate", "k1", reboot).await.json();
    assert_eq!(first["id"], again["id"]);
    assert_ne!(first["id"], ask("operate", "k2", reboot).await.json()["id"]);
    ask("operate", "k1", r#"{"command":"Device.FactoryReset()"}"#).await.is_problem(409, "conflict");
    ask("get", "k1", GET).await.is_problem(409, "conflict");
    assert_eq!(world.server.told.lock().expect("not poisoned").len(), 2);
    // Keys belong to whoever chose them.
    let owner = world.token(Role::Owner).await;
    let uri = format!("/api/v1/devices/{device}/operate");
    let other = world.post(&uri).token(&owner).header("idempotency-key", "k1").json(reboot).await;
    assert_ne!(first["id"], other.json()["id"]);
}

#[tokio::test]
async fn settings_that_break_the_model_are_not_stored() {
    let world = World::new().await;
    let operator = world.token(Role::Operator).await;
    let owner = world.token(Role::Owner).await;
    let device = world.device("os::00256D-A1").await;
    let body =
        r#"{"objects":[{"path":"Device.DeviceInfo.","params":[{"param":"SerialNumber","value":"1"}]}]}"#;
    let uri = format!("/api/v1/devices/{device}/set");
    let reply = world.post(&uri).token(&operator).json(body).await;
    reply.is_problem(400, "schema");
    assert_eq!(reply.json()["code"], 7013);
    let params = json!([
        {"param": "Device.DeviceInfo.SerialNumber", "code": 7013, "message": "it is read-only"}]);
    assert_eq!(reply.json()["params"], params);
    let forced = format!("{uri}?force=true");
    world.post(&forced).token(&operator).json(body).await.is_problem(403, "forbidden");
    assert_eq!(world.post(&forced).token(&owner).json(body).await.status, 202);
}

#[tokio::test]
async fn secrets_of_jobs_are_never_shown() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let device = world.device("os::00256D-A1").await;
    let body =
        r#"{"objects":[{"path":"Device.Users.User.1.","params":[{"param":"Password","value":"hunter2"}]}]}"#;
    let uri = format!("/api/v1/devices/{device}/set");
    let reply = world.post(&uri).token(&token).json(body).await;
    assert_eq!(reply.json()["request"]["objects"][0]["params"][0]["value"], "••••");
    let list = world.get("/api/v1/jobs").token(&token).send().await;
    assert!(!String::from_utf8_lossy(&list.body).contains("hunter2"));
    let query = JobQuery { device: None, state: None, page: PageRequest::first(1) };
    let stored = world.store.jobs(TENANT, query).await.expect("jobs");
    let Operation::Set(set) = &stored.items[0].operation else { panic!("{stored:?}") };
    assert_eq!(set.objects[0].params[0].value, "hunter2", "the device is to be sent the real one");
}

#[tokio::test]
async fn a_queued_job_is_withdrawn_once() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let device = world.device("os::00256D-A1").await;
    let job = world.job(device, Operation::Get(Get { paths: vec!["Device.".into()], max_depth: 0 })).await;
    let uri = format!("/api/v1/jobs/{job}");
    let viewer = world.token(Role::Viewer).await;
    world.call(Method::DELETE, &uri).token(&viewer).send().await.is_problem(403, "forbidden");
    let reply = world.call(Method::DELETE, &uri).token(&token).send().await;
    assert_eq!((reply.status, reply.json()["state"].as_str()), (200, Some("cancelled")));
    assert_eq!(*world.server.withdrawn.lock().expect("not poisoned"), [job]);
    world.call(Method::DELETE, &uri).token(&token).send().await.is_problem(409, "conflict");
    world.call(Method::DELETE, "/api/v1/jobs/1").token(&token).send().await.is_problem(404, "not-found");
}

#[tokio::test]
async fn jobs_are_listed_by_device_and_state() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let (one, other) = (world.device("os::00256D-A1").await, world.device("os::00256D-B2").await);
    let get = || Operation::Get(Get { paths: vec!["Device.".into()], max_depth: 0 });
    let first = world.job(one, get()).await;
    world.pass(Duration::from_secs(1));
    let second = world.job(one, get()).await;
    world.pass(Duration::from_secs(1));
    let third = world.job(other, get()).await;
    world.finish(first, values()).await;
    let check = async |query: &str, expected: &[String]| {
        let page = world.get(&format!("/api/v1/jobs?{query}")).token(&token).send().await.json();
        let ids: Vec<&str> =
            page["items"].as_array().expect("items").iter().filter_map(|job| job["id"].as_str()).collect();
        assert_eq!(ids, expected, "{query}");
        page["next"].as_str().map(str::to_owned)
    };
    let [first, second, third] = [first, second, third].map(|id| id.to_string());
    check("", &[third.clone(), second.clone(), first.clone()]).await;
    check("device=os::00256D-A1", &[second.clone(), first.clone()]).await;
    check("state=done", std::slice::from_ref(&first)).await;
    check(&format!("state=queued&device={other}"), std::slice::from_ref(&third)).await;
    let next = check("limit=2", &[third.clone(), second.clone()]).await.expect("more");
    check(&format!("limit=2&cursor={next}"), std::slice::from_ref(&first)).await;
    let wrong = world.get("/api/v1/jobs?state=lost").token(&token).send().await;
    wrong.is_problem(400, "invalid");
}
