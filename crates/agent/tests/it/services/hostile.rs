//! Services that misbehave: each harms itself alone.

use std::process::{Command, Stdio};

use dm::operation::Get;
use dm::{Code, Operation, Outcome};
use requirement::requirement;
use tokio::task::JoinHandle;

use super::fake::{Fake, Mood};
use super::{Device, lamp};
use crate::peer::{Heard, set};

const ONE: &str = "Device.X_One.";
const TWO: &str = "Device.X_Two.";
const LAMP: &str = "Device.X_CUSP_Lamp.";

/// Tells the process of a lamp where its broker is.
const SOCKET: &str = "CUSP_TEST_LAMP_SOCKET";

#[requirement("R-REG.0", "R-REG.1", "R-DEREG.2", "R-DEREG.4")]
#[tokio::test]
async fn a_part_has_one_owner() {
    let device = Device::start().await;
    let mut one = Fake::connect(&device.socket(), "proto::one", ONE).await;
    let mut two = Fake::connect(&device.socket(), "proto::two", TWO).await;
    assert_eq!(one.register(&[ONE], false).await, Ok(vec![0]));
    // All or nothing, with the code of the first that fails.
    for (paths, code) in [
        (&[TWO, ONE][..], 7029),
        (&[TWO, "Device.X_One.Row."], 7029),
        (&[TWO, "Device."], 7029),
        (&[TWO, "Device.DeviceInfo."], 7029),
        (&[TWO, "Device.LocalAgent.X_Two."], 7029),
        (&[TWO, "Device.X_Two.1."], 7028),
        (&[TWO, "Device.X_Two.{i}."], 7028),
        (&[TWO, "Device.X_Three.Level"], 7028),
        (&[TWO, "not a path"], 7028),
    ] {
        assert_eq!(two.register(paths, false).await, Err(code), "{paths:?}");
    }
    assert_eq!(two.register(&[ONE, TWO, "Device.X_Two.1."], true).await, Ok(vec![7029, 0, 7028]));
    assert_eq!(two.register(&[ONE], true).await, Ok(vec![7029]));
    let withdrawn = two.deregister(&[ONE, "Device.X_Never.", TWO, TWO]).await;
    assert_eq!(withdrawn, [Err(7031), Err(7030), Ok(vec![TWO.to_owned()]), Err(7030)]);
    assert_eq!(one.register(&[TWO, "Device.X_Three."], false).await, Ok(vec![0, 0]));
    let all = [ONE, "Device.X_Three.", TWO].map(str::to_owned).to_vec();
    assert_eq!(one.deregister(&[""]).await, [Ok(all)]);
    assert_eq!(two.register(&[ONE, TWO], false).await, Ok(vec![0, 0]));
}

#[tokio::test]
async fn a_service_registers_what_the_configuration_trusts_it_with() {
    let mut device = Device::start_with("[services.allow]\n\"proto::one\" = [\"Device.X_One.\"]\n").await;
    let mut one = Fake::connect(&device.socket(), "proto::one", ONE).await;
    let mut two = Fake::connect(&device.socket(), "proto::two", TWO).await;
    assert_eq!(one.register(&[ONE, TWO], true).await, Ok(vec![0, 7006]));
    assert_eq!(two.register(&[TWO], false).await, Err(7006));
    let row = "Device.USPServices.Trust.1.";
    let expected = [("EndpointID", "proto::one"), ("TargetPaths", ONE)];
    let expected = expected.map(|(name, value)| (format!("{row}{name}"), value.to_owned()));
    assert_eq!(device.get(row).await, Ok(expected.to_vec()));
}

#[tokio::test]
async fn a_service_says_nothing_of_others_parts() {
    let mut device = Device::start().await;
    Fake::serving(&device.socket(), "proto::one", ONE, Mood::Willing).await;
    device.until("Device.X_One.Level", Ok(&[("Device.X_One.Level", "1")])).await;
    assert_eq!(device.get("Device.DeviceInfo.Lie.").await, Err(Code::INVALID_PATH));
}

/// A device with the lamp, and a service beside it that is known.
async fn beside_a_lamp() -> (Device, JoinHandle<()>, Fake) {
    let mut device = Device::start().await;
    let lamp = lamp(&device.socket());
    device.until(LAMP, Ok(&[("Device.X_CUSP_Lamp.Brightness", "0")])).await;
    let one = Fake::known(&device.socket(), "proto::one", ONE).await;
    (device, lamp, one)
}

