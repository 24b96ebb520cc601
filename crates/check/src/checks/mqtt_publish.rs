//! MQTT from the first Record on: topics, properties and qualities of what the agent publishes, and what it takes.

use bytes::Bytes;
use mtp::mqtt::Filter;
use mtp::mqtt::broker::wire::Qos;
use usp_proto::RecordType;
use usp_proto::record::MqttVersion;

use super::encoding::get;
use super::mqtt_connect::{INFORMATION, with_information};
use super::{Check, check};
use crate::bench::{Bench, reply_to};
use crate::limits;
use crate::mqtt::packet::{self, Properties, property};
use crate::mqtt::{Incoming, Manners, Publish, Version};
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(content_type, "R-MQTT.27-content-type", [Mqtt5], "A Record is published as usp.msg."),
    check!(
        either_type,
        "R-MQTT.27a-long-content-type",
        [Mqtt5],
        "A Record that comes as application/vnd.bbf.usp.msg is answered."
    ),
    check!(response_topic, "R-MQTT.23-response-topic", [Mqtt5], "An answer has a Response Topic."),
    check!(
        connect_replies,
        "R-MQTT.22-connect-says-where-to-answer",
        [Mqtt],
        "The Connect record says where to answer."
    ),
    check!(
        is_subscribed,
        "R-MQTT.15-subscribed-to-its-reply-to",
        [Mqtt],
        "What is published to the agent's reply-to topic reaches it by a subscription."
    ),
    check!(
        tells_topic,
        "R-MTP.6-connect-tells-the-topic",
        [Mqtt],
        "The Connect record has the version and the reply-to topic."
    ),
    check!(
        informed,
        "R-MQTT.21-response-information-is-the-reply-to",
        [Mqtt5],
        "Response Information is the reply-to topic."
    ),
    check!(
        answers_there,
        "R-MQTT.26-answers-where-it-is-told",
        [Mqtt5],
        "An answer goes to the Response Topic of its request."
    ),
    check!(
        appended,
        "R-MQTT.24-reply-to-in-the-topic",
        [Mqtt3],
        "A topic of 3.1.1 ends with the reply-to topic."
    ),
    check!(
        last_counts,
        "R-MQTT.25-last-reply-to-counts",
        [Mqtt3],
        "An answer goes to what stands behind the last reply-to, with %2F as a slash."
    ),
    check!(
        acknowledged,
        "R-MQTT.20-qos-1-is-acknowledged",
        [Mqtt],
        "A Record with QoS 1 is acknowledged and answered."
    ),
    check!(quality, "R-MQTT.1-maximum-qos", [Mqtt5], "A broker that takes QoS 0 alone gets nothing else."),
    check!(
        retained,
        "R-MQTT.1-no-retain",
        [Mqtt5],
        "A broker that retains nothing is asked for nothing of the kind."
    ),
    check!(
        receive_maximum,
        "R-MQTT.1-receive-maximum",
        [Mqtt5],
        "No more is under way unacknowledged than the broker takes."
    ),
];

/// Where answers go that are not to go to our usual topic.
const ELSEWHERE: &str = "cusp-check/elsewhere/1";

/// A Get by the usual way.
fn ask(bench: &mut Bench) -> Result<String, Stop> {
    let id = bench.next_id();
    bench.forget_packets();
    bench.send_msg(&get(&id))?;
    Ok(id)
}

/// The message that brings the answer.
async fn message(bench: &mut Bench, id: &str) -> Result<Publish, Stop> {
    let Some(arrived) = bench.answer(id, limits::PATIENCE).await? else {
        return Err(Stop::fail("the Get is answered", "an answer", "none"));
    };
    let brings = |publish: &&Publish| {
        let record = usp_proto::Record::decode(publish.message.payload.clone());
        let payload = record.map(|record| record.record_type);
        matches!(payload, Ok(RecordType::NoSession { payload }) if payload == arrived.payload)
    };
    let found = bench.published().find(brings).cloned();
    found.ok_or_else(|| Stop::Error("the message with the answer was lost".to_owned()))
}

