//! What happens at a service of itself, as the agent's controllers hear of it.

use dm::operation::{CommandResult, Operate};
use dm::{Code, Operation, Outcome};
use requirement::requirement;
use usp_proto::notify::{
    Event, Notification, Notify, ObjectCreation, ObjectDeletion, OperationComplete, OperationResp, OutputArgs,
};

use super::Device;
use super::fake::{Fake, Mood};
use crate::peer::add;

const ONE: &str = "Device.X_One.";

/// A device with a service, whose news the controller wants; the service has been read once.
async fn device() -> (Device, Fake) {
    let mut device = Device::start().await;
    let one = Fake::known(&device.socket(), "proto::one", ONE).await;
    device
        .until(
            "Device.USPServices.USPServiceNumberOfEntries",
            Ok(&[("Device.USPServices.USPServiceNumberOfEntries", "1")]),
        )
        .await;
    (device, one)
}

async fn subscribe(device: &mut Device, kind: &str, references: &str) {
    let params = [("Enable", "true"), ("NotifType", kind), ("ID", kind), ("ReferenceList", references)];
    let outcome = device.controller.ask(add("Device.LocalAgent.Subscription.", &params)).await;
    let Outcome::Add(results) = &outcome else { panic!("{outcome:?}") };
    assert!(results[0].result.is_ok(), "{outcome:?}");
}

/// The service serves until the controller has heard of a kind; gives what it heard.
async fn hear(device: &mut Device, one: &mut Fake, kind: &str) -> Notification {
    tokio::select! {
        () = async { while one.turn().await {} } => panic!("the service is disconnected"),
        () = device.controller.notified_by(kind) => {}
    }
    device.controller.notices.iter().find(|notice| notice.name() == kind).expect("it was heard").clone()
}

#[tokio::test]
async fn values_rows_and_events_of_a_service_are_told() {
    let (mut device, mut one) = device().await;
    for (kind, references) in [
        ("ValueChange", "Device.X_One.Level"),
        ("ObjectCreation", "Device.X_One.Row."),
        ("ObjectDeletion", "Device.X_One.Row.*."),
        ("Event", "Device.X_One.Row.*.Moved!"),
    ] {
        subscribe(&mut device, kind, references).await;
    }
    one.changed("Level", "8");
    let heard = hear(&mut device, &mut one, "ValueChange").await;
    let Notification::ValueChange(change) = heard else { panic!("{heard:?}") };
    assert_eq!((change.param_path.as_str(), change.param_value.as_str()), ("Device.X_One.Level", "8"));

    one.values.insert("Device.X_One.Row.9.Name".to_owned(), "nine".to_owned());
    let obj_path = "Device.X_One.Row.9.".to_owned();
    one.notify(Notify::new(
        "",
        false,
        Notification::ObjCreation(ObjectCreation { obj_path: obj_path.clone(), ..Default::default() }),
    ));
    let heard = hear(&mut device, &mut one, "ObjectCreation").await;
    let Notification::ObjCreation(creation) = heard else { panic!("{heard:?}") };
    assert_eq!(creation.obj_path, obj_path);

    let params = [("To".to_owned(), "there".to_owned())].into();
    let event = Event { obj_path: obj_path.clone(), event_name: "Moved!".to_owned(), params };
    one.notify(Notify::new("", false, Notification::Event(event.clone())));
    // One of another's part is not told.
    let lie = Event { obj_path: "Device.".to_owned(), event_name: "Boot!".to_owned(), ..Default::default() };
    one.notify(Notify::new("", false, Notification::Event(lie)));
    assert_eq!(hear(&mut device, &mut one, "Event").await, Notification::Event(event));

    one.values.remove("Device.X_One.Row.9.Name");
    one.notify(Notify::new(
        "",
        false,
        Notification::ObjDeletion(ObjectDeletion { obj_path: obj_path.clone() }),
    ));
    let heard = hear(&mut device, &mut one, "ObjectDeletion").await;
    let Notification::ObjDeletion(deletion) = heard else { panic!("{heard:?}") };
    assert_eq!(deletion.obj_path, obj_path);
    let events = device.controller.notices.iter().filter(|notice| notice.name() == "Event").count();
    assert_eq!(events, 1);
}

/// A service does not tell a second time what has changed.
#[requirement("R-NOT.0a")]
#[tokio::test]
async fn a_change_that_could_not_be_read_at_once_is_told_later() {
    let (mut device, mut one) = device().await;
    subscribe(&mut device, "ValueChange", "Device.X_One.Level").await;
    one.fails = 2;
    one.changed("Level", "8");
    let heard = hear(&mut device, &mut one, "ValueChange").await;
    let Notification::ValueChange(change) = heard else { panic!("{heard:?}") };
    assert_eq!((change.param_path.as_str(), change.param_value.as_str()), ("Device.X_One.Level", "8"));
}

