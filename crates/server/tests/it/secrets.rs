//! Secrets that devices report: none of them is in any table of the store's file, nor in its log.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use server::config::PolicyName;
use usp_proto::get_supported_dm::{ParamAccessType, SupportedParamResult};
use usp_proto::notify::{Event, Notification, ObjectCreation, OperationComplete, OperationResp, OutputArgs};
use usp_proto::operate::{OperateResp, OperationResult};
use usp_proto::set::{SetResp, UpdatedObjectResult};
use usp_proto::{Request, Response};

use crate::agent::{Agent, reply};
use crate::world::{AGENT, Running, World};

/// Every secret of this test begins so. They are short: what is longer is compressed, and not to be found.
const SECRET: &str = "sesame-";

async fn submit(server: &Running, device: &str, kind: &str, body: Value) -> String {
    let answer = server.api.post(&format!("/devices/{device}/{kind}?force=true"), Some(body)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.body["id"].as_str().expect("an id").to_owned()
}

/// What of these texts stands in the files of the store.
fn found(world: &World, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(world.data()).expect("a folder") {
        let path = entry.expect("a file").path();
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("cusp.db")) {
            continue;
        }
        let bytes = std::fs::read(&path).expect("readable");
        for text in texts {
            if let Some(at) = bytes.windows(text.len()).position(|window| window == text.as_bytes()) {
                let around = String::from_utf8_lossy(&bytes[at.saturating_sub(80)..bytes.len().min(at + 40)]);
                found.push(format!("{text} in {}: {around:?}", path.display()));
            }
        }
    }
    found
}

async fn notify(agent: &mut Agent, what: Notification) {
    let id = agent.notify(what);
    agent.answer_to(&id).await;
}

fn one(name: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), value.to_owned())])
}

async fn notifications(agent: &mut Agent) {
    let id = agent.value_change("Device.WiFi.AccessPoint.1.Security.KeyPassphrase", "sesame-1");
    agent.answer_to(&id).await;
    let event = |path: &str, name: &str, params| {
        Notification::Event(Event { obj_path: path.into(), event_name: name.into(), params })
    };
    notify(agent, event("Device.X_EX_Box.", "Opened!", one("AdminPassword", "sesame-2"))).await;
    let map = "{\"Device.Users.User.1.Password\":\"sesame-3\"}";
    notify(agent, event("Device.", "Boot!", one("ParameterMap", map))).await;
    let creation =
        ObjectCreation { obj_path: "Device.Users.User.2.".into(), unique_keys: one("Password", "sesame-4") };
    notify(agent, Notification::ObjCreation(creation)).await;
}

/// A command with a secret argument, of which the device says more than it should.
async fn command(server: &Running, agent: &mut Agent, device: &str) {
    const COMMAND: &str = "Device.X_EX_Box.Open()";
    let body = json!({ "command": COMMAND, "args": { "Password": "sesame-5" } });
    let job = submit(server, device, "operate", body).await;
    let (id, request) = agent.request(|request| matches!(request, Request::Operate(_))).await;
    let Request::Operate(operate) = request else { unreachable!("an Operate was waited for") };
    let started = OperationResult::running(COMMAND, "Device.LocalAgent.Request.1.");
    agent.respond(&id, Response::OperateResp(OperateResp { operation_results: vec![started] }));
    server.until(&format!("/jobs/{job}"), |one| one.body["state"] == "accepted").await;
    let output = [("Password", "sesame-6"), ("Said", "it was sesame-5")];
    let output_args = output.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let complete = OperationComplete {
        obj_path: "Device.X_EX_Box.".into(),
        command_name: "Open()".into(),
        command_key: operate.command_key,
        operation_resp: Some(OperationResp::ReqOutputArgs(OutputArgs { output_args })),
    };
    notify(agent, Notification::OperComplete(complete)).await;
    server.until(&format!("/jobs/{job}"), |one| one.body["state"] == "done").await;
}