async fn asked(bench: &mut Bench) -> Result<Publish, Stop> {
    let id = ask(bench)?;
    message(bench, &id).await
}

async fn content_type(bench: &mut Bench) -> Result<(), Stop> {
    let kind = asked(bench).await?.message.properties.content_type;
    same("Content Type", &Some("usp.msg"), &kind.as_deref())
}

/// Publishes a Get like this, and waits for its answer.
async fn ask_by(
    bench: &mut Bench,
    id: Option<u16>,
    topic: &str,
    properties: &Properties,
) -> Result<Publish, Stop> {
    let msg_id = bench.next_id();
    let record: Bytes = bench.record(get(&msg_id).encode())?.encode();
    let version = bench.mqtt_version()?;
    bench.forget_packets();
    let bytes = packet::publish(version, topic, id, properties, &record);
    bench.broker()?.send(bytes).map_err(Stop::Error)?;
    message(bench, &msg_id).await
}

fn properties(content_type: &str, reply_to: &str) -> Properties {
    let content = Properties::default().text(property::CONTENT_TYPE, content_type);
    content.text(property::RESPONSE_TOPIC, reply_to)
}

async fn either_type(bench: &mut Bench) -> Result<(), Stop> {
    let (agent, own) = (bench.agent_topic()?, bench.broker()?.topic().clone());
    let long = properties(mtp::mqtt::CONTENT_TYPES[1], own.as_str());
    ask_by(bench, None, agent.as_str(), &long).await.map(drop)
}

async fn response_topic(bench: &mut Bench) -> Result<(), Stop> {
    let topic = asked(bench).await?.message.properties.response_topic;
    holds(topic.is_some(), "Response Topic", || "one".to_owned(), || "none".to_owned())
}

/// The first message of a fresh connection.
async fn first(bench: &mut Bench) -> Result<Publish, Stop> {
    bench.anew_by_mqtt(Manners::default()).await?;
    bench.first_record(limits::PATIENCE).await?;
    let first = bench.published().next().cloned();
    first.ok_or_else(|| Stop::fail("the first message", "a Connect record", "none"))
}

async fn connect_replies(bench: &mut Bench) -> Result<(), Stop> {
    let topic = reply_to(&first(bench).await?);
    holds(topic.is_some(), "the reply-to topic", || "one".to_owned(), || "none".to_owned())
}

async fn is_subscribed(bench: &mut Bench) -> Result<(), Stop> {
    let Some(topic) = reply_to(&first(bench).await?) else {
        return Err(Stop::fail("the reply-to topic", "one", "none"));
    };
    let name = match bench.mqtt_version()? {
        Version::V5 => topic.as_str().to_owned(),
        Version::V3_1_1 => format!("{topic}/reply-to=x"),
    };
    let filters = bench.filters();
    let covers = |filter: &&str| filter.parse::<Filter>().is_ok_and(|filter| filter.matches(&name));
    holds(
        filters.iter().any(covers),
        "subscriptions",
        || format!("one that covers {name}"),
        || format!("{filters:?}"),
    )
}

async fn tells_topic(bench: &mut Bench) -> Result<(), Stop> {
    let first = first(bench).await?;
    let spoken = MqttVersion::from(bench.mqtt_version()?);
    let record = usp_proto::Record::decode(first.message.payload.clone());
    let told = match record.map(|record| record.record_type) {
        Ok(RecordType::MqttConnect { version, subscribed_topic }) => Some((version, subscribed_topic)),
        _ => None,
    };
    let topic = reply_to(&first).map_or_else(String::new, |topic| topic.as_str().to_owned());
    same("version and topic of the Connect record", &Some((spoken, topic)), &told)
}

async fn informed(bench: &mut Bench) -> Result<(), Stop> {
    with_information(bench).await?;
    let topic = asked(bench).await?.message.properties.response_topic;
    same("Response Topic", &Some(INFORMATION), &topic.as_ref().map(|topic| topic.as_str()))
}

