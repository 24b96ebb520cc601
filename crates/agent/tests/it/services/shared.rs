//! One data model of the agent's own part and of services' parts.

use dm::Code;
use requirement::requirement;

use super::{Device, lamp};
use crate::peer::AGENT;

const LAMP: &str = "Device.X_CUSP_Lamp.";

#[requirement("R-UDS.1", "R-REG.1")]
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
    let expected = [("DataModelPaths", LAMP), ("EndpointID", "proto::lamp"), ("Protocol", "UDS")]
        .map(|(name, value)| (format!("{row}{name}"), value.to_owned()));
    assert_eq!(device.get(row).await, Ok(expected.to_vec()));
    lamp.abort();
    device.until(LAMP, Err(Code::INVALID_PATH)).await;
    device
        .until(
            "Device.USPServices.USPServiceNumberOfEntries",
            Ok(&[("Device.USPServices.USPServiceNumberOfEntries", "0")]),
        )
        .await;
}
