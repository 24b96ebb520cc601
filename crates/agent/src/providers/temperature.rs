//! `DeviceInfo.TemperatureStatus.` from thermal zones and hardware monitors; absent where there are none.

use std::collections::BTreeSet;
use std::time::SystemTime;

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use dm::time::UtcTime;
use engine::provider::{Pending, Provider, ProviderError, Report};

use super::rows::{RowBuilder, object, report};
use super::support::Support;
use super::time::credible;
use crate::config::Policy;
use crate::limits::MAX_SENSORS;
use crate::system::SystemRoot;

const STATUS: &str = "Device.DeviceInfo.TemperatureStatus.";
const SENSOR: &str = "Device.DeviceInfo.TemperatureStatus.TemperatureSensor.{i}.";

/// The temperature sensors.
#[derive(Debug)]
pub struct Temperature {
    root: SystemRoot,
}

/// One sensor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sensor {
    /// What it is called; unique.
    pub name: String,
    /// Degrees Celsius; none when it could not be read.
    pub degrees: Option<i64>,
}

impl Temperature {
    /// Reads below `root`.
    pub fn new(root: SystemRoot) -> Temperature {
        Temperature { root }
    }

    /// All sensors, thermal zones first. A thermal zone that is shown as a hardware monitor too comes once.
    pub fn sensors(&self) -> Vec<Sensor> {
        let mut sensors = Sensors::default();
        self.zones(&mut sensors);
        self.monitors(&mut sensors);
        sensors.found.truncate(MAX_SENSORS);
        sensors.found
    }

    fn zones(&self, sensors: &mut Sensors) {
        for zone in self.root.names("sys/class/thermal") {
            if !zone.starts_with("thermal_zone") {
                continue;
            }
            let kind = self.root.line(&format!("sys/class/thermal/{zone}/type")).unwrap_or(zone.clone());
            sensors.zones.insert(kind.replace('-', "_"));
            let value = self.root.number(&format!("sys/class/thermal/{zone}/temp"));
            sensors.add(&kind, value);
        }
    }

    fn monitors(&self, sensors: &mut Sensors) {
        for monitor in self.root.names("sys/class/hwmon") {
            let dir = format!("sys/class/hwmon/{monitor}");
            let chip = self.root.line(&format!("{dir}/name")).unwrap_or(monitor);
            if sensors.zones.contains(&chip) {
                continue;
            }
            for file in self.root.names(&dir) {
                let Some(input) = file.strip_prefix("temp").and_then(|file| file.strip_suffix("_input"))
                else {
                    continue;
                };
                let label = self.root.line(&format!("{dir}/temp{input}_label"));
                let name = format!("{chip} {}", label.unwrap_or_else(|| format!("temp{input}")));
                sensors.add(&name, self.root.number(&format!("{dir}/{file}")));
            }
        }
    }
}

#[derive(Default)]
struct Sensors {
    found: Vec<Sensor>,
    names: BTreeSet<String>,
    zones: BTreeSet<String>,
}

impl Sensors {
    /// Adds a sensor that reads in thousandths of a degree; a name that is taken gets a number.
    fn add(&mut self, name: &str, thousandths: Option<i64>) {
        let mut unique = name.to_owned();
        let mut number = 1;
        while !self.names.insert(unique.clone()) {
            number += 1;
            unique = format!("{name} {number}");
        }
        let degrees =
            thousandths.map(|value| (value + 500).div_euclid(1000)).filter(|degrees| *degrees >= -274);
        self.found.push(Sensor { name: unique, degrees });
    }
}

impl Provider for Temperature {
    fn name(&self) -> &'static str {
        "temperature"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        if !self.sensors().is_empty() {
            let policy = Policy::default();
            let mut support = Support::new(model, &policy);
            support.object(STATUS, &["TemperatureSensorNumberOfEntries"]);
            support.object(SENSOR, &["Alias", "Enable", "Name", "Status", "Value", "LastUpdate"]);
        }
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(STATUS)]
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(async {
            let now = credible(SystemTime::now());
            Ok(report(self.sensors().iter().map(|sensor| row(sensor, now))))
        })
    }
}

fn row(sensor: &Sensor, now: Option<UtcTime>) -> RowBuilder {
    let row =
        RowBuilder::new(SENSOR, &[&sensor.name]).text_up_to("Name", &sensor.name, 256).bool("Enable", true);
    match sensor.degrees {
        Some(degrees) => row.text("Status", "Enabled").int("Value", degrees).time("LastUpdate", now),
        None => row.text("Status", "Error"),
    }
}