async fn answers_there(bench: &mut Bench) -> Result<(), Stop> {
    let agent = bench.agent_topic()?;
    let properties = properties(mtp::mqtt::CONTENT_TYPES[0], ELSEWHERE);
    let answer = ask_by(bench, None, agent.as_str(), &properties).await?;
    same("the topic of the answer", &ELSEWHERE, &answer.message.topic.as_str())
}

async fn appended(bench: &mut Bench) -> Result<(), Stop> {
    let answer = asked(bench).await?;
    let (own, name) = (bench.broker()?.topic().clone(), answer.message.topic.as_str().to_owned());
    let reply_to = name.strip_prefix(own.as_str()).and_then(|rest| rest.strip_prefix("/reply-to="));
    holds(
        reply_to.is_some_and(|topic| !topic.is_empty() && !topic.contains('/')),
        "the topic of the answer",
        || format!("{own}/reply-to= and a topic without slashes"),
        || name.clone(),
    )
}

async fn last_counts(bench: &mut Bench) -> Result<(), Stop> {
    let agent = bench.agent_topic()?;
    let escaped = ELSEWHERE.replace('/', "%2F");
    let topic = format!("{agent}/reply-to=cusp-check%2Fnot-here/reply-to={escaped}");
    let answer = ask_by(bench, None, &topic, &Properties::default()).await?;
    let name = answer.message.topic.as_str().to_owned();
    holds(
        name.starts_with(&format!("{ELSEWHERE}/reply-to=")),
        "the topic of the answer",
        || format!("{ELSEWHERE}/reply-to=…"),
        || name.clone(),
    )
}

async fn acknowledged(bench: &mut Bench) -> Result<(), Stop> {
    const ID: u16 = 7;
    let (agent, own) = (bench.agent_topic()?, bench.broker()?.topic().clone());
    let msg_id = bench.next_id();
    let record = bench.record(get(&msg_id).encode())?.encode();
    let version = bench.mqtt_version()?;
    bench.forget_packets();
    bench.broker()?.publish(version, &agent, &own, Some(ID), &record).map_err(Stop::Error)?;
    message(bench, &msg_id).await?;
    let said = bench.packet(limits::SILENCE, |packet| *packet == Incoming::Acknowledged(ID)).await?;
    holds(said.is_some(), "the answer to QoS 1", || "PUBACK".to_owned(), || "none".to_owned())
}

async fn quality(bench: &mut Bench) -> Result<(), Stop> {
    bench.anew_by_mqtt(Manners { maximum_qos: Some(0), ..Manners::default() }).await?;
    bench.first_record(limits::PATIENCE).await?;
    same("QoS of an answer", &Qos::AtMostOnce, &asked(bench).await?.message.qos)
}

async fn retained(bench: &mut Bench) -> Result<(), Stop> {
    bench.anew_by_mqtt(Manners { retain: false, ..Manners::default() }).await?;
    bench.first_record(limits::PATIENCE).await?;
    same("the retain flag of an answer", &false, &asked(bench).await?.message.retain)
}

async fn receive_maximum(bench: &mut Bench) -> Result<(), Stop> {
    let manners = Manners { receive_maximum: Some(1), acknowledges: false, ..Manners::default() };
    bench.anew_by_mqtt(manners).await?;
    // The Connect record is one, and nobody acknowledges it.
    bench.first_record(limits::PATIENCE).await?;
    if bench.published().any(|publish| publish.id.is_none()) {
        return Err(Stop::Skip("the agent publishes with QoS 0".to_owned()));
    }
    let id = bench.next_id();
    bench.send_msg(&get(&id))?;
    bench.pause(limits::SILENCE).await?;
    let sent = bench.published().filter(|publish| publish.id.is_some()).count();
    // What was never acknowledged stands in the way of everything else on this connection.
    bench.broker()?.set_manners(Manners::default());
    bench.cut().await?;
    same("messages that are not acknowledged", &1, &sent)
}
