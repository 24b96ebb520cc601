//! Searching: at the start, whenever a lease comes or goes, and again after a while where DNS or mDNS have to be
//! asked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use dm::tree::{Change, Tree};
use engine::Instance;
use engine::trust::Certificate;
use mtp::discovery::ask::Asker;
use mtp::discovery::dhcp::Answer;
use mtp::discovery::found::Wanted;
use mtp::discovery::service::Mtp;
use mtp::discovery::{Found, Location, Party};
use mtp::ws::WsUrl;
use mtp::{EndpointId, Retry, Schedule};
use tokio::sync::watch;
use tokio::time::sleep;

use super::config::DiscoveryConfig;
use super::controller::{self, Offer, Source};
use super::gateway::Gateway;
use super::lease;
use super::watch::Watch;
use crate::config::{Config, Policy};
use crate::limits::{SEARCH_AGAIN_S, SEARCH_AT_LAST};
use crate::providers::dns::Dns;
use crate::roles;
use crate::state::random;
use crate::system::SystemRoot;
use crate::trust;

/// Where DNS listens.
const DNS_PORT: u16 = 53;

/// What searching needs.
#[derive(Debug)]
pub struct Search {
    config: DiscoveryConfig,
    /// A reference to the role of who is found.
    role: String,
    data: PathBuf,
    root: SystemRoot,
    gateway: Option<Arc<Gateway>>,
}

/// What came of one way of finding.
enum Sought {
    /// There is nothing to go by.
    Nothing,
    /// Nobody answered yet.
    NotYet,
    /// It is known without asking.
    Known(Offer),
    /// Somebody answered: what was said may change.
    Found(Offer),
}

impl Search {
    /// Searches as `config` says, with leases below `data`.
    pub fn new(config: &Config, data: PathBuf, root: SystemRoot) -> Search {
        let name = config.discovery.role.as_deref().unwrap_or(roles::UNTRUSTED);
        let mut role = roles::reference(config, name);
        if role.is_empty() {
            // The roles are those of the first start.
            tracing::warn!(role = name, "discovery: there is no such role, Untrusted takes its place");
            role = roles::reference(config, roles::UNTRUSTED);
        }
        Search { config: config.discovery.clone(), role, data, root, gateway: None }
    }

    /// Tells `gateway` too what leases say of it.
    #[must_use]
    pub fn with_gateway(mut self, gateway: Option<Arc<Gateway>>) -> Search {
        self.gateway = gateway;
        self
    }

