//! MQTT up to the first Record: how the agent connects, subscribes, pings, leaves and comes back.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::notify::within;
use super::{Check, check, should};
use crate::bench::Bench;
use crate::limits;
use crate::mqtt::{CHOSEN_CLIENT_ID, Incoming, Manners, Subscriptions, packet};
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(names_itself, "R-MQTT.13-names-itself", [Mqtt5], "CONNECT has the agent's endpoint id."),
    check!(client_id, "R-MQTT.8-client-id", [Mqtt], "The client id is the configured one, or the usual one."),
    check!(
        keeps_chosen,
        "R-MQTT.9-keeps-the-chosen-id",
        [Mqtt5],
        "A client id that the broker chose is used from then on."
    ),
    check!(same_id, "R-MQTT.11-same-id-each-time", [Mqtt], "Each connection has the same client id."),
    check!(user_name, "R-MQTT.7-user-name", [Mqtt], "CONNECT has the configured user name."),
    check!(keep_alive, "R-MQTT.14-keep-alive", [Mqtt], "CONNECT has the configured keep-alive."),
    should!(
        asks,
        "R-MQTT.12-asks-for-response-information",
        [Mqtt5],
        "CONNECT asks for Response Information."
    ),
    check!(offers, "R-MQTT.15-subscribes-to-offers", [Mqtt5], "Every offered filter is subscribed to."),
    check!(
        informed,
        "R-MQTT.15-subscribes-to-response-information",
        [Mqtt5],
        "The topic of Response Information is subscribed to."
    ),
    check!(
        waits,
        "R-MQTT.17-waits-for-suback",
        [Mqtt],
        "Nothing is published before a subscription is granted."
    ),
    check!(
        refused,
        "R-MQTT.17-refused-subscriptions-end-it",
        [Mqtt],
        "An agent whose subscriptions are refused publishes nothing and disconnects."
    ),
    should!(good_bye, "R-MQTT.35-says-good-bye", [Mqtt], "An agent that closes sends DISCONNECT."),
    check!(first_retry, "R-MQTT.10-first-retry", [Mqtt], "The first retry comes after 5 to 10 seconds."),
    check!(
        second_retry,
        "R-MQTT.10-second-retry",
        [Mqtt],
        "The second retry comes 10 to 20 seconds after the first."
    ),
    check!(
        comes_back,
        "R-MQTT.33-retries-after-disconnect",
        [Mqtt5],
        "After DISCONNECT of the broker the agent comes back in 5 to 10 seconds."
    ),
    check!(
        server_keep_alive,
        "R-MQTT.1-server-keep-alive",
        [Mqtt5],
        "The keep-alive of CONNACK is the agent's."
    ),
    check!(connack_again, "R-MQTT.1-second-connack", [Mqtt], "A second CONNACK ends the connection."),
    check!(reserved, "R-MQTT.1-reserved-packet", [Mqtt], "A packet of a reserved type ends the connection."),
];

/// Below the table of clients.
const CLIENTS: &str = "Device.MQTT.Client.*.";

async fn names_itself(bench: &mut Bench) -> Result<(), Stop> {
    let seen = bench.connect()?.endpoint_id.clone();
    same("usp-endpoint-id of CONNECT", &Some(bench.agent()?.as_str().to_owned()), &seen)
}

/// What is configured for the agent's clients.
async fn configured(bench: &mut Bench, param: &str) -> Result<Vec<String>, Stop> {
    let mut values = bench.values(&format!("{CLIENTS}{param}")).await?;
    values.retain(|value| !value.is_empty());
    Ok(values)
}

async fn client_id(bench: &mut Bench) -> Result<(), Stop> {
    let seen = bench.connect()?.client_id.clone();
    let usual = match bench.mqtt_version()? {
        mtp::mqtt::Version::V5 => String::new(),
        mtp::mqtt::Version::V3_1_1 => bench.agent()?.as_str().to_owned(),
    };
    // R-MQTT.9: what was chosen is a configured one from then on.
    let mut allowed = configured(bench, "ClientID").await?;
    allowed.extend([usual, CHOSEN_CLIENT_ID.to_owned()]);
    holds(allowed.contains(&seen), "the client id", || format!("one of {allowed:?}"), || format!("{seen:?}"))
}

/// The client ids of this connection and the next one, where the broker's choice counts as an id.
async fn two_ids(bench: &mut Bench) -> Result<(String, String), Stop> {
    let mut first = bench.connect()?.client_id.clone();
    if first.is_empty() {
        CHOSEN_CLIENT_ID.clone_into(&mut first);
    }
    bench.renew().await?;
    Ok((first, bench.connect()?.client_id.clone()))
}

