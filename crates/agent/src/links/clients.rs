//! `MQTT.Client.{i}.Stats.` and `MQTT.Client.{i}.ForceReconnect()`: what went through the connections to MQTT brokers,
//! and how one is made anew. The rows themselves are the engine's; a row that was never in use has no statistics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use engine::provider::{Call, CommandResult, Pending, Provider, ProviderError, Report};
use mtp::mqtt::meter::Totals;
use mtp::mqtt::{BrokerAddress, Meter};
use tokio::sync::{Notify, watch};

use crate::config::Policy;
use crate::providers::rows::{RowBuilder, object, report};
use crate::providers::support::Support;
use crate::providers::time::credible;

const CLIENT: &str = "Device.MQTT.Client.{i}.";
const STATS: &str = "Device.MQTT.Client.{i}.Stats.";
const PARAMS: [&str; 11] = [
    "BrokerConnectionEstablished",
    "LastPublishMessageSent",
    "LastPublishMessageReceived",
    "PublishSent",
    "PublishReceived",
    "SubscribeSent",
    "UnSubscribeSent",
    "MQTTMessagesSent",
    "MQTTMessagesReceived",
    "ConnectionErrors",
    "PublishErrors",
];

/// The rows that are or were in use, and those whose connection is to be made anew.
#[derive(Debug, Default)]
pub struct Clients {
    /// By path of the row.
    rows: Mutex<BTreeMap<String, Row>>,
    wishes: Mutex<BTreeSet<String>>,
    wished: Notify,
}

#[derive(Debug)]
struct Row {
    broker: BrokerAddress,
    meter: Arc<Meter>,
    in_use: bool,
}

impl Clients {
    /// The meter of a row whose connection to this broker begins. It goes on where the row was in use with the same
    /// broker until now, and begins anew otherwise (TR-181: `Stats.` is reset when a client is enabled, and when it
    /// connects with another broker).
    pub(super) fn begin(&self, path: &str, broker: &BrokerAddress) -> Arc<Meter> {
        let mut rows = self.rows();
        if let Some(row) = rows.get(path).filter(|row| row.in_use && row.broker == *broker) {
            return row.meter.clone();
        }
        let meter = Arc::new(Meter::default());
        let row = Row { broker: broker.clone(), meter: meter.clone(), in_use: true };
        rows.insert(path.to_owned(), row);
        meter
    }

    /// Forgets the rows that are not there any more, and notes which are in use.
    pub(super) fn keep(&self, is_there: impl Fn(&str) -> bool, is_in_use: impl Fn(&str) -> bool) {
        let mut rows = self.rows();
        rows.retain(|path, _| is_there(path));
        for (path, row) in rows.iter_mut() {
            row.in_use = is_in_use(path);
        }
    }

    /// The row whose connection is to be made anew, as soon as there is one.
    pub(super) async fn wished(&self) -> String {
        loop {
            let next = self.wishes.lock().unwrap_or_else(PoisonError::into_inner).pop_first();
            match next {
                Some(path) => return path,
                None => self.wished.notified().await,
            }
        }
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn row(path: &str, totals: &Totals) -> Option<RowBuilder> {
    let number = path.strip_prefix("Device.MQTT.Client.")?.strip_suffix('.')?;
    let counted = &totals.counted;
    let time = |at: Option<SystemTime>| at.and_then(credible);
    let row = RowBuilder::new(STATS, &[number])
        .time("BrokerConnectionEstablished", time(totals.established))
        .time("LastPublishMessageSent", time(totals.last_published))
        .time("LastPublishMessageReceived", time(totals.last_heard))
        .uint("PublishSent", counted.published)
        .uint("PublishReceived", counted.heard)
        .uint("SubscribeSent", counted.subscribes)
        .uint("UnSubscribeSent", counted.unsubscribes)
        .uint("MQTTMessagesSent", counted.packets_out)
        .uint("MQTTMessagesReceived", counted.packets_in)
        .uint32("ConnectionErrors", totals.failures)
        .uint32("PublishErrors", counted.unpublished);
    Some(row)
}

impl Provider for Clients {
    fn name(&self) -> &'static str {
        "mqtt-clients"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        Support::new(model, &Policy::default()).object(STATS, &PARAMS).actions(CLIENT, &["ForceReconnect()"]);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(STATS)]
    }

    /// It costs nothing to ask.
    fn max_age(&self) -> Duration {
        Duration::ZERO
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        let rows: Vec<RowBuilder> =
            self.rows().iter().filter_map(|(path, known)| row(path, &known.meter.totals())).collect();
        Box::pin(async { Ok(report(rows)) })
    }

    fn runs(&self, object: &SchemaPath) -> bool {
        object.as_str() == CLIENT
    }

    /// The connection is closed behind the answer, which may go by it.
    fn operate(&self, call: Call, _: watch::Receiver<bool>) -> Pending<'_, CommandResult> {
        let path = call.path.trim_end_matches("ForceReconnect()");
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
        self.wished.notify_one();
        Box::pin(async { Ok(Vec::new()) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mtp::mqtt::BrokerAddress;

    use super::Clients;

    #[test]
    fn statistics_begin_anew_with_another_broker_and_when_a_client_is_enabled_again() {
        let broker = |port| BrokerAddress { host: "h".to_owned(), port, secure: false };
        let (clients, path) = (Clients::default(), "Device.MQTT.Client.1.");
        let first = clients.begin(path, &broker(1));
        assert!(Arc::ptr_eq(&first, &clients.begin(path, &broker(1))));
        let second = clients.begin(path, &broker(2));
        assert!(!Arc::ptr_eq(&first, &second));
        // Disabled, it still says what was.
        clients.keep(|_| true, |_| false);
        assert_eq!(clients.rows().len(), 1);
        assert!(!Arc::ptr_eq(&second, &clients.begin(path, &broker(2))));
        clients.keep(|_| false, |_| false);
        assert!(clients.rows().is_empty());
    }
}
