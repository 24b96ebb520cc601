//! `DNS.Client.` from `resolv.conf`: what the resolver of this system asks.

use std::net::IpAddr;
use std::sync::Arc;

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use dm::{Code, Fault, Value};
use engine::provider::{Committed, Edit, Pending, Prepared, Provider, ProviderError, Report, RowKey};

use super::layers::IP;
use super::rows::{RowBuilder, object, report};
use super::support::Support;
use super::transaction::{Step, Transaction};
use crate::config::Policy;
use crate::limits::MAX_NAME_SERVERS;
use crate::system::SystemRoot;

const DNS: &str = "Device.DNS.";
const CLIENT: &str = "Device.DNS.Client.";
const SERVER: &str = "Device.DNS.Client.Server.{i}.";
const RESOLV_CONF: &str = "etc/resolv.conf";

/// What a resolver on this host was told by DHCP and the like, when `resolv.conf` names only itself.
const UPSTREAM: [&str; 3] =
    ["run/systemd/resolve/resolv.conf", "tmp/resolv.conf.d/resolv.conf.auto", "tmp/resolv.conf.auto"];

/// The name servers.
#[derive(Debug)]
pub struct Dns {
    root: SystemRoot,
    policy: Arc<Policy>,
}

/// A server, and the interface that its address is bound to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameServer {
    /// Its address.
    pub ip: IpAddr,
    /// After a `%`.
    pub interface: Option<String>,
}

impl Dns {
    /// Reads below `root`.
    pub fn new(root: SystemRoot, policy: Arc<Policy>) -> Dns {
        Dns { root, policy }
    }

    /// The servers that are asked in the end, and whether `resolv.conf` itself names them.
    pub fn servers(&self) -> (Vec<NameServer>, bool) {
        let own = name_servers(&self.root.text(RESOLV_CONF).unwrap_or_default());
        if !own.is_empty() && own.iter().all(|server| server.ip.is_loopback()) {
            let told = UPSTREAM.iter().filter_map(|path| self.root.text(path));
            let upstream = told.map(|text| name_servers(&text)).find(|servers| !servers.is_empty());
            if let Some(upstream) = upstream {
                return (upstream, false);
            }
        }
        (own, true)
    }

    fn plan(&self, changes: &[Edit]) -> Result<Transaction, Fault> {
        let (mut servers, own) = self.servers();
        if !own {
            let reason = "another service of this system keeps the name servers";
            return Err(Fault::new(Code::REQUEST_DENIED, reason));
        }
        let mut transaction = Transaction::new();
        for change in changes {
            match change {
                Edit::Set { path, keys, param, value, .. } => {
                    let at = position(&servers, keys)?;
                    match (param.as_str(), value) {
                        ("Enable", Value::Bool(true)) => {}
                        ("DNSServer", value) => {
                            servers[at] = server(&value.expose())?;
                            transaction.bind(path, RowKey(servers[at].ip.to_string().into()));
                        }
                        _ => return Err(disabled()),
                    }
                }
                Edit::Add { path, values, .. } => {
                    let value =
                        |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
                    if value("Enable") != Some(&Value::Bool(true)) {
                        return Err(disabled());
                    }
                    servers.push(server(&value("DNSServer").map(Value::expose).unwrap_or_default())?);
                    let key = servers.last().map(|server| server.ip.to_string()).unwrap_or_default();
                    transaction.bind(path, RowKey(key.into()));
                }
                Edit::Delete { keys, .. } => {
                    let at = position(&servers, keys)?;
                    servers.remove(at);
                }
            }
        }
        if servers.len() > MAX_NAME_SERVERS {
            return Err(Fault::new(Code::RESOURCES_EXCEEDED, "too many name servers"));
        }
        let before = self.root.text(RESOLV_CONF).unwrap_or_default();
        let after = with_name_servers(&before, &servers);
        transaction.push(Step::File { path: self.root.path(RESOLV_CONF), before, after });
        Ok(transaction)
    }
}

