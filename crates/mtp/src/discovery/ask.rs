//! Asking: mDNS for names below `.local.` (R-DIS.5), name servers for all others (R-DIS.6).
//!
//! Questions of mDNS are those of a simple resolver (RFC 6762 section 5.1): nothing is remembered between them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};
use simple_dns::{Name, TYPE, header_buffer};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::found::{Found, Records, Wanted};
use super::limits::{MAX_PACKET, MAX_QUESTIONS, MAX_ROUNDS, MAX_SERVERS, ROUND, ROUND_TRIES};
use super::net::{self, Interface, Version};
use super::packet::{self, Asked};
use crate::limits::MAX_ADDRESSES;

/// Whom to ask.
#[derive(Clone, Debug, Default)]
pub struct Asker {
    /// Interfaces for mDNS; all but loopback and tunnels if there is none.
    pub interfaces: Vec<String>,
    /// Name servers, for all names but those below `.local.`
    pub servers: Vec<SocketAddr>,
}

impl Asker {
    /// Looks for endpoints. None is found where nobody answers, and where nobody can be asked.
    pub async fn browse(&self, wanted: &Wanted) -> Vec<Found> {
        let mut records = Records::default();
        let mut asked: Vec<Asked> = Vec::new();
        for round in 0..MAX_ROUNDS {
            let mut open = if round == 0 { wanted.questions() } else { records.missing(wanted) };
            open.retain(|question| !asked.contains(question));
            open.truncate(MAX_QUESTIONS);
            if open.is_empty() {
                break;
            }
            let before_all = |records: &Records| {
                let complete = wanted.only_one() && !records.found(wanted).is_empty();
                (complete || round > 0) && records.missing(wanted).is_empty()
            };
            match wanted.is_local() {
                true => self.ask_link(&open, &mut records, before_all).await,
                false => self.ask_servers(&open, &mut records).await,
            }
            asked.append(&mut open);
        }
        records.found(wanted)
    }

    /// Addresses of a host below `.local.`, those of IPv4 first. Addresses of IPv6 that hold on one link only are left
    /// out: alone they don't say which.
    pub async fn addresses(&self, host: &str) -> Vec<IpAddr> {
        let Some(name) = Name::new(host).ok().filter(Name::is_link_local) else { return Vec::new() };
        let name = name.into_owned();
        let open = [(name.clone(), TYPE::A), (name.clone(), TYPE::AAAA)];
        let mut records = Records::default();
        self.ask_link(&open, &mut records, |records| !records.addresses(&name).is_empty()).await;
        let mut addresses = records.addresses(&name);
        addresses.retain(|ip| !matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local()));
        addresses
    }

    /// A host as it can be dialled: one that only mDNS knows becomes its addresses (R-DIS.5), and none if nobody
    /// knows them; any other stays (R-DIS.6).
    pub async fn hosts(&self, host: &str) -> Vec<String> {
        if !is_local(host) {
            return vec![host.to_owned()];
        }
        let addresses = self.addresses(host).await;
        addresses.into_iter().take(MAX_ADDRESSES).map(|ip| ip.to_string()).collect()
    }

    /// Asks everybody on all links, until the answers are enough or time is up.
    async fn ask_link(&self, open: &[Asked], records: &mut Records, enough: impl Fn(&Records) -> bool) {
        let (Some(query), Ok(interfaces)) =
            (packet::query(random(), open, false), net::interfaces(&self.interfaces))
        else {
            return;
        };
        let query = Arc::new(query);
        let (answers, mut heard) = mpsc::channel(16);
        let mut asking = JoinSet::new();
        for interface in interfaces {
            for version in interface.versions() {
                match interface.asker(version) {
                    Ok(socket) => {
                        asking.spawn(ask_all(
                            socket,
                            interface.clone(),
                            version,
                            query.clone(),
                            answers.clone(),
                        ));
                    }
                    Err(error) => tracing::debug!(interface = interface.name, %error, "mDNS: not asked here"),
                }
            }
        }
        drop(answers);
        let until = Instant::now() + ROUND;
        while let Ok(Some(bytes)) = timeout_at(until, heard.recv()).await {
            if records.take(&bytes) && enough(records) {
                return;
            }
        }
    }

    /// Asks the servers in their order, until one has answered all.
    async fn ask_servers(&self, open: &[Asked], records: &mut Records) {
        for server in self.servers.iter().take(MAX_SERVERS) {
            match ask_server(*server, open, records).await {
                Ok(true) => return,
                Ok(false) => tracing::debug!(%server, "DNS: no answer"),
                Err(error) => tracing::debug!(%server, %error, "DNS: not asked"),
            }
        }
    }
}

/// Whether mDNS alone knows a name (R-DIS.5).
pub fn is_local(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).as_bytes();
    host.len() > 6 && host[host.len() - 6..].eq_ignore_ascii_case(b".local")
}

async fn ask_all(
    socket: UdpSocket,
    interface: Interface,
    version: Version,
    query: Arc<Vec<u8>>,
    answers: mpsc::Sender<Vec<u8>>,
) {
    let mut bytes = vec![0; MAX_PACKET];
    let start = Instant::now();
    for number in 1..=ROUND_TRIES {
        if socket.send_to(&query, net::group(version)).await.is_err() {
            return;
        }
        let until = start + ROUND * number / ROUND_TRIES;
        while let Ok(Ok((length, from))) = timeout_at(until, socket.recv_from(&mut bytes)).await {
            if interface.is_near(from.ip()) && answers.send(bytes[..length].to_vec()).await.is_err() {
                return;
            }
        }
    }
}

/// Whether every question was answered, with whatever.
async fn ask_server(server: SocketAddr, open: &[Asked], records: &mut Records) -> std::io::Result<bool> {
    let local: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(server).await?;
    let mut waiting: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
    for question in open {
        let id = random();
        if let Some(query) = packet::query(id, std::slice::from_ref(question), true) {
            waiting.insert(id, query);
        }
    }
    let mut bytes = vec![0; MAX_PACKET];
    let start = Instant::now();
    for number in 1..=ROUND_TRIES {
        for query in waiting.values() {
            socket.send(query).await?;
        }
        let until = start + ROUND * number / ROUND_TRIES;
        while !waiting.is_empty() {
            let Ok(received) = timeout_at(until, socket.recv(&mut bytes)).await else { break };
            let answer = &bytes[..received?];
            // The number alone is soon guessed: the question has to be the same too.
            let id = header_buffer::id(answer).unwrap_or_default();
            if waiting.get(&id).is_some_and(|query| packet::answers(query, answer)) {
                waiting.remove(&id);
                records.take(answer);
            }
        }
    }
    Ok(waiting.is_empty())
}

/// The number of a query.
fn random() -> u16 {
    let mut bytes = [0; 2];
    // Without chance the port is all that an attacker has to guess.
    let _ = SystemRandom::new().fill(&mut bytes);
    u16::from_be_bytes(bytes)
}
