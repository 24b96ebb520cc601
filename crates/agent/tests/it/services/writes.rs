//! Writes that reach several services, or a service and the agent's own part.

use dm::operation::{Delete, ObjectSettings, ParamSetting, Set};
use dm::{Operation, Outcome};
use requirement::requirement;

use super::Device;
use super::fake::{Fake, Mood};

const ONE: &str = "Device.X_One.";
const TWO: &str = "Device.X_Two.";
const OWN: &str = "Device.LocalAgent.Controller.1.";

/// One parameter of each object.
fn set(allow_partial: bool, settings: &[(&str, &str, &str)]) -> Operation {
    let object = |(path, param, value): &(&str, &str, &str)| ObjectSettings {
        path: (*path).to_owned(),
        params: vec![ParamSetting { param: (*param).to_owned(), value: (*value).to_owned(), required: true }],
    };
    Operation::Set(Set { allow_partial, objects: settings.iter().map(object).collect() })
}

/// Two services in these moods, and a device that knows both.
async fn two(one: Mood, two: Mood) -> Device {
    let mut device = Device::start().await;
    Fake::serving(&device.socket(), "proto::one", ONE, one).await;
    device.until("Device.X_One.Level", Ok(&[("Device.X_One.Level", "1")])).await;
    Fake::serving(&device.socket(), "proto::two", TWO, two).await;
    device.until("Device.X_Two.Level", Ok(&[("Device.X_Two.Level", "1")])).await;
    device
}

#[requirement("R-SET.1")]
#[tokio::test]
async fn a_set_over_two_services_is_made_by_both_or_by_none() {
    let all = [(ONE, "Level", "5"), (TWO, "Level", "6"), (OWN, "ProvisioningCode", "new")];
    // Who refuses, what the message as a whole says, and what each of the three holds afterwards.
    for (one, other, expected, levels) in [
        (Mood::Willing, Mood::Willing, None, ["5", "6", "new"]),
        (Mood::Willing, Mood::Refusing, Some((7002, "not today")), ["1", "1", ""]),
        (Mood::Refusing, Mood::Willing, Some((7002, "not today")), ["1", "1", ""]),
        (Mood::Once, Mood::Refusing, Some((7003, "could not be undone: Device.X_One.Level")), ["5", "1", ""]),
    ] {
        let mut device = two(one, other).await;
        let outcome = device.controller.ask(set(false, &all)).await;
        match (&outcome, expected) {
            (Outcome::Set(results), None) => assert!(results.iter().all(|result| result.result.is_ok())),
            (Outcome::Failed(failure), Some((code, text))) => {
                assert_eq!(failure.fault.code.0, code, "{failure:?}");
                assert!(failure.fault.message.contains(text), "{failure:?}");
            }
            other => panic!("{other:?}"),
        }
        let params =
            ["Device.X_One.Level", "Device.X_Two.Level", "Device.LocalAgent.Controller.1.ProvisioningCode"];
        for (param, level) in params.iter().zip(levels) {
            assert_eq!(device.controller.value(param).await, level, "{param} {one:?} {other:?}");
        }
    }
}

#[tokio::test]
async fn with_allow_partial_each_service_answers_for_itself() {
    let mut device = two(Mood::Willing, Mood::Refusing).await;
    let all = [(ONE, "Level", "5"), (TWO, "Level", "6"), (OWN, "ProvisioningCode", "new")];
    let Outcome::Set(results) = device.controller.ask(set(true, &all)).await else { panic!("no results") };
    let codes: Vec<u32> = results
        .iter()
        .map(|result| result.result.as_ref().map_or_else(|failure| failure.fault.code.0, |_| 0))
        .collect();
    assert_eq!(codes, [0, 7002, 0]);
    assert_eq!(device.controller.value("Device.X_One.Level").await, "5");
    assert_eq!(device.controller.value("Device.X_Two.Level").await, "1");
}

#[tokio::test]
async fn a_delete_that_can_not_be_undone_is_named() {
    let mut device = two(Mood::Willing, Mood::Refusing).await;
    let paths = ["Device.X_One.Row.1.", "Device.X_Two.Row.1."].map(str::to_owned).to_vec();
    let outcome = device.controller.ask(Operation::Delete(Delete { allow_partial: false, paths })).await;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.fault.code.0, 7003);
    assert!(failure.fault.message.contains("Device.X_One.Row.1. is deleted"), "{failure:?}");
    device.until("Device.X_One.Row.", Ok(&[("Device.X_One.Row.4.Name", "four")])).await;
    let both = [("Device.X_Two.Row.1.Name", "one"), ("Device.X_Two.Row.4.Name", "four")];
    device.until("Device.X_Two.Row.", Ok(&both)).await;
}

#[tokio::test]
async fn a_service_numbers_its_rows_itself() {
    let mut device = two(Mood::Willing, Mood::Willing).await;
    let rows = [("Device.X_One.Row.1.Name", "one"), ("Device.X_One.Row.4.Name", "four")];
    device.until("Device.X_One.Row.", Ok(&rows)).await;
    // The service calls the next one 7; whoever adds it is told the number that it is read by.
    let outcome = device.controller.ask(crate::peer::add("Device.X_One.Row.", &[("Name", "seven")])).await;
    let Outcome::Add(results) = outcome else { panic!("{outcome:?}") };
    let path = results[0].result.as_ref().expect("a row").path.clone();
    assert_eq!(device.controller.value(&format!("{path}Name")).await, "seven");
    device.controller.set(&path, "Name", "other").await;
    assert_eq!(device.controller.value(&format!("{path}Name")).await, "other");
}