    /// Keeps the rows of controllers that are found what was found last, until `stopped` turns true.
    pub async fn keep(self, instance: Arc<Instance>, mut stopped: watch::Receiver<bool>) {
        tokio::select! {
            () = self.search(&instance) => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    }

    async fn search(&self, instance: &Instance) {
        for source in Source::ALL.into_iter().filter(|source| !self.allows(*source)) {
            apply(instance, |tree| controller::forget(tree, source)).await;
        }
        if !Source::ALL.into_iter().any(|source| self.allows(source)) {
            return;
        }
        let watch = self.watch();
        let schedule = Schedule { minimum_wait_s: SEARCH_AGAIN_S, ..Schedule::default() };
        let seed = match random() {
            Ok(seed) => seed,
            Err(error) => return tracing::error!(%error, "no controller is searched for"),
        };
        let mut retry = Retry::new(schedule, seed);
        loop {
            let mut missing = self.look_at_gateway().await;
            let mut asks = missing;
            for source in Source::ALL.into_iter().filter(|source| self.allows(*source)) {
                let offer = match self.seek(source, instance).await {
                    Sought::Nothing => continue,
                    Sought::NotYet => {
                        (asks, missing) = (true, true);
                        continue;
                    }
                    Sought::Known(offer) => offer,
                    Sought::Found(offer) => {
                        asks = true;
                        offer
                    }
                };
                tracing::info!(controller = %offer.endpoint, url = %offer.url, ?source, "found");
                let ca = match self.ca() {
                    Ok(ca) => ca,
                    Err(error) => {
                        tracing::error!(error = format!("{error:#}"), "discovery.ca: nobody is taken");
                        (asks, missing) = (true, true);
                        continue;
                    }
                };
                apply(instance, |tree| controller::take(tree, source, &offer, &self.role, &ca)).await;
            }
            let again = match (asks, missing) {
                (_, true) => Some(retry.next_wait().min(SEARCH_AT_LAST)),
                (true, false) => {
                    retry.reset();
                    Some(SEARCH_AT_LAST)
                }
                (false, false) => None,
            };
            tokio::select! {
                () = changed(watch.as_ref()) => retry.reset(),
                () = async { if let Some(again) = again { sleep(again).await } }, if again.is_some() => {}
            }
        }
    }

    /// Who hands the lease out, and whether it is an agent. Gives whether it may still turn out to be one.
    async fn look_at_gateway(&self) -> bool {
        let Some(gateway) = &self.gateway else { return false };
        let lease = lease::all(&self.data).into_iter().find_map(|lease| {
            let identity = lease.answer().ok()?.gateway?;
            Some((lease, identity))
        });
        let (lease, identity) = lease.unzip();
        let open = gateway.leased(identity);
        let (Some(lease), true, true) = (lease, open, self.config.mdns) else { return false };
        let Some(wanted) = Wanted::new(Party::Agent, "local", None) else { return false };
        // R-DIS.2d: by the address of who answered DHCP.
        let agents = asker(&self.config, &self.root).browse(&wanted).await;
        let is_it = |found: &&Found| found.addresses.iter().any(|ip| lease.gateways.contains(ip));
        match agents.iter().find(is_it) {
            Some(found) => gateway.found(found.endpoint.clone()),
            None => return true,
        }
        false
    }

    /// The certificates that vouch for who is found.
    fn ca(&self) -> Result<Vec<Certificate>> {
        self.config.ca.as_deref().map_or(Ok(Vec::new()), trust::certificates)
    }

    fn allows(&self, source: Source) -> bool {
        match source {
            Source::Dhcp => self.config.dhcp,
            Source::Fqdn => self.config.fqdn.is_some(),
            Source::Browse => self.config.browse,
        }
    }

    fn watch(&self) -> Option<Watch> {
        if !self.config.dhcp {
            return None;
        }
        let watch = lease::make_folder(&self.data).and_then(|()| Watch::new(&lease::folder(&self.data)));
        watch.inspect_err(|error| tracing::warn!(%error, "leases are read at the start only")).ok()
    }

    async fn seek(&self, source: Source, instance: &Instance) -> Sought {
        let found = match source {
            Source::Dhcp => {
                let answers = lease::all(&self.data).into_iter().filter_map(|lease| lease.answer().ok());
                // R-DIS.1b: there is one controller.
                let answer = answers.into_iter().find_map(|answer| Some((answer.location()?, answer)));
                let Some((location, answer)) = answer else { return Sought::Nothing };
                return self.follow(&location, &answer).await;
            }
            Source::Fqdn => self.ask(self.config.fqdn.as_deref().unwrap_or_default(), None).await,
            Source::Browse => {
                let found = self.ask("local", None).await;
                // Whoever was found first stays, as long as it is there.
                let current = instance.with_tree(|tree| controller::current(tree, source)).flatten();
                let stays = found.iter().find(|found| Some(&found.endpoint) == current.as_ref()).cloned();
                stays.map_or(found, |found| vec![found])
            }
        };
        found.into_iter().find_map(|found| self.offer(&found)).map_or(Sought::NotYet, Sought::Found)
    }

    /// Where a lease leads.
    async fn follow(&self, location: &Location, answer: &Answer) -> Sought {
        let endpoint = answer.endpoint.as_deref().and_then(|id| EndpointId::receive(id).ok());
        match location {
            Location::Url(text) => {
                let Some(url) = self.usable(text) else { return Sought::Nothing };
                if let Some(endpoint) = endpoint {
                    return Sought::Known(Offer::new(endpoint, url).with(answer));
                }
                // Servers of older versions don't say who it is; DNS may.
                let found = self.ask(&url.host, None).await.into_iter().next();
                found.map_or(Sought::NotYet, |found| {
                    Sought::Found(Offer::new(found.endpoint, url).with(answer))
                })
            }
            Location::Fqdn(name) => {
                let mut found = self.ask(name, endpoint).await.into_iter();
                let offer = found.find_map(|found| self.offer(&found));
                offer.map_or(Sought::NotYet, |offer| Sought::Found(offer.with(answer)))
            }
        }
    }

    /// R-DIS.5, R-DIS.6, R-DIS.7: who there is in a domain, by mDNS or by name servers.
    async fn ask(&self, domain: &str, endpoint: Option<EndpointId>) -> Vec<Found> {
        let Some(wanted) = Wanted::new(Party::Controller, domain, endpoint) else { return Vec::new() };
        if wanted.is_local() && !self.config.mdns {
            tracing::warn!(domain, "names in .local need discovery.mdns");
            return Vec::new();
        }
        asker(&self.config, &self.root).browse(&wanted).await
    }

    fn offer(&self, found: &Found) -> Option<Offer> {
        if found.service.mtp != Mtp::WebSocket {
            return None;
        }
        let url = WsUrl {
            secure: found.attributes.encrypt,
            host: found.host.clone(),
            port: found.port,
            path: found
                .attributes
                .path
                .clone()
                .filter(|path| path.starts_with('/'))
                .unwrap_or_else(|| "/".to_owned()),
            query: None,
        };
        self.permitted(&url).then(|| Offer::new(found.endpoint.clone(), url))
    }

    fn usable(&self, text: &str) -> Option<WsUrl> {
        match text.parse::<WsUrl>() {
            Ok(url) => self.permitted(&url).then_some(url),
            Err(error) => {
                tracing::warn!(url = text, %error, "the controller of a lease can't be reached");
                None
            }
        }
    }

    fn permitted(&self, url: &WsUrl) -> bool {
        let permitted = url.secure || self.config.allow_plaintext;
        if !permitted {
            tracing::warn!(%url, "a controller without TLS was found: discovery.allow_plaintext would let it in");
        }
        permitted
    }
}

/// Who is asked for names.
pub fn asker(config: &DiscoveryConfig, root: &SystemRoot) -> Asker {
    let (servers, _) = Dns::new(root.clone(), Arc::new(Policy::default())).servers();
    let servers = servers.into_iter().map(|server| SocketAddr::new(server.ip, DNS_PORT)).collect();
    Asker { interfaces: config.interfaces.clone(), servers }
}

/// Names of hosts that are dialled.
#[derive(Clone, Debug)]
pub struct Names {
    /// Whether mDNS may be asked, and where.
    pub config: DiscoveryConfig,
    /// The system, whose resolver does the rest.
    pub root: SystemRoot,
}

impl Names {
    /// The places that a URL leads to: one that only mDNS knows becomes its addresses (R-DIS.5).
    pub async fn places(&self, url: &WsUrl) -> Vec<WsUrl> {
        if !self.config.mdns {
            return vec![url.clone()];
        }
        let hosts = asker(&self.config, &self.root).hosts(&url.host).await;
        hosts.into_iter().map(|host| WsUrl { host, ..url.clone() }).collect()
    }
}

async fn changed(watch: Option<&Watch>) {
    if let Some(watch) = watch {
        match watch.changed().await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "leases are not followed any more"),
        }
    }
    std::future::pending::<()>().await;
}

async fn apply(instance: &Instance, make: impl Fn(&Tree) -> Vec<Change>) {
    // Nothing is waited for where nothing changes.
    if instance.with_tree(&make).is_none_or(|changes| changes.is_empty()) {
        return;
    }
    if let Err(error) = instance.change(make).await {
        tracing::warn!(%error, "what was found is not remembered");
    }
}