impl Provider for Dns {
    fn name(&self) -> &'static str {
        "dns"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        if !self.root.exists(RESOLV_CONF) {
            return;
        }
        let server = ["Alias", "Enable", "Status", "DNSServer", "Interface"];
        Support::new(model, &self.policy)
            .object(DNS, &[])
            .object(CLIENT, &["Enable", "Status", "ServerNumberOfEntries"])
            .writable(SERVER, &server, &["Enable", "DNSServer"])
            .creatable(SERVER);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(CLIENT)]
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(async { Ok(report(rows(&self.servers().0))) })
    }

    fn prepare<'a>(&'a self, changes: &'a [Edit]) -> Pending<'a, Result<Prepared, Fault>> {
        Box::pin(async move { Ok(self.plan(changes)?.prepared()) })
    }

    fn commit<'a>(&'a self, prepared: &'a mut Prepared) -> Pending<'a, Result<Committed, Fault>> {
        Box::pin(Transaction::commit(prepared, None))
    }

    fn abort(&self, prepared: Prepared) -> Pending<'_, Result<(), Fault>> {
        Box::pin(Transaction::abort(prepared, None))
    }
}

/// The `nameserver` lines, each address once.
pub fn name_servers(resolv_conf: &str) -> Vec<NameServer> {
    let mut servers: Vec<NameServer> = Vec::new();
    for line in resolv_conf.lines() {
        let mut words = line.split_ascii_whitespace();
        if words.next() != Some("nameserver") {
            continue;
        }
        let Some(found) = words.next().and_then(|word| server(word).ok()) else { continue };
        if servers.len() < MAX_NAME_SERVERS && servers.iter().all(|known| known.ip != found.ip) {
            servers.push(found);
        }
    }
    servers
}

/// The same file with other servers, where the first of them was named, else at the end.
pub fn with_name_servers(resolv_conf: &str, servers: &[NameServer]) -> String {
    let is_server = |line: &&str| line.split_ascii_whitespace().next() == Some("nameserver");
    let mut lines: Vec<String> = Vec::new();
    let named = servers.iter().map(|server| match &server.interface {
        Some(interface) => format!("nameserver {}%{interface}", server.ip),
        None => format!("nameserver {}", server.ip),
    });
    let at = resolv_conf.lines().position(|line| is_server(&line)).unwrap_or(usize::MAX);
    lines.extend(resolv_conf.lines().take(at).map(str::to_owned));
    lines.extend(named);
    let rest = resolv_conf.lines().skip(at).filter(|line| !is_server(line));
    lines.extend(rest.map(str::to_owned));
    lines.join("\n") + "\n"
}

/// The client, which is always on, and its servers.
pub fn rows(servers: &[NameServer]) -> Vec<RowBuilder> {
    let client = RowBuilder::new(CLIENT, &[]).bool("Enable", true).text("Status", "Enabled");
    let rows = servers.iter().map(|server| {
        let ip = server.ip.to_string();
        let interface = server.interface.as_deref();
        RowBuilder::new(SERVER, &[&ip])
            .bool("Enable", true)
            .text("Status", "Enabled")
            .text("DNSServer", &ip)
            .maybe_ref("Interface", IP, interface)
    });
    std::iter::once(client).chain(rows).collect()
}

fn position(servers: &[NameServer], keys: &[Option<RowKey>]) -> Result<usize, Fault> {
    let key = keys.last().and_then(Option::as_ref);
    let at = key.and_then(|key| servers.iter().position(|server| server.ip.to_string() == *key.0));
    at.ok_or_else(|| Fault::new(Code::OBJECT_DOES_NOT_EXIST, "the name server is gone"))
}

fn server(text: &str) -> Result<NameServer, Fault> {
    let (ip, interface) = match text.split_once('%') {
        Some((ip, interface)) => (ip, Some(interface.to_owned())),
        None => (text, None),
    };
    let ip = ip.parse().map_err(|_| Fault::new(Code::INVALID_VALUE, "no address of a name server"))?;
    Ok(NameServer { ip, interface })
}

fn disabled() -> Fault {
    Fault::new(Code::INVALID_VALUE, "this system has no disabled name servers: Enable must be true")
}