#[tokio::test]
async fn who_is_told_of_a_service_finds_its_part_and_who_is_told_that_it_went_does_not() {
    const ENTRIES: &str = "Device.USPServices.USPServiceNumberOfEntries";
    let mut device = Device::start().await;
    subscribe(&mut device, "ObjectCreation", "Device.USPServices.USPService.").await;
    subscribe(&mut device, "ObjectDeletion", "Device.USPServices.USPService.*.").await;
    let mut one = Fake::connect(&device.socket(), "proto::one", ONE).await;
    one.register(&[ONE], false).await.expect("it is free");
    // It has not said yet what is in its part.
    assert_eq!(device.get(ENTRIES).await, Ok(vec![(ENTRIES.to_owned(), "0".to_owned())]));
    assert_eq!(device.get(ONE).await, Err(Code::INVALID_PATH));
    hear(&mut device, &mut one, "ObjectCreation").await;
    let asked = device.controller.send(get(ONE));
    let answer = loop {
        tokio::select! {
            heard = device.controller.hear() => break heard,
            turned = one.turn() => assert!(turned),
        }
    };
    let crate::peer::Heard::Answer(number, Outcome::Get(results)) = answer else { panic!("{answer:?}") };
    assert!(number == asked && results[0].result.is_ok(), "{results:?}");
    drop(one);
    device.controller.notified_by("ObjectDeletion").await;
    assert_eq!(device.get(ONE).await, Err(Code::INVALID_PATH));
}

fn get(path: &str) -> Operation {
    Operation::Get(dm::operation::Get { paths: vec![path.to_owned()], max_depth: 0 })
}

/// A service that takes no subscriptions is asked what its values are, as long as somebody wants to know.
#[requirement("R-NOT.0a")]
#[tokio::test]
async fn values_of_a_service_that_tells_nothing_are_asked_for() {
    let mut device = Device::start().await;
    let mut one = Fake::connect(&device.socket(), "proto::one", ONE).await;
    one.mood = Mood::Silent;
    one.register(&[ONE], false).await.expect("it is free");
    one.turns_until(|one| one.asked_for_values > 0).await;
    let level = "Device.X_One.Level";
    let shown = [(level, "1")];
    tokio::select! {
        () = async { while one.turn().await {} } => panic!("the service is disconnected"),
        () = device.until(level, Ok(&shown)) => {}
    }
    tokio::select! {
        () = async { while one.turn().await {} } => panic!("the service is disconnected"),
        () = subscribe(&mut device, "ValueChange", level) => {}
    }
    one.values.insert(level.to_owned(), "8".to_owned());
    let heard = hear(&mut device, &mut one, "ValueChange").await;
    let Notification::ValueChange(change) = heard else { panic!("{heard:?}") };
    assert_eq!((change.param_path.as_str(), change.param_value.as_str()), (level, "8"));
}

fn work() -> Operation {
    let (command, command_key) = ("Device.X_One.Work()".to_owned(), "key".to_owned());
    Operation::Operate(Operate { command, command_key, send_resp: true, args: Vec::new() })
}

#[tokio::test]
async fn the_end_of_a_command_is_told_and_so_is_that_of_its_service() {
    let (mut device, mut one) = device().await;
    subscribe(&mut device, "OperationComplete", "Device.X_One.Work()").await;
    let asked = device.controller.send(work());
    let started = loop {
        tokio::select! {
            heard = device.controller.hear() => break heard,
            turned = one.turn() => assert!(turned),
        }
    };
    let crate::peer::Heard::Answer(number, Outcome::Operate(results)) = started else {
        panic!("{started:?}")
    };
    assert_eq!(number, asked);
    assert_eq!(results[0].result, Ok(CommandResult::Started("Device.LocalAgent.Request.1.".to_owned())));
    one.turns_until(|one| !one.asked.is_empty()).await;
    let outputs = OutputArgs { output_args: [("Done".to_owned(), "yes".to_owned())].into() };
    let complete = OperationComplete {
        obj_path: ONE.to_owned(),
        command_name: "Work()".to_owned(),
        command_key: "key".to_owned(),
        operation_resp: Some(OperationResp::ReqOutputArgs(outputs)),
    };
    one.notify(Notify::new("", true, Notification::OperComplete(complete.clone())));
    let heard = hear(&mut device, &mut one, "OperationComplete").await;
    assert_eq!(heard, Notification::OperComplete(complete));

    (device.controller.notified, device.controller.notices) = (Vec::new(), Vec::new());
    one.asked.clear();
    device.controller.send(work());
    one.turns_until(|one| !one.asked.is_empty()).await;
    drop(one);
    device.controller.notified_by("OperationComplete").await;
    let Some(Notification::OperComplete(complete)) = device.controller.notices.first() else {
        panic!("no end")
    };
    let failure = complete.status().expect_err("its service is gone");
    assert!(failure.err_msg.contains("gone"), "{failure:?}");
}
