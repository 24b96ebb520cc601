//! The way to the agent under test: who listens, who dials, and what is between them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use check::mqtt::{self, Topic};
use check::websocket::{self, Certificates};
use check::{BenchConfig, EndpointId, Keys, Link, outside, stomp, uds};

use crate::cli::CheckArgs;
use crate::client::Failure;
use crate::output::note;

/// Makes the link that the arguments ask for.
pub(super) async fn link(args: &CheckArgs, config: &BenchConfig) -> Result<Link, Failure> {
    let own = &config.controller;
    match (&args.connect, &args.broker, &args.listen) {
        (Some(text), ..) if text.starts_with(UNIX) => Ok(uds::dial(path(text)?, own)),
        (.., Some(text)) if text.starts_with(UNIX) => {
            let link = uds::listen(&path(text)?, own).map_err(anyhow::Error::from)?;
            note(&format!("waiting for the agent at {text}"));
            Ok(link)
        }
        (Some(text), ..) if text.starts_with("mqtt://") => connect_to_broker(args, text, own),
        (Some(text), ..) => connect(args, text, own),
        (_, Some(text), _) => broker(args, text, own).await,
        (.., text) => listen(args, text.as_deref().unwrap_or_default(), own).await,
    }
}

/// What an address of a UNIX domain socket begins with.
const UNIX: &str = "unix:";

fn path(text: &str) -> Result<PathBuf, Failure> {
    match &text[UNIX.len()..] {
        "" => Err(Failure::usage("an address of a UNIX domain socket is unix:PATH")),
        path => Ok(path.into()),
    }
}

fn connect(args: &CheckArgs, text: &str, own: &EndpointId) -> Result<Link, Failure> {
    let url: websocket::WsUrl = text
        .parse()
        .map_err(|error: websocket::UrlError| Failure::usage(format!("{text} is no address: {error}")))?;
    let tls = certificates(args, url.secure, "wss", own, &args.hosts)?;
    Ok(websocket::dial(url, own.clone(), tls))
}

async fn listen(args: &CheckArgs, text: &str, own: &EndpointId) -> Result<Link, Failure> {
    let websocket::ListenAddress { secure, addr, path } =
        websocket::listen_address(text).map_err(|error| Failure::usage(error.to_string()))?;
    let tls = certificates(args, secure, "wss", own, &hosts(args, addr))?;
    let (link, addr) = websocket::listen(addr, &path, own.clone(), tls).await.map_err(anyhow::Error::from)?;
    let scheme = if secure { "wss" } else { "ws" };
    note(&format!("waiting for the agent at {scheme}://{addr}{path}"));
    Ok(link)
}

/// A broker of our own.
async fn broker(args: &CheckArgs, text: &str, own: &EndpointId) -> Result<Link, Failure> {
    let wrong =
        || Failure::usage("an address to be a broker at is mqtt://IP:PORT, mqtts://, stomp:// or stomps://");
    let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
    let addr: SocketAddr = rest.trim_end_matches('/').parse().map_err(|_| wrong())?;
    let secure = match scheme {
        "mqtt" | "stomp" => false,
        "mqtts" | "stomps" => true,
        _ => return Err(wrong()),
    };
    let tls = certificates(args, secure, scheme, own, &hosts(args, addr))?;
    let (link, addr, place) = if scheme.starts_with("mqtt") {
        let topic = topic(args, own)?;
        let (link, addr) = mqtt::listen(addr, topic.clone(), tls).await.map_err(anyhow::Error::from)?;
        (link, addr, format!("topic {topic}"))
    } else {
        let destination = args.topic.clone().unwrap_or_else(|| format!("/queue/usp/controllers/{own}"));
        let (link, addr) = stomp::listen(addr, &destination, tls).await.map_err(anyhow::Error::from)?;
        (link, addr, format!("destination {destination}"))
    };
    note(&format!("waiting for the agent at {scheme}://{addr}, as a controller at the {place}"));
    Ok(link)
}

/// A broker of others.
fn connect_to_broker(args: &CheckArgs, text: &str, own: &EndpointId) -> Result<Link, Failure> {
    let wrong = || Failure::usage(format!("{text} is no address: mqtt://HOST:PORT is"));
    let rest = text.trim_start_matches("mqtt://").trim_end_matches('/');
    let (host, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let broker = outside::Broker {
        host,
        port,
        username: args.username.clone(),
        password: std::env::var("CUSP_CHECK_PASSWORD").ok(),
    };
    let agent = args.agent_topic.as_deref().map(named).transpose()?;
    Ok(outside::mqtt(broker, own, topic(args, own)?, agent))
}

/// Where we are found.
fn topic(args: &CheckArgs, own: &EndpointId) -> Result<Topic, Failure> {
    named(&args.topic.clone().unwrap_or_else(|| format!("usp/controllers/{own}")))
}

fn named(text: &str) -> Result<Topic, Failure> {
    text.parse().map_err(|error| Failure::usage(format!("{text} is no topic: {error}")))
}

/// By what names the agent may dial us.
fn hosts(args: &CheckArgs, addr: SocketAddr) -> Vec<String> {
    let mut hosts = args.hosts.clone();
    if !addr.ip().is_unspecified() {
        hosts.push(addr.ip().to_string());
    }
    hosts
}

/// What signs our Records in sessions, if anything does.
pub(super) fn keys(args: &CheckArgs, own: &EndpointId) -> Result<Option<Arc<Keys>>, Failure> {
    let Some(dir) = args.keys.as_ref().or(args.tls.as_ref()) else { return Ok(None) };
    let certificates = Certificates::open(dir, own, &args.hosts).map_err(anyhow::Error::from)?;
    Ok(Some(Arc::new(certificates.keys().map_err(anyhow::Error::from)?)))
}

/// What TLS needs, where there is TLS.
fn certificates(
    args: &CheckArgs,
    secure: bool,
    scheme: &str,
    own: &EndpointId,
    hosts: &[String],
) -> Result<Option<Certificates>, Failure> {
    match (&args.tls, secure) {
        (None, false) => Ok(None),
        (Some(dir), true) => Ok(Some(Certificates::open(dir, own, hosts).map_err(anyhow::Error::from)?)),
        (None, true) => {
            Err(Failure::usage(format!("{scheme}:// needs --tls DIR"))
                .with("the agent has to trust DIR/ca.pem"))
        }
        (Some(_), false) => {
            Err(Failure::usage("--tls is for an address with TLS: wss://, mqtts:// or stomps://"))
        }
    }
}
