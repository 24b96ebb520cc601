//! How agents reach their controller: by WebSocket, or through an MQTT broker.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;

use anyhow::{Context, bail};
use engine::EndpointId;
use mtp::mqtt::{self, BrokerAddress, Client, Settings, Topic, Version};
use mtp::ws::{Dialer, KeepAlive, WsUrl};
use mtp::{DownReason, LinkHandler, LinkUp, ReturnPath, Role};
use pki::ClientTls;

use super::{Options, device};

/// An address of the command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Address {
    /// `ws` and `wss`.
    WebSocket(WsUrl),
    /// `mqtt` and `mqtts`.
    Mqtt(BrokerAddress),
}

impl Address {
    pub(super) fn parse(text: &str) -> anyhow::Result<Address> {
        match text.split_once("://") {
            Some(("mqtt", rest)) => broker(rest, false).map(Address::Mqtt),
            Some(("mqtts", rest)) => broker(rest, true).map(Address::Mqtt),
            _ => text.parse().map(Address::WebSocket).map_err(anyhow::Error::from),
        }
        .with_context(|| text.to_owned())
    }

    pub(super) fn is_secure(&self) -> bool {
        match self {
            Address::WebSocket(url) => url.secure,
            Address::Mqtt(broker) => broker.secure,
        }
    }

    fn host(&self) -> &str {
        match self {
            Address::WebSocket(url) => &url.host,
            Address::Mqtt(broker) => &broker.host,
        }
    }

    /// Source addresses can be chosen only on the way to this host itself.
    fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|host| IpAddr::V4(host).is_loopback())
    }
}

fn broker(rest: &str, secure: bool) -> anyhow::Result<BrokerAddress> {
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && !port.ends_with(']') => (host, port.parse().ok()),
        _ => (rest, Some(if secure { 8883 } else { 1883 })),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match port {
        Some(port) if port != 0 && !host.is_empty() && !host.contains(['/', '@', '[', ']']) => {
            Ok(BrokerAddress { host: host.to_owned(), port, secure })
        }
        _ => bail!("it does not name a host, and a port from 1 to 65535 if any"),
    }
}

/// What all agents connect with; who they are is put in for each.
pub(super) enum Way {
    WebSocket(Box<Dialer>),
    /// And the topic of the controller.
    Mqtt(Box<Client>, Topic),
}

impl Way {
    /// By WebSocket. The controller may not be known yet.
    pub(super) fn web_socket(url: &WsUrl, options: &Options, tls: Option<ClientTls>) -> Dialer {
        let mut dialer = Dialer::new(url.clone(), device::endpoint(options.first), Role::Agent);
        dialer.tls = tls;
        dialer.keep_alive = Some(KeepAlive::start(options.keep_alive));
        let bind = Address::WebSocket(url.clone()).is_loopback();
        dialer.bind = bind.then(|| device::address(options.first));
        dialer
    }

    /// Through a broker: agents subscribe to what it offers them, and send to `usp/controllers/` and the
    /// controller's endpoint id.
    pub(super) fn mqtt(
        address: &BrokerAddress,
        options: &Options,
        controller: &EndpointId,
        tls: Option<ClientTls>,
    ) -> anyhow::Result<Way> {
        let mut settings = Settings::new(Version::V5, device::endpoint(options.first));
        settings.keep_alive_s = u16::try_from(options.keep_alive.as_secs()).unwrap_or(u16::MAX).max(1);
        let mut client = Client::new(address.clone(), settings, Role::Agent);
        client.tls = tls;
        let bind = Address::Mqtt(address.clone()).is_loopback();
        client.bind = bind.then(|| device::address(options.first));
        Ok(Way::Mqtt(Box::new(client), controller_topic(controller)?))
    }

    /// One attempt of a device.
    pub(super) async fn connect(
        &self,
        endpoint: EndpointId,
        number: usize,
        tls: Option<ClientTls>,
    ) -> Result<Connected, mtp::Error> {
        match self {
            Way::WebSocket(template) => {
                let mut dialer = Dialer { eid: endpoint, ..Dialer::clone(template) };
                dialer.bind = dialer.bind.map(|_| device::address(number));
                dialer.tls = tls.or(dialer.tls);
                Ok(Connected::WebSocket(Box::new(dialer.connect().await?)))
            }
            Way::Mqtt(template, _) => {
                let mut client = Client::clone(template);
                client.settings.eid = endpoint;
                client.bind = client.bind.map(|_| device::address(number));
                client.tls = tls.or(client.tls);
                Ok(Connected::Mqtt(Box::new(client.connect().await?)))
            }
        }
    }

    /// Where what is for the controller goes.
    pub(super) fn return_path(&self, link: &LinkUp) -> ReturnPath {
        match self {
            Way::WebSocket(_) => link.return_path.clone(),
            Way::Mqtt(_, topic) => ReturnPath::Mqtt { link: link.link, topic: topic.shared() },
        }
    }
}

/// The topic on which the server's own broker takes what is for its controller.
pub(super) fn controller_topic(controller: &EndpointId) -> anyhow::Result<Topic> {
    let topic = format!("usp/controllers/{controller}");
    topic.parse().with_context(|| topic)
}

/// A connection that stands and does not run yet.
pub(super) enum Connected {
    WebSocket(Box<mtp::ws::Dialled>),
    Mqtt(Box<mqtt::Session>),
}

/// A connection that runs.
pub(super) type Running<'h> = Pin<Box<dyn Future<Output = DownReason> + Send + 'h>>;

impl Connected {
    pub(super) fn run<H: LinkHandler>(self, handler: &H) -> Running<'_> {
        match self {
            Connected::WebSocket(dialled) => Box::pin(dialled.run(handler)),
            Connected::Mqtt(session) => Box::pin(session.run(handler)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_brokers() {
        for (text, expected) in [
            ("mqtt://127.0.0.1", Some(("127.0.0.1", 1883, false))),
            ("mqtts://broker.example/", Some(("broker.example", 8883, true))),
            ("mqtt://[::1]:18", Some(("::1", 18, false))),
            ("mqtt://[2001:db8::1]", Some(("2001:db8::1", 1883, false))),
            ("mqtt://", None),
            ("mqtt://host:0", None),
            ("mqtt://host:70000", None),
            ("mqtt://host/path", None),
        ] {
            let found = match Address::parse(text) {
                Ok(Address::Mqtt(found)) => Some(found),
                _ => None,
            };
            let found = found.as_ref().map(|one| (one.host.as_str(), one.port, one.secure));
            assert_eq!(found, expected, "{text}");
        }
    }
}
