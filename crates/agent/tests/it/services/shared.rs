//! One data model of the agent's own part and of services' parts.

use dm::operation::{CommandResult, Operate};
use dm::{Code, Operation, Outcome};

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