/// A Set of which the device quotes the value that it refuses.
async fn refused_set(server: &Running, agent: &mut Agent, device: &str) {
    let params = json!([{ "param": "Password", "value": "sesame-7" }]);
    let body = json!({ "objects": [{ "path": "Device.Users.User.1.", "params": params }] });
    let job = submit(server, device, "set", body).await;
    let is_it = |request: &Request| matches!(request, Request::Set(set) if set.update_objs[0].obj_path == "Device.Users.User.1.");
    let (id, _) = agent.request(is_it).await;
    let why = "sesame-7 is too short";
    let result = UpdatedObjectResult::failure("Device.Users.User.1.", 7012, why, Vec::new());
    agent.respond(&id, Response::SetResp(SetResp { updated_obj_results: vec![result] }));
    let job = server.until(&format!("/jobs/{job}"), |one| one.body["state"] == "failed").await;
    assert!(job.to_string().contains("•••• is too short"), "{job}");
}

/// The scripted device reads a password to everybody who asks.
async fn reads(server: &Running, agent: &mut Agent, device: &str) {
    for path in ["Device.Users.User.1.Password", "Device.Users.User.[Password==\"sesame-8\"].Username"] {
        let job = submit(server, device, "get", json!({ "paths": [path] })).await;
        let is_it = |request: &Request| matches!(request, Request::Get(get) if get.param_paths == [path]);
        let (id, request) = agent.request(is_it).await;
        agent.respond(&id, reply(&request));
        server.until(&format!("/jobs/{job}"), |one| one.body["state"] == "done").await;
    }
}

#[tokio::test]
async fn no_secret_that_a_device_reports_is_stored() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let device = server.device(AGENT).await;
    agent.request(|_| true).await;
    notifications(&mut agent).await;
    command(&server, &mut agent, &device).await;
    refused_set(&server, &mut agent, &device).await;
    reads(&server, &mut agent, &device).await;
    // The paths are there, so that it is the right file that is searched.
    let told = ["KeyPassphrase", "Opened!", "Device.Users.User.1."];
    assert!(found(&world, &told).len() >= told.len());
    assert_eq!(found(&world, &[SECRET, "value of Password"]), Vec::<String>::new());
    let kept = server.api.get(&format!("/devices/{device}/params?path=Device.WiFi.")).await;
    assert_eq!(kept.items()[0]["value"], "••••", "{kept:?}");
    // Nor when the log has been folded into the file.
    server.stop().await;
    assert!(found(&world, &told).len() >= told.len());
    assert_eq!(found(&world, &[SECRET, "value of Password"]), Vec::<String>::new());
}

/// That `Pin` is secret, only the device's own model says: it can be written, and not be read.
#[tokio::test]
async fn what_only_the_devices_model_calls_secret_is_not_stored() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let device = server.device(AGENT).await;
    let (id, request) = agent.request(|request| matches!(request, Request::GetSupportedDm(_))).await;
    let Response::GetSupportedDmResp(mut answer) = reply(&request) else { unreachable!("it was asked") };
    let object = &mut answer.req_obj_results[0].supported_objs[0];
    object.supported_obj_path = "Device.X_EX_Box.".into();
    object.supported_params = vec![SupportedParamResult {
        param_name: "Pin".into(),
        access: ParamAccessType::ParamWriteOnly.into(),
        ..SupportedParamResult::default()
    }];
    agent.respond(&id, Response::GetSupportedDmResp(answer));
    let id = agent.value_change("Device.X_EX_Box.Pin", "sesame-9");
    agent.answer_to(&id).await;
    let kept = server.api.get(&format!("/devices/{device}/params?path=Device.X_EX_Box.")).await;
    assert_eq!(kept.items()[0]["value"], "••••", "{kept:?}");
    assert_eq!(found(&world, &[SECRET]), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_in_the_data_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new(PolicyName::Open);
    let data = world.data();
    std::fs::create_dir_all(data.join("ca")).expect("a folder");
    std::fs::write(data.join("ca/note"), "left by somebody").expect("writable");
    for open in [data.clone(), data.join("ca")] {
        std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o755)).expect("ours");
    }
    let server = world.serve().await;
    server.api.get("/devices").await;
    let mode = |path: &std::path::Path| path.metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let mut seen = Vec::new();
    let mut folders = vec![data.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let expected = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode(&path), expected, "{}", path.display());
            if path.is_dir() {
                folders.push(path.clone());
            }
            seen.push(path.strip_prefix(&data).expect("below").display().to_string());
        }
    }
    for file in ["cusp.db", "cusp.db-wal", "cusp.lock", "seal.key", "ca", "ca/ca.pem", "ca/note"] {
        assert!(seen.iter().any(|one| one == file), "{file} of {seen:?}");
    }
}