async fn keeps_chosen(bench: &mut Bench) -> Result<(), Stop> {
    let (first, second) = two_ids(bench).await?;
    if first != CHOSEN_CLIENT_ID {
        return Err(Stop::Skip("the agent's client id is configured".to_owned()));
    }
    same("the client id of the next connection", &first, &second)
}

async fn same_id(bench: &mut Bench) -> Result<(), Stop> {
    let (first, second) = two_ids(bench).await?;
    same("the client id of the next connection", &first, &second)
}

async fn user_name(bench: &mut Bench) -> Result<(), Stop> {
    let names = configured(bench, "Username").await?;
    if names.is_empty() {
        return Err(Stop::Skip("the agent shows no Username of an MQTT client".to_owned()));
    }
    let seen = bench.connect()?.user_name.clone().unwrap_or_default();
    holds(names.contains(&seen), "the user name", || format!("one of {names:?}"), || format!("{seen:?}"))
}

async fn keep_alive(bench: &mut Bench) -> Result<(), Stop> {
    let times = configured(bench, "KeepAliveTime").await?;
    if times.is_empty() {
        return Err(Stop::Skip("the agent shows no KeepAliveTime of an MQTT client".to_owned()));
    }
    let seen = bench.connect()?.keep_alive_s.to_string();
    holds(times.contains(&seen), "the keep-alive", || format!("one of {times:?}"), || seen.clone())
}

async fn asks(bench: &mut Bench) -> Result<(), Stop> {
    if configured(bench, "RequestResponseInfo").await?.iter().any(|value| value == "false" || value == "0") {
        return Err(Stop::Skip("RequestResponseInfo is false".to_owned()));
    }
    same("Request Response Information", &true, &bench.connect()?.wants_response_information)
}

async fn offers(bench: &mut Bench) -> Result<(), Stop> {
    let offers = ["cusp-check/offer/1", "cusp-check/offer/2/#"];
    let manners = Manners { offers: offers.map(str::to_owned).into(), ..Manners::default() };
    bench.anew_by_mqtt(manners).await?;
    // They may come in SUBSCRIBE packets of their own.
    bench.pause(limits::SILENCE).await?;
    let filters = bench.filters();
    let lacks: Vec<&str> = offers.into_iter().filter(|offer| !filters.contains(offer)).collect();
    same("offered filters that are not subscribed to", &Vec::new(), &lacks)
}

/// The topic that checks give as Response Information.
pub(super) const INFORMATION: &str = "cusp-check/response-information";

/// A connection with Response Information.
pub(super) async fn with_information(bench: &mut Bench) -> Result<(), Stop> {
    let asks = bench.connect_5()?.wants_response_information;
    if !asks {
        return Err(Stop::Skip("the agent does not ask for Response Information".to_owned()));
    }
    let manners = Manners { response_information: Some(INFORMATION.to_owned()), ..Manners::default() };
    bench.anew_by_mqtt(manners).await?;
    bench.pause(limits::SILENCE).await
}

async fn informed(bench: &mut Bench) -> Result<(), Stop> {
    with_information(bench).await?;
    let covers =
        |filter: &&str| filter.parse::<mtp::mqtt::Filter>().is_ok_and(|filter| filter.matches(INFORMATION));
    let is_covered = bench.filters().iter().any(covers);
    let seen = || format!("{:?}", bench.filters());
    holds(is_covered, "subscriptions", || INFORMATION.to_owned(), seen)
}

/// Lets the agent connect, and answers SUBSCRIBE like this; whether it stays, after a while.
async fn subscribes(bench: &mut Bench, subscriptions: Subscriptions) -> Result<(), Stop> {
    bench.broker()?.set_manners(Manners { subscriptions, ..Manners::default() });
    bench.cut().await?;
    bench.next_connect().await?;
    let subscribed = bench.packet(limits::PATIENCE, |packet| matches!(packet, Incoming::Subscribe { .. }));
    if subscribed.await?.is_none() {
        return Err(Stop::fail("what follows CONNACK", "SUBSCRIBE", "none"));
    }
    Ok(())
}

fn published_nothing(bench: &Bench) -> Result<(), Stop> {
    same("messages that were published", &0, &bench.published().count())
}

