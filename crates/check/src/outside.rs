//! A way to the agent through somebody else's MQTT broker: Records alone, because who else is behind the broker, and how it
//! treats the agent, nobody knows here.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use mtp::mqtt::{BrokerAddress, Client, Settings, Topic, Version};
use mtp::{DownReason, EndpointId, Inbound, LinkHandler, LinkSender, LinkUp, ReturnPath, Role, Verdict};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::hub::lock;
use crate::limits;
use crate::link::{Arrival, Link, Unsent, Way, Wire};

/// A broker of others, without TLS.
#[derive(Clone)]
pub struct Broker {
    /// Host name or address; an IPv6 address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User name.
    pub username: Option<String>,
    /// Password; a secret.
    pub password: Option<String>,
}

/// Connects to a broker, and again whenever the connection is gone. We are found at `topic`; Records go where the agent's
/// last one said, before that to `agent`. Must be called inside a tokio runtime.
pub fn mqtt(broker: Broker, own: &EndpointId, topic: Topic, agent: Option<Topic>) -> Link {
    let settings = Settings {
        response_topic: Some(topic),
        username: broker.username,
        password: broker.password,
        ..Settings::new(Version::V5, own.clone())
    };
    let address = BrokerAddress { host: broker.host, port: broker.port, secure: false };
    let client = Client::new(address, settings, Role::Controller);
    let (sender, arrivals) = mpsc::channel(limits::ARRIVALS);
    let ears = Arc::new(Ears { arrivals: sender, agent, to_agent: Mutex::default() });
    let running = ears.clone();
    let task = tokio::spawn(async move {
        loop {
            match client.connect().await {
                Ok(session) => {
                    session.run(&*running).await;
                }
                Err(error) => {
                    let _ = running.arrivals.send(Arrival::Away(error.to_string())).await;
                }
            }
            sleep(limits::REDIAL).await;
        }
    });
    Link { wire: Box::new(Mouth { ears, task }), arrivals, way: Way::Records }
}

struct Ears {
    arrivals: mpsc::Sender<Arrival>,
    agent: Option<Topic>,
    /// The connection, and where on it the agent is.
    to_agent: Mutex<Option<(LinkSender, Option<ReturnPath>)>>,
}

impl Ears {
    /// When the channel is full nobody has looked at it for long, and the run is over.
    fn tell(&self, arrival: Arrival) {
        let _ = self.arrivals.try_send(arrival);
    }
}

impl LinkHandler for Ears {
    fn up(&self, link: LinkUp) {
        let told = |agent: &Topic| ReturnPath::Mqtt { link: link.link, topic: agent.shared() };
        let path = self.agent.as_ref().map(told);
        link.sender.authorise();
        *lock(&self.to_agent) = Some((link.sender, path));
        self.tell(Arrival::Up);
    }

    async fn inbound(&self, record: Inbound) -> Verdict {
        if let Some((_, path)) = &mut *lock(&self.to_agent) {
            *path = Some(record.return_path);
        }
        let _ = self.arrivals.send(Arrival::Record(record.record)).await;
        Verdict::Accepted
    }

    fn down(&self, _: mtp::LinkId, reason: DownReason) {
        *lock(&self.to_agent) = None;
        self.tell(Arrival::Down(reason.to_string()));
    }
}

/// The way out; the task goes with it.
struct Mouth {
    ears: Arc<Ears>,
    task: JoinHandle<()>,
}

impl Wire for Mouth {
    fn send(&self, record: Bytes) -> Result<(), Unsent> {
        match &*lock(&self.ears.to_agent) {
            Some((sender, Some(path))) => {
                sender.send_to(path, record).map_err(|error| Unsent::Refused(error.to_string()))
            }
            Some((_, None)) => {
                Err(Unsent::Refused("the agent's topic is not known: it has said nothing yet".to_owned()))
            }
            None => Err(Unsent::Gone),
        }
    }
}

impl Drop for Mouth {
    fn drop(&mut self) {
        self.task.abort();
    }
}
