//! Counters for `/metrics`. Never a label per device.

use mtp::Cause;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What the server counts.
#[derive(Default)]
pub struct Metrics {
    /// Connections that were upgraded.
    pub links_opened: Counter,
    /// Connections that ended.
    pub links_closed: Counter,
    /// Attempts that were turned away.
    pub refused: Counter,
    /// The same by cause; one series for each of a fixed number of causes.
    pub refused_by_cause: Family<[(&'static str, &'static str); 1], Counter>,
    /// Records from devices.
    pub records_in: Counter,
    /// Records to devices.
    pub records_out: Counter,
    /// Notifications stored.
    pub notifications: Counter,
    /// Jobs that ended.
    pub jobs_finished: Counter,
    /// Oddities of devices that need no action.
    pub noticed: Counter,
    /// Certificates that two addresses used in turns.
    pub clones: Counter,
    /// Sessions ended by a panic.
    pub panics: Counter,
    /// Panics of tasks that serve everybody.
    pub task_panics: Counter,
    broker_connected: Family<[(&'static str, String); 1], Gauge>,
    broker_records_in: Family<[(&'static str, String); 1], Counter>,
}

/// What is counted of one broker; there are as many as the configuration names.
#[derive(Clone)]
pub struct BrokerMeter {
    /// 1 while there is a connection.
    pub connected: Gauge,
    /// Records from agents behind it.
    pub records_in: Counter,
}

impl Metrics {
    /// What is counted of the broker of this URL.
    pub fn broker(&self, url: &str) -> BrokerMeter {
        let label = [("broker", url.to_owned())];
        BrokerMeter {
            connected: self.broker_connected.get_or_create(&label).clone(),
            records_in: self.broker_records_in.get_or_create(&label).clone(),
        }
    }

    /// Counts a refusal under its cause.
    pub fn refused_for(&self, cause: Cause) {
        self.refused_by_cause.get_or_create(&[("cause", cause.as_str())]).inc();
    }

    /// The text that Prometheus scrapes.
    pub fn render(&self, sessions: usize) -> String {
        let mut registry = Registry::with_prefix("cusp");
        let counters = [
            ("links_opened", "Connections that were upgraded", &self.links_opened),
            ("links_closed", "Connections that ended", &self.links_closed),
            ("refused", "Attempts that were turned away", &self.refused),
            ("records_in", "Records from devices", &self.records_in),
            ("records_out", "Records to devices", &self.records_out),
            ("notifications", "Notifications stored", &self.notifications),
            ("jobs_finished", "Jobs that ended", &self.jobs_finished),
            ("noticed", "Oddities of devices that need no action", &self.noticed),
            ("certificate_clones", "Certificates that two addresses used in turns", &self.clones),
            ("session_panics", "Sessions ended by a panic", &self.panics),
            ("task_panics", "Panics of tasks that serve everybody", &self.task_panics),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        let help = "Whether there is a connection to this broker";
        registry.register("broker_connected", help, self.broker_connected.clone());
        let help = "Records from agents behind this broker";
        registry.register("broker_records_in", help, self.broker_records_in.clone());
        for cause in Cause::ALL {
            // A rate is only seen between two values: each series is there from the start.
            drop(self.refused_by_cause.get_or_create(&[("cause", cause.as_str())]));
        }
        let help = "Attempts that were turned away, by cause";
        registry.register("refused_by_cause", help, self.refused_by_cause.clone());
        let online = prometheus_client::metrics::gauge::Gauge::<i64>::default();
        online.set(i64::try_from(sessions).unwrap_or(i64::MAX));
        registry.register("sessions", "Devices with a session", online);
        let mut text = String::new();
        if encode(&mut text, &registry).is_err() {
            text.clear();
        }
        text
    }
}