#[tokio::test]
async fn a_service_that_dies_over_a_request_takes_its_part_along() {
    let (mut device, _lamp, mut one) = beside_a_lamp().await;
    one.mood = Mood::Dying;
    let serving = tokio::spawn(async move { while one.turn().await {} });
    let outcome = device.controller.ask(set(ONE, "Level", "3")).await;
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    device.until(ONE, Err(Code::INVALID_PATH)).await;
    assert_eq!(device.controller.value("Device.X_CUSP_Lamp.Brightness").await, "0");
    serving.await.expect("it ended");
    // Its place is free for the next one.
    Fake::serving(&device.socket(), "proto::one", ONE, Mood::Willing).await;
    device.until("Device.X_One.Level", Ok(&[("Device.X_One.Level", "1")])).await;
}

#[tokio::test]
async fn a_service_that_hangs_delays_its_own_readers_alone() {
    let (mut device, _lamp, mut one) = beside_a_lamp().await;
    one.mood = Mood::Mute;
    tokio::spawn(async move { while one.turn().await {} });
    device
        .until(
            "Device.USPServices.USPServiceNumberOfEntries",
            Ok(&[("Device.USPServices.USPServiceNumberOfEntries", "2")]),
        )
        .await;
    let get = |path: &str| Operation::Get(Get { paths: vec![path.to_owned()], max_depth: 0 });
    let slow = device.controller.send(get(ONE));
    let quick = device.controller.send(get(LAMP));
    let mut answers = Vec::new();
    while answers.len() < 2 {
        let Heard::Answer(number, Outcome::Get(results)) = device.controller.hear().await else {
            panic!("no answer")
        };
        let verdict = results[0].result.as_ref().map_or_else(|fault| fault.to_string(), |_| String::new());
        answers.push((number, verdict));
    }
    assert_eq!(answers[0], (quick, String::new()));
    assert_eq!(answers[1].0, slow);
    assert!(answers[1].1.contains("did not answer in time"), "{answers:?}");
}

#[tokio::test]
async fn an_endpoint_that_is_there_is_not_pushed_aside() {
    let mut device = Device::start().await;
    Fake::serving(&device.socket(), "proto::one", ONE, Mood::Willing).await;
    device.until("Device.X_One.Level", Ok(&[("Device.X_One.Level", "1")])).await;
    let mut twin = Fake::connect(&device.socket(), "proto::one", TWO).await;
    assert!(!twin.turn().await, "it is disconnected");
    assert_eq!(device.controller.value("Device.X_One.Level").await, "1");
}

#[tokio::test]
async fn a_flood_of_notifications_is_read_as_one() {
    let (mut device, _lamp, mut one) = beside_a_lamp().await;
    for _ in 0..2000 {
        one.changed("Level", "1");
    }
    let before = one.asked_for_values;
    let serving = tokio::spawn(async move {
        while one.values.get("Device.X_One.Level").is_some_and(|level| level != "9") && one.turn().await {}
        one
    });
    device.controller.set(ONE, "Level", "9").await;
    let one = serving.await.expect("it serves");
    assert!(one.asked_for_values - before < 200, "{} reads", one.asked_for_values - before);
    assert_eq!(device.controller.value("Device.X_CUSP_Lamp.Brightness").await, "0");
}

#[tokio::test]
async fn a_service_that_is_killed_leaves_nothing_behind() {
    let mut device = Device::start().await;
    let program = std::env::current_exe().expect("this test");
    let words = ["--exact", "services::hostile::the_process_of_a_lamp"];
    let mut lamp = Command::new(program)
        .args(words)
        .env(SOCKET, device.socket())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    device.until(LAMP, Ok(&[("Device.X_CUSP_Lamp.Brightness", "0")])).await;
    lamp.kill().expect("it runs");
    lamp.wait().expect("it is ours");
    device.until(LAMP, Err(Code::INVALID_PATH)).await;
    let _lamp = super::lamp(&device.socket());
    device.until(LAMP, Ok(&[("Device.X_CUSP_Lamp.Brightness", "0")])).await;
}

/// A process that another test starts and kills; by itself it proves nothing.
#[tokio::test]
async fn the_process_of_a_lamp() {
    let Some(socket) = std::env::var_os(SOCKET) else { return };
    super::lamp::serve(socket.as_ref(), "proto::lamp").await.expect("the broker is there");
}