async fn waits(bench: &mut Bench) -> Result<(), Stop> {
    subscribes(bench, Subscriptions::Unanswered).await?;
    bench.pause(limits::SILENCE).await?;
    published_nothing(bench)?;
    // It does not stand, so that the bench can't tell it from another; the next one does.
    bench.broker()?.cut().map_err(Stop::Error)
}

async fn refused(bench: &mut Bench) -> Result<(), Stop> {
    subscribes(bench, Subscriptions::Refused).await?;
    let ended = ends_unheard(bench).await?;
    published_nothing(bench)?;
    holds(ended, "the connection", || "ended by the agent".to_owned(), || "open".to_owned())
}

/// Whether a connection that never stood ends.
async fn ends_unheard(bench: &mut Bench) -> Result<bool, Stop> {
    bench.failed(limits::PATIENCE).await
}

async fn good_bye(bench: &mut Bench) -> Result<(), Stop> {
    subscribes(bench, Subscriptions::Refused).await?;
    ends_unheard(bench).await?;
    let said = bench.packet(limits::SILENCE, |packet| matches!(packet, Incoming::Disconnect { .. })).await?;
    holds(said.is_some(), "the end of the connection", || "DISCONNECT".to_owned(), || "nothing".to_owned())
}

/// The windows that are looked at are those of the default settings, after a connection that was a success.
async fn usual_retries(bench: &mut Bench) -> Result<(), Stop> {
    for (param, usual) in [("ConnectRetryTime", "5"), ("ConnectRetryIntervalMultiplier", "2000")] {
        if configured(bench, param).await?.iter().any(|seen| seen != usual) {
            return Err(Stop::Skip(format!("{param} of the MQTT client is not {usual}")));
        }
    }
    bench.settle().await
}

async fn returns(bench: &mut Bench) -> Result<Instant, Stop> {
    let back = bench.back(limits::RECONNECT).await?;
    back.ok_or_else(|| Stop::fail("the agent comes back", "within a minute", "no"))
}

async fn first_retry(bench: &mut Bench) -> Result<(), Stop> {
    usual_retries(bench).await?;
    let gone = bench.cut().await?;
    within(gone, returns(bench).await?, 5, 10)
}

async fn second_retry(bench: &mut Bench) -> Result<(), Stop> {
    usual_retries(bench).await?;
    let broker = bench.broker()?;
    // Server unavailable.
    broker.set_manners(Manners { refusal: Some(0x88), ..Manners::default() });
    bench.cut().await?;
    let first = bench.next_connect().await?;
    broker.set_manners(Manners::default());
    within(first, returns(bench).await?, 10, 20)
}

async fn comes_back(bench: &mut Bench) -> Result<(), Stop> {
    usual_retries(bench).await?;
    let broker = bench.broker()?;
    // Server shutting down.
    broker.send(packet::disconnect(0x8B)).map_err(Stop::Error)?;
    let gone = match bench.gone(limits::SILENCE).await? {
        Some(gone) => gone,
        None => bench.cut().await?,
    };
    within(gone, returns(bench).await?, 5, 10)
}

async fn server_keep_alive(bench: &mut Bench) -> Result<(), Stop> {
    const SECONDS: u16 = 4;
    bench.anew_by_mqtt(Manners { keep_alive_s: Some(SECONDS), ..Manners::default() }).await?;
    bench.first_record(limits::PATIENCE).await?;
    bench.forget_packets();
    let patience = Duration::from_millis(1500) * u32::from(SECONDS);
    let sign = bench.packet(patience, |_| true).await?;
    holds(
        sign.is_some(),
        "a packet within one and a half keep-alives",
        || "PINGREQ".to_owned(),
        || "none".to_owned(),
    )
}

/// Sends what breaks the protocol: the connection has to end (MQTT, section 4.8 or 4.13).
async fn ends(bench: &mut Bench, bytes: Bytes) -> Result<(), Stop> {
    bench.broker()?.send(bytes).map_err(Stop::Error)?;
    let gone = bench.gone(limits::PATIENCE).await?;
    holds(gone.is_some(), "the connection", || "ended by the agent".to_owned(), || "open".to_owned())
}

async fn connack_again(bench: &mut Bench) -> Result<(), Stop> {
    let again = packet::connack(bench.mqtt_version()?, 0, &packet::Properties::default());
    ends(bench, again).await
}

async fn reserved(bench: &mut Bench) -> Result<(), Stop> {
    ends(bench, Bytes::from_static(&[0x00, 0x00])).await
}
