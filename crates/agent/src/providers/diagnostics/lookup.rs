//! `DNS.Diagnostics.NSLookupDiagnostics()`: asks one name server itself, so that the answer is its answer.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use engine::provider::CommandResult;
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::{Args, Outputs, bad};
use crate::config::Policy;
use crate::limits::{MAX_DNS_ANSWER, MAX_LOOKUP_RESULTS};
use crate::providers::dns::Dns;
use crate::state::random;
use crate::system::SystemRoot;

/// What one repetition found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// In the words of TR-181.
    pub status: &'static str,
    /// The server is responsible for the name.
    pub authoritative: bool,
    /// What it calls the host.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// How long it took.
    pub time: Duration,
}

/// Asks for a name.
///
/// # Errors
/// 7027 for arguments that can't be served.
pub async fn run(args: Args<'_>, root: &SystemRoot) -> CommandResult {
    let host = args.required("HostName")?;
    // TR-181 says unsignedInt; zero repetitions are no lookup.
    let repetitions = args.number("NumberOfRepetitions", 1, 0..=MAX_LOOKUP_RESULTS)?.max(1);
    let patience = args.timeout("Timeout", 5000)?;
    if args.interface()?.is_some() {
        return Err(bad("Interface: lookups leave as the system routes them".to_owned()));
    }
    let Some(server) = server(args, root).await else {
        return Outputs::status("Error_DNSServerNotResolved").done();
    };
    let mut outputs = Outputs::status("Complete");
    let mut successes = 0;
    for number in 1..=repetitions {
        let found = ask(server, host, patience).await;
        successes += u64::from(found.status == "Success");
        found.set(&mut outputs, number, server.ip());
    }
    outputs.set("SuccessCount", successes);
    outputs.done()
}

async fn server(args: Args<'_>, root: &SystemRoot) -> Option<SocketAddr> {
    let ip = match args.text("DNSServer") {
        Some(server) => args.resolve(server).await.ok()?,
        None => Dns::new(root.clone(), Arc::new(Policy::default())).servers().0.first()?.ip,
    };
    Some(SocketAddr::new(ip, 53))
}

/// Asks a server for the addresses of both kinds.
pub async fn ask(server: SocketAddr, host: &str, patience: Duration) -> Found {
    let start = Instant::now();
    let until = start + patience;
    let mut found = Found {
        status: "Error_HostNameNotResolved",
        authoritative: false,
        name: String::new(),
        addresses: Vec::new(),
        time: Duration::ZERO,
    };
    for kind in [TYPE::A, TYPE::AAAA] {
        match timeout_at(until, exchange(server, host, kind)).await {
            Ok(Ok(answer)) => found.take(answer),
            Ok(Err(Refused::Name)) => {}
            Ok(Err(Refused::Server)) => found.fail("Error_DNSServerNotAvailable"),
            Ok(Err(Refused::Other)) => found.fail("Error_Other"),
            Err(_) => found.fail("Error_Timeout"),
        }
    }
    found.time = start.elapsed();
    found
}

/// Why there is no answer.
enum Refused {
    /// There is no such name.
    Name,
    /// Nobody is there.
    Server,
    /// Something else.
    Other,
}

/// An answer to one question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The server is responsible for the name.
    pub authoritative: bool,
    /// Whom the addresses belong to.
    pub name: String,
    /// None, if the name has none of the kind that was asked for.
    pub addresses: Vec<IpAddr>,
}

async fn exchange(server: SocketAddr, host: &str, kind: TYPE) -> Result<Answer, Refused> {
    let id = u16::from_be_bytes(random().map_err(|_| Refused::Other)?);
    let request = query(id, host, kind).ok_or(Refused::Name)?;
    let local: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let unreachable = |_: io::Error| Refused::Server;
    let socket = UdpSocket::bind(local).await.map_err(unreachable)?;
    socket.connect(server).await.map_err(unreachable)?;
    socket.send(&request).await.map_err(unreachable)?;
    let mut bytes = vec![0; MAX_DNS_ANSWER];
    loop {
        let length = socket.recv(&mut bytes).await.map_err(unreachable)?;
        let Some(answer) = answer(&bytes[..length], id) else { continue };
        return match answer {
            Ok(answer) => Ok(answer),
            Err(RCODE::NameError) => Err(Refused::Name),
            Err(_) => Err(Refused::Other),
        };
    }
}

/// A recursive query; `None` for a text that is no name.
pub fn query(id: u16, host: &str, kind: TYPE) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(host.trim_end_matches('.')).ok()?;
    packet.questions.push(Question::new(name, QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false));
    packet.build_bytes_vec().ok()
}

/// An answer to the query of this number; `None` for what is none.
pub fn answer(bytes: &[u8], id: u16) -> Option<Result<Answer, RCODE>> {
    if !holds_what_it_says(bytes) {
        return None;
    }
    let packet = Packet::parse(bytes).ok()?;
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) {
        return None;
    }
    if packet.rcode() != RCODE::NoError {
        return Some(Err(packet.rcode()));
    }
    let mut answer = Answer {
        authoritative: packet.has_flags(PacketFlag::AUTHORITATIVE_ANSWER),
        name: String::new(),
        addresses: Vec::new(),
    };
    for record in &packet.answers {
        let ip = match &record.rdata {
            RData::A(a) => IpAddr::V4(Ipv4Addr::from(a.address)),
            RData::AAAA(aaaa) => IpAddr::V6(Ipv6Addr::from(aaaa.address)),
            _ => continue,
        };
        answer.name = record.name.to_string();
        answer.addresses.push(ip);
    }
    Some(Ok(answer))
}

/// Whether a packet is long enough for the questions and records that its header counts: room is made for that many.
fn holds_what_it_says(bytes: &[u8]) -> bool {
    const HEADER: usize = 12;
    // The root's name, type and class; of a record also its life and the length of its data.
    const LEAST: [usize; 4] = [5, 11, 11, 11];
    let counts = (4..HEADER).step_by(2).map(|at| match bytes.get(at..at + 2) {
        Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
        _ => usize::MAX >> 8,
    });
    let least: usize = counts.zip(LEAST).map(|(count, least)| count * least).sum();
    bytes.len() >= HEADER.saturating_add(least)
}

impl Found {
    fn take(&mut self, answer: Answer) {
        if answer.addresses.is_empty() {
            return;
        }
        self.status = "Success";
        self.authoritative |= answer.authoritative;
        self.name = answer.name;
        self.addresses.extend(answer.addresses);
    }

    fn fail(&mut self, status: &'static str) {
        if self.addresses.is_empty() {
            self.status = status;
        }
    }

    /// As output arguments.
    pub fn set(&self, outputs: &mut Outputs, number: u64, server: IpAddr) {
        let kind = match (self.addresses.is_empty(), self.authoritative) {
            (true, _) => "None",
            (false, true) => "Authoritative",
            (false, false) => "NonAuthoritative",
        };
        let addresses: Vec<String> = self.addresses.iter().take(10).map(ToString::to_string).collect();
        let name = |leaf: &str| format!("Result.{number}.{leaf}");
        outputs.set(name("Status"), self.status);
        outputs.set(name("AnswerType"), kind);
        outputs.set(name("HostNameReturned"), &self.name);
        outputs.set(name("IPAddresses"), addresses.join(","));
        outputs.set(name("DNSServerIP"), server);
        outputs.set(name("ResponseTime"), self.time.as_millis());
    }
}
