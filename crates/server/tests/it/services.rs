//! USP Services of a device come and go, and the stored model of the device follows.

use serde_json::{Value, json};
use server::config::PolicyName;
use usp_proto::get_supported_dm::{
    ParamAccessType, ParamValueType, SupportedObjectResult, SupportedParamResult,
};
use usp_proto::notify::{Event, Notification, ObjectCreation, ObjectDeletion, ValueChange};
use usp_proto::{Body, ErrorBody, Msg, Request};

use crate::agent::Agent;
use crate::world::{AGENT, Running, World};

const LAMP: &str = "Device.X_CUSP_Lamp.";
const SERVICE: &str = "Device.USPServices.USPService.";

fn object(path: &str, param: &str) -> SupportedObjectResult {
    let param = SupportedParamResult {
        param_name: param.to_owned(),
        access: ParamAccessType::ParamReadWrite as i32,
        value_type: ParamValueType::ParamString as i32,
        ..SupportedParamResult::default()
    };
    SupportedObjectResult {
        supported_obj_path: path.to_owned(),
        is_multi_instance: path.ends_with("{i}."),
        supported_params: vec![param],
        ..SupportedObjectResult::default()
    }
}

/// A Broker without any service.
fn broker() -> Vec<SupportedObjectResult> {
    vec![object("Device.DeviceInfo.", "X"), object("Device.USPServices.USPService.{i}.", "DataModelPaths")]
}

fn with_lamp() -> Vec<SupportedObjectResult> {
    let mut model = broker();
    model.push(object(LAMP, "Name"));
    model
}

fn comes() -> Notification {
    Notification::ObjCreation(ObjectCreation { obj_path: format!("{SERVICE}1."), ..Default::default() })
}

fn goes() -> Notification {
    Notification::ObjDeletion(ObjectDeletion { obj_path: format!("{SERVICE}1.") })
}

/// Answers for the agent until the work is done.
async fn meanwhile<T>(agent: &mut Agent, work: impl Future<Output = T>) -> T {
    tokio::select! {
        msg = agent.until(|msg| matches!(msg.body, Body::Error(_))) => panic!("{msg:?}"),
        done = work => done,
    }
}

/// A Broker that is onboarded.
async fn onboarded(server: &Running) -> (Agent, String) {
    let mut agent = Agent::dial(server, AGENT).await;
    agent.model = broker();
    let device = meanwhile(&mut agent, async {
        let device = server.device(AGENT).await;
        server.until(&format!("/devices/{device}"), |one| one.body["onboarded"] == true).await;
        device
    });
    let device = device.await;
    (agent, device)
}

/// Sets the lamp's name, without force; the status of the answer.
async fn set(server: &Running, device: &str) -> u16 {
    let params = json!([{ "param": "Name", "value": "attic" }]);
    let body = json!({ "objects": [{ "path": LAMP, "params": params }] });
    server.api.post(&format!("/devices/{device}/set"), Some(body)).await.status
}

/// Until the stored model has the lamp, or has not; a Set is taken, or not, by that.
async fn lamp_is(server: &Running, agent: &mut Agent, device: &str, there: bool) {
    let has = |object: &Value| object["path"] == LAMP;
    let path = format!("/devices/{device}/model");
    let known = server.until(&path, |answer| {
        answer.body["objects"].as_array().is_some_and(|all| all.iter().any(has) == there)
    });
    meanwhile(agent, known).await;
    assert_eq!(set(server, device).await, if there { 202 } else { 400 });
}

async fn onboardings(server: &Running, device: &str) -> usize {
    let log = server.api.get(&format!("/devices/{device}/events?limit=500")).await;
    log.items().iter().filter(|event: &&Value| event["kind"] == "onboarded").count()
}

