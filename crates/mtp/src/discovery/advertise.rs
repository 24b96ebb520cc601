//! Advertising services on every interface, as interfaces and their addresses come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use ring::rand::{SecureRandom, SystemRandom};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, sleep_until};
use usp_proto::EndpointId;

use super::limits::{MAX_PACKET, RESCAN_EVERY};
use super::net::{self, Interface, Version};
use super::responder::{Advert, Responder, To};

/// Services of one endpoint that are to be found by mDNS.
#[derive(Clone, Debug)]
pub struct Advertiser {
    /// Whose.
    pub endpoint: EndpointId,
    /// Which.
    pub adverts: Vec<Advert>,
    /// Where: names of interfaces. All but loopback and tunnels if there is none.
    pub interfaces: Vec<String>,
}

/// The interface and its version of IP; what runs there.
type Links = BTreeMap<(String, Version), Link>;

struct Link {
    interface: Interface,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// The addresses of this host, whatever the interface.
type OwnAddresses = Arc<RwLock<BTreeSet<IpAddr>>>;

impl Advertiser {
    /// Advertises until `stopped` is done; then says good-bye.
    pub async fn run(self, stopped: impl Future<Output = ()>) {
        let mut stopped = std::pin::pin!(stopped);
        let (mut links, mut warned) = (Links::new(), BTreeSet::new());
        let own = OwnAddresses::default();
        let mut rescan = interval(RESCAN_EVERY);
        loop {
            tokio::select! {
                _ = rescan.tick() => self.follow(&mut links, &own, &mut warned).await,
                () = &mut stopped => break,
            }
        }
        for (_, link) in std::mem::take(&mut links) {
            link.end().await;
        }
    }

    async fn follow(&self, links: &mut Links, own: &OwnAddresses, warned: &mut BTreeSet<String>) {
        let found = match net::interfaces(&self.interfaces) {
            Ok(found) => found,
            Err(error) => return tracing::warn!(%error, "mDNS: the interfaces are not known"),
        };
        *own.write().unwrap_or_else(PoisonError::into_inner) =
            found.iter().flat_map(Interface::addresses).collect();
        let stays = |link: &Link| found.contains(&link.interface) && !link.task.is_finished();
        let gone: Vec<_> =
            links.iter().filter(|(_, link)| !stays(link)).map(|(key, _)| key.clone()).collect();
        for key in gone {
            if let Some(link) = links.remove(&key) {
                link.end().await;
            }
        }
        for interface in found {
            for version in interface.versions() {
                let key = (interface.name.clone(), version);
                if links.contains_key(&key) {
                    continue;
                }
                match self.start(interface.clone(), version, own.clone()) {
                    Ok(link) => drop(links.insert(key, link)),
                    Err(error) if warned.insert(interface.name.clone()) => {
                        tracing::warn!(interface = interface.name, ?version, %error, "mDNS: not advertised here");
                    }
                    Err(_) => {}
                }
            }
        }
    }

    fn start(&self, interface: Interface, version: Version, own: OwnAddresses) -> std::io::Result<Link> {
        let socket = interface.listener(version)?;
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| std::io::Error::other("no randomness"))?;
        let start = Instant::now();
        let responder = Responder::new(
            &self.endpoint,
            &self.adverts,
            &interface.addresses(),
            std::time::Duration::ZERO,
            seed,
        );
        let responder = responder
            .ok_or_else(|| std::io::Error::other("the endpoint id or an attribute is too long for a name"))?;
        let (stop, stopped) = watch::channel(false);
        let serving = Serving { socket, version, interface: interface.clone(), responder, start, own };
        let task = tokio::spawn(serving.run(stopped));
        Ok(Link { interface, stop, task })
    }
}

impl Link {
    async fn end(self) {
        self.stop.send_replace(true);
        let _ = self.task.await;
    }
}

struct Serving {
    socket: UdpSocket,
    version: Version,
    interface: Interface,
    responder: Responder,
    start: Instant,
    own: OwnAddresses,
}

impl Serving {
    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let mut bytes = vec![0; MAX_PACKET];
        let mut answered = false;
        loop {
            while let Some((to, packet)) = self.responder.poll(self.start.elapsed()) {
                let to = match to {
                    To::All => net::group(self.version),
                    To::One(to) => to,
                };
                if let Err(error) = self.socket.send_to(&packet, to).await {
                    tracing::debug!(%to, %error, "mDNS: not sent");
                }
            }
            if self.responder.answers() != answered {
                answered = !answered;
                tracing::info!(interface = self.interface.name, version = ?self.version, answered, "mDNS");
            }
            let due = self.responder.poll_timeout().map(|due| self.start + due);
            let timer = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                received = self.socket.recv_from(&mut bytes) => match received {
                    Ok((length, from)) if self.interface.is_near(from.ip()) => {
                        let own = self.own.read().unwrap_or_else(PoisonError::into_inner).contains(&from.ip());
                        self.responder.handle(self.start.elapsed(), from, own, &bytes[..length]);
                    }
                    Ok(_) => {}
                    // The interface went: the next look at them ends or renews this.
                    Err(error) => return tracing::debug!(%error, "mDNS: not heard any more"),
                },
                () = timer => {}
                _ = stopped.wait_for(|stopped| *stopped) => break,
            }
        }
        if let Some(packet) = self.responder.good_bye() {
            let _ = self.socket.send_to(&packet, net::group(self.version)).await;
        }
    }
}
