//! The way to the agent under test: who listens, who dials, and what is between them.

use std::net::SocketAddr;

use check::mqtt::{self, Topic};
use check::websocket::{self, Certificates};
use check::{BenchConfig, EndpointId, Link, outside};

use crate::cli::CheckArgs;
use crate::client::Failure;
use crate::output::note;

/// Makes the link that the arguments ask for.
pub(super) async fn link(args: &CheckArgs, config: &BenchConfig) -> Result<Link, Failure> {
    let own = &config.controller;
    match (&args.connect, &args.broker, &args.listen) {
        (Some(text), ..) if text.starts_with("mqtt://") => connect_to_broker(args, text, own),
        (Some(text), ..) => connect(args, text, own),
        (_, Some(text), _) => broker(args, text, own).await,
        (.., text) => listen(args, text.as_deref().unwrap_or_default(), own).await,
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
    let wrong = || Failure::usage("an address to be a broker at is mqtt://IP:PORT or mqtts://IP:PORT");
    let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
    let addr: SocketAddr = rest.trim_end_matches('/').parse().map_err(|_| wrong())?;
    if !["mqtt", "mqtts"].contains(&scheme) {
        return Err(wrong());
    }
    let topic = topic(args, own)?;
    let tls = certificates(args, scheme == "mqtts", "mqtts", own, &hosts(args, addr))?;
    let (link, addr) = mqtt::listen(addr, topic.clone(), tls).await.map_err(anyhow::Error::from)?;
    note(&format!("waiting for the agent at {scheme}://{addr}, as a controller at the topic {topic}"));
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
            Err(Failure::usage("--tls is for an address that begins with wss:// or mqtts://"))
        }
    }
}