#[tokio::test]
async fn a_part_is_supported_as_long_as_its_service_is_there() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let (mut agent, device) = onboarded(&server).await;
    assert_eq!((set(&server, &device).await, agent.asked_for_model), (400, 1));
    let news = [
        (comes(), with_lamp(), true),
        (goes(), broker(), false),
        // A service that is there registers more.
        (
            Notification::ValueChange(ValueChange {
                param_path: format!("{SERVICE}1.DataModelPaths"),
                param_value: LAMP.to_owned(),
            }),
            with_lamp(),
            true,
        ),
        // After a boot nothing tells of the services that do not come back.
        (
            Notification::Event(Event {
                obj_path: "Device.".to_owned(),
                event_name: "Boot!".to_owned(),
                ..Default::default()
            }),
            broker(),
            false,
        ),
    ];
    for (at, (what, model, there)) in (2..).zip(news) {
        agent.model = model;
        agent.notify(what);
        lamp_is(&server, &mut agent, &device, there).await;
        assert_eq!(agent.asked_for_model, at, "asked once for each");
    }
    assert_eq!(onboardings(&server, &device).await, 1, "it stays onboarded");
}

#[tokio::test]
async fn a_look_that_came_to_nothing_is_tried_again_in_the_same_session() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let (mut agent, device) = onboarded(&server).await;
    agent.notify(comes());
    // For the whole model, and then for its parts.
    for _ in 0..2 {
        let (asked, _) = agent.request(|request| matches!(request, Request::GetSupportedDm(_))).await;
        agent.send(&Msg::error(asked, ErrorBody::new(7003, "not now")));
    }
    agent.model = with_lamp();
    lamp_is(&server, &mut agent, &device, true).await;
    assert_eq!(agent.asked_for_model, 2, "once when it was onboarded, once again");
}

#[tokio::test]
async fn the_subscriptions_follow_the_model() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    agent.model = broker();
    let references = |request: &Request, id: &str| {
        let Request::Add(add) = request else { return None };
        let value = |object: &usp_proto::add::CreateObject, name: &str| {
            object.param_settings.iter().find(|one| one.param == name).map(|one| one.value.clone())
        };
        let object = add.create_objs.iter().find(|one| value(one, "ID").as_deref() == Some(id))?;
        value(object, "ReferenceList")
    };
    let (asked, request) = agent.request(|request| references(request, "cusp-service").is_some()).await;
    assert_eq!(references(&request, "cusp-service").as_deref(), Some(SERVICE));
    let rows = "Device.USPServices.USPService.*.";
    assert_eq!(references(&request, "cusp-service-gone").as_deref(), Some(rows));
    assert_eq!(references(&request, "cusp-creation"), None);
    agent.take(&asked, &request);
    let device = server.device(AGENT).await;
    let path = format!("/devices/{device}");
    meanwhile(&mut agent, server.until(&path, |one| one.body["onboarded"] == true)).await;
    agent.model.push(object("Device.X_CUSP_Lamp.Scene.{i}.", "Name"));
    agent.notify(comes());
    let (_, request) = agent.request(|request| references(request, "cusp-creation").is_some()).await;
    assert_eq!(references(&request, "cusp-creation").as_deref(), Some("Device.X_CUSP_Lamp.Scene."));
}

#[tokio::test]
async fn a_look_that_is_due_survives_the_death_of_the_server() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let (mut agent, device) = onboarded(&server).await;
    let told = agent.notify(comes());
    agent.answer_to(&told).await;
    server.kill().await;

    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    agent.model = with_lamp();
    lamp_is(&server, &mut agent, &device, true).await;
    assert_eq!(agent.asked_for_model, 1);
    // What is answered is not asked again.
    let path = format!("/devices/{device}");
    meanwhile(&mut agent, async { while onboardings(&server, &device).await < 2 {} }).await;
    agent.leave();
    server.until(&path, |one| one.body["online"] == false).await;
    let mut agent = Agent::dial(&server, AGENT).await;
    agent.model = with_lamp();
    // Without its rows it is onboarded again, by the model that is known.
    meanwhile(&mut agent, async { while onboardings(&server, &device).await < 3 {} }).await;
    assert_eq!(agent.asked_for_model, 0);
}

#[tokio::test]
async fn a_device_that_is_onboarded_meanwhile_is_looked_at_after_that() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    agent.model = broker();
    // A service comes when the model has been told, and before the device is set up.
    let (asked, request) = agent.request(|request| matches!(request, Request::Add(_))).await;
    agent.model = with_lamp();
    let told = agent.notify(comes());
    agent.answer_to(&told).await;
    agent.take(&asked, &request);
    let device = server.device(AGENT).await;
    lamp_is(&server, &mut agent, &device, true).await;
    assert_eq!(agent.asked_for_model, 2);
}
