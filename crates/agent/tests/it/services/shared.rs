//! One data model of the agent's own part and of services' parts.

use dm::operation::{CommandResult, Operate};
use dm::{Code, Operation, Outcome};
use requirement::requirement;

use super::fake::Fake;
use super::{Device, lamp};
use crate::peer::{AGENT, add};
use usp_proto::notify::Notification;

const LAMP: &str = "Device.X_CUSP_Lamp.";

#[tokio::test]
async fn a_part_comes_and_goes_with_its_service() {
    let mut device = Device::start().await;
    assert_eq!(device.get(LAMP).await, Err(Code::INVALID_PATH));
    let lamp = lamp(&device.socket());
    device.until(LAMP, Ok(&[("Device.X_CUSP_Lamp.Brightness", "0")])).await;
    device.controller.set(LAMP, "Brightness", "40").await;
    assert_eq!(device.controller.value("Device.X_CUSP_Lamp.Brightness").await, "40");
    assert_eq!(device.controller.value("Device.LocalAgent.EndpointID").await, AGENT);
    let row = "Device.USPServices.USPService.1.";
    let expected = [
        ("Device.USPServices.USPService.1.DataModelPaths", LAMP),
        ("Device.USPServices.USPService.1.EndpointID", "proto::lamp"),
        ("Device.USPServices.USPService.1.Protocol", "UDS"),
    ];
    device.until(row, Ok(&expected)).await;
    lamp.abort();
    device.until(LAMP, Err(Code::INVALID_PATH)).await;
    device
        .until(
            "Device.USPServices.USPServiceNumberOfEntries",
            Ok(&[("Device.USPServices.USPServiceNumberOfEntries", "0")]),
        )
        .await;
}

/// A service is asked for what a controller asked for, and for no more.
#[requirement("R-GET.3")]
#[tokio::test]
async fn a_service_is_asked_for_what_was_asked() {
    const LEVEL: &str = "Device.X_One.Level";
    const NAME: &str = "Device.X_One.Row.4.Name";
    let mut device = Device::start().await;
    let mut one = Fake::known(&device.socket(), "proto::one", "Device.X_One.").await;
    let entries = "Device.USPServices.USPServiceNumberOfEntries";
    device.until(entries, Ok(&[(entries, "1")])).await;
    one.values.insert(LEVEL.to_owned(), "7".to_owned());
    let level: Result<&[(&str, &str)], Code> = Ok(&[(LEVEL, "7")]);
    let row: Result<&[(&str, &str)], Code> = Ok(&[(NAME, "four")]);
    for (path, read, expected) in [
        (LEVEL, LEVEL, level),
        (NAME, NAME, row),
        ("Device.X_One.Row.4.", "Device.X_One.Row.4.", row),
        ("Device.X_One.Row.[Name==\"four\"].Name", "Device.X_One.Row.", row),
        // It has not told of this one, and of the next one nobody has.
        ("Device.X_One.Row.9.Name", "Device.X_One.Row.", Ok(&[("Device.X_One.Row.9.Name", "nine")])),
        ("Device.X_One.Row.8.Name", "Device.X_One.Row.", Err(Code::INVALID_PATH)),
    ] {
        if path.contains(".9.") {
            one.values.insert(path.to_owned(), "nine".to_owned());
        }
        one.read.clear();
        tokio::select! {
            () = async { while one.turn().await {} } => panic!("the service is disconnected"),
            () = device.until(path, expected) => {}
        }
        assert_eq!(one.read, [read], "{path}");
    }
    one.values.remove(NAME);
    tokio::select! {
        () = async { while one.turn().await {} } => panic!("the service is disconnected"),
        () = device.until(NAME, Err(Code::INVALID_PATH)) => {}
    }
    assert_eq!(one.read, [NAME], "it says that there is none");
}

async fn subscribe(device: &mut Device, kind: &str, references: &str) {
    let (id, reference) = (("ID", kind), ("ReferenceList", references));
    let params = [("Enable", "true"), ("NotifType", kind), id, reference];
    let outcome = device.controller.ask(add("Device.LocalAgent.Subscription.", &params)).await;
    let Outcome::Add(results) = &outcome else { panic!("{outcome:?}") };
    assert!(results[0].result.is_ok(), "{outcome:?}");
}

fn operate(command: &str) -> Operation {
    let (command, command_key) = (command.to_owned(), "key".to_owned());
    let args = vec![("Times".to_owned(), "3".to_owned())];
    Operation::Operate(Operate { command, command_key, send_resp: true, args })
}

#[tokio::test]
async fn rows_commands_and_events_of_a_service_are_the_agents() {
    let mut device = Device::start().await;
    let _lamp = lamp(&device.socket());
    device.until(LAMP, Ok(&[("Device.X_CUSP_Lamp.Brightness", "0")])).await;
    for (kind, references) in [
        ("Event", "Device.X_CUSP_Lamp.Switched!"),
        ("ObjectCreation", "Device.X_CUSP_Lamp.Scene."),
        ("OperationComplete", "Device.X_CUSP_Lamp.Blink()"),
    ] {
        subscribe(&mut device, kind, references).await;
    }
    let outcome = device.controller.ask(add("Device.X_CUSP_Lamp.Scene.", &[("Name", "dusk")])).await;
    let Outcome::Add(results) = outcome else { panic!("{outcome:?}") };
    let created = results[0].result.as_ref().expect("a row");
    assert_eq!(created.path, "Device.X_CUSP_Lamp.Scene.1.");
    assert_eq!(created.unique_keys, [("Name".to_owned(), "dusk".to_owned())]);
    device.controller.notified_by("ObjectCreation").await;
    let row = [("Device.X_CUSP_Lamp.Scene.1.Brightness", "0"), ("Device.X_CUSP_Lamp.Scene.1.Name", "dusk")];
    device.until("Device.X_CUSP_Lamp.Scene.1.", Ok(&row)).await;
    device.controller.set("Device.X_CUSP_Lamp.", "Brightness", "40").await;
    device.controller.notified_by("Event").await;
    let outcome = device.controller.ask(operate("Device.X_CUSP_Lamp.BlinkNow()")).await;
    let Outcome::Operate(results) = outcome else { panic!("{outcome:?}") };
    let blinked = CommandResult::Output(vec![("Blinked".to_owned(), "3".to_owned())]);
    assert_eq!(results[0].result, Ok(blinked));
    let outcome = device.controller.ask(operate("Device.X_CUSP_Lamp.Blink()")).await;
    let Outcome::Operate(results) = outcome else { panic!("{outcome:?}") };
    let request = CommandResult::Started("Device.LocalAgent.Request.1.".to_owned());
    assert_eq!(results[0].result, Ok(request));
    device.controller.notified_by("OperationComplete").await;
    let complete = device.controller.notices.iter().find_map(|notice| match notice {
        Notification::OperComplete(complete) => Some(complete),
        _ => None,
    });
    let complete = complete.expect("it was heard");
    let outputs = complete.status().expect("it succeeded").expect("outputs");
    assert_eq!(complete.command_key, "key");
    assert_eq!(outputs.output_args.get("Blinked").map(String::as_str), Some("3"));
}
