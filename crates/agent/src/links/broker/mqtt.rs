//! An MQTT broker: how we present ourselves, and what its refusals mean.

use std::sync::Arc;

use mtp::mqtt::machine::End;
use mtp::mqtt::{Client, Meter, Session, Settings};
use mtp::{EndpointId, Role};
use pki::ClientTls;

use super::Failure;
use crate::links::plan::Mqtt;

/// One attempt.
pub(super) async fn connect(
    plan: Mqtt,
    endpoint: &EndpointId,
    tls: Option<ClientTls>,
    meter: Arc<Meter>,
) -> anyhow::Result<Session> {
    let will = plan.will.map_err(|what| mtp::Error::Mqtt(End::Unusable(what.to_owned())))?;
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let settings = Settings {
        client_id: some(plan.client_id),
        username: some(plan.username),
        password: some(plan.password),
        keep_alive_s: plan.keep_alive_s,
        clean_start: plan.clean_start,
        request_response_information: plan.request_response_information,
        filters: plan.filters,
        will,
        response_topic: plan.response_topic,
        qos: plan.qos,
        ..Settings::new(plan.version, endpoint.clone())
    };
    let mut client = Client::new(plan.address, settings, Role::Agent);
    (client.tls, client.meter) = (tls, Some(meter));
    Ok(Box::pin(client.connect()).await?)
}

/// What the end of an attempt says in the table, and whether trying again is of no use.
pub(super) fn judged(end: &End) -> (Failure, bool) {
    match end {
        End::NoTopics => (Failure::Misconfigured, true),
        End::Refused { code, .. } => (refused(*code), false),
        End::NoReplyTo | End::Unusable(_) | End::NotSubscribed(_) => (Failure::Misconfigured, false),
        _ => (Failure::Other, false),
    }
}

/// What a broker's refusal says of us: 3 in 3.1.1, and three codes of 5.0, speak of the broker alone.
fn refused(code: u8) -> Failure {
    const UNAVAILABLE: [u8; 4] = [3, 0x88, 0x89, 0x9f];
    if UNAVAILABLE.contains(&code) { Failure::Unreachable } else { Failure::Refused }
}