/// Data models of this vendor say that `Token` is secured, and how far `Drift` goes; the device itself says
/// nothing of the kind.
const CLOUD: &str = r#"<document xmlns="urn:broadband-forum-org:cwmp:datamodel-1-15" spec="urn:example:one-usp">
<model name="Device:2.0"><object name="Device." access="readOnly" minEntries="1" maxEntries="1"/>
<object name="Device.X_EX_Cloud." access="readOnly" minEntries="1" maxEntries="1">
<parameter name="Token" access="readWrite"><syntax hidden="true"><string/></syntax></parameter>
<parameter name="Drift" access="readWrite"><syntax><int><range minInclusive="-5" maxInclusive="5"/></int></syntax></parameter>
</object></model></document>"#;

#[tokio::test]
async fn what_an_imported_model_calls_secret_is_neither_stored_nor_shown() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let device = server.device(AGENT).await;
    let (id, request) = agent.request(|request| matches!(request, Request::GetSupportedDm(_))).await;
    let Response::GetSupportedDmResp(mut answer) = reply(&request) else { unreachable!("it was asked") };
    let object = &mut answer.req_obj_results[0].supported_objs[0];
    object.supported_obj_path = "Device.X_EX_Cloud.".into();
    let param = |name: &str| SupportedParamResult {
        param_name: name.into(),
        access: ParamAccessType::ParamReadWrite.into(),
        ..SupportedParamResult::default()
    };
    object.supported_params = vec![param("Token"), param("Drift")];
    agent.respond(&id, Response::GetSupportedDmResp(answer));
    // The session has read its model before the data model is imported.
    let id = agent.value_change("Device.X_EX_Cloud.Drift", "1");
    agent.answer_to(&id).await;
    assert_eq!(server.api.call("POST", "/datamodels", CLOUD).await.status, 200);
    let trace = format!("/devices/{device}/trace");
    assert_eq!(server.api.call("PUT", &trace, r#"{"enabled":true}"#).await.status, 204);

    let id = agent.value_change("Device.X_EX_Cloud.Token", "sesame-10");
    agent.answer_to(&id).await;
    let kept = server.api.get(&format!("/devices/{device}/params?path=Device.X_EX_Cloud.Token")).await;
    assert_eq!(kept.items()[0]["value"], "••••", "{kept:?}");
    let set = |param: &str, value: &str| {
        let params = json!([{ "param": param, "value": value }]);
        json!({ "objects": [{ "path": "Device.X_EX_Cloud.", "params": params }] })
    };
    let path = format!("/devices/{device}/set");
    let refused = server.api.post(&path, Some(set("Drift", "6"))).await;
    assert_eq!((refused.status, &refused.body["params"][0]["code"]), (400, &json!(7012)), "{refused:?}");
    // One that waits is shown without it, too, and so is its event.
    agent.leave();
    agent.down().await;
    server.until(&format!("/devices/{device}"), |device| device.body["online"] == false).await;
    let waiting = server.api.post(&path, Some(set("Token", "sesame-11"))).await;
    assert_eq!(waiting.status, 202, "{waiting:?}");
    let id = waiting.body["id"].as_str().expect("an id");
    for path in [&format!("/jobs/{id}"), "/jobs", "/events", &trace] {
        let shown = server.api.get(path).await.body.to_string();
        assert!(!shown.contains(SECRET), "{path}: {shown}");
    }
    let traced = server.api.text("GET", &format!("/api/v1{trace}?format=jsonl")).await;
    let hex: String = "sesame-10".bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(traced.contains("Notify") && !traced.contains(&hex), "{traced}");
    assert_eq!(found(&world, &["sesame-10"]), Vec::<String>::new());
}
