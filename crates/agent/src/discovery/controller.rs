//! What was found as rows of `LocalAgent.Controller.`: one row for each way of finding, told by its alias.
//!
//! A row that was made is kept when nothing is found any more: the controller is still the device's. It follows
//! what is found next; another endpoint id is another controller, whose row starts anew, with the role that the
//! policy gives. A controller that has a row of its own already is left as it is.

use dm::operation::{Add, Delete, ObjectSettings, ParamSetting, Set};
use dm::tree::{Change, Place, Requester, Tree};
use dm::{Fault, Operation, Outcome};
use engine::trust::{Certificate, vouch};
use mtp::EndpointId;
use mtp::discovery::dhcp::Answer;
use mtp::ws::WsUrl;

use crate::trust::Certificates;

const TABLE: &str = "Device.LocalAgent.Controller.";

/// How a controller was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// By a lease.
    Dhcp,
    /// By the name in the configuration.
    Fqdn,
    /// By a list of mDNS.
    Browse,
}

impl Source {
    /// All of them.
    pub const ALL: [Source; 3] = [Source::Dhcp, Source::Fqdn, Source::Browse];

    /// The alias of its row. The prefix is that of names which the device itself gives.
    pub fn alias(self) -> &'static str {
        match self {
            Source::Dhcp => "cpe-dhcp",
            Source::Fqdn => "cpe-dns-sd",
            Source::Browse => "cpe-mdns",
        }
    }

    fn row(self) -> String {
        format!("{TABLE}[Alias==\"{}\"].", self.alias())
    }
}

/// A controller that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// Who.
    pub endpoint: EndpointId,
    /// Where.
    pub url: WsUrl,
    /// `ProvisioningCode`.
    pub provisioning_code: Option<String>,
    /// `USPNotifRetryMinimumWaitInterval`.
    pub retry_minimum_wait: Option<String>,
    /// `USPNotifRetryIntervalMultiplier`.
    pub retry_multiplier: Option<String>,
}

impl Offer {
    /// Just a place.
    pub fn new(endpoint: EndpointId, url: WsUrl) -> Offer {
        let (provisioning_code, retry_minimum_wait, retry_multiplier) = (None, None, None);
        Offer { endpoint, url, provisioning_code, retry_minimum_wait, retry_multiplier }
    }

    /// With what else a lease says.
    #[must_use]
    pub fn with(mut self, answer: &Answer) -> Offer {
        self.provisioning_code.clone_from(&answer.provisioning_code);
        self.retry_minimum_wait.clone_from(&answer.retry_minimum_wait);
        self.retry_multiplier.clone_from(&answer.retry_multiplier);
        self
    }

    /// Parameters of the controller that a lease may say. One that TR-181 does not allow stays as it is.
    fn said(&self) -> Vec<ParamSetting> {
        let parts = [
            ("ProvisioningCode", &self.provisioning_code),
            ("USPNotifRetryMinimumWaitInterval", &self.retry_minimum_wait),
            ("USPNotifRetryIntervalMultiplier", &self.retry_multiplier),
        ];
        parts.into_iter().filter_map(|(name, value)| Some(param(name, value.as_ref()?, false))).collect()
    }

    fn place(&self) -> Vec<ParamSetting> {
        vec![
            param("Host", &self.url.host, true),
            param("Port", &self.url.port.to_string(), true),
            param("Path", &self.url.path, true),
            param("EnableEncryption", if self.url.secure { "true" } else { "false" }, true),
        ]
    }
}

fn param(name: &str, value: &str, required: bool) -> ParamSetting {
    ParamSetting { param: name.to_owned(), value: value.to_owned(), required }
}

/// What has to change for a controller that was found in this way to have its row. `role` is a reference, or empty;
/// the certificates of `ca` vouch for it. Without room for these nothing changes.
pub fn take(tree: &Tree, source: Source, offer: &Offer, role: &str, ca: &[Certificate]) -> Vec<Change> {
    let mut staged = Staged { tree: tree.clone(), changes: Vec::new() };
    let endpoint = offer.endpoint.as_str();
    let known = endpoints(tree);
    let own = known.iter().find(|(alias, _)| alias == source.alias()).map(|(_, endpoint)| endpoint.as_str());
    if own != Some(endpoint) {
        if own.is_some() {
            staged.delete(source);
        }
        if known.iter().any(|(_, other)| other == endpoint) {
            return staged.changes;
        }
        let mut params = vec![
            param("Alias", source.alias(), true),
            param("EndpointID", endpoint, true),
            param("Enable", "true", true),
            param("AssignedRole", role, true),
            param("PeriodicNotifInterval", &crate::local_agent::A_DAY.to_string(), true),
        ];
        params.extend(offer.said());
        staged.add(TABLE.to_owned(), params);
        let mtp = vec![param("Enable", "true", true), param("Protocol", "WebSocket", true)];
        staged.add(format!("{}MTP.", source.row()), mtp);
        staged.set(format!("{}MTP.1.WebSocket.", source.row()), vec![param("KeepAliveInterval", "60", true)]);
    }
    staged.set(source.row(), offer.said());
    staged.set(format!("{}MTP.*.WebSocket.", source.row()), offer.place());
    for certificate in ca {
        // What it can't be held to would leave it to the CAs of the system.
        if let Err(fault) = staged.vouch(source, certificate) {
            tracing::warn!(%fault, controller = %offer.endpoint, "a CA of discovery.ca has no row: nobody is taken");
            return Vec::new();
        }
    }
    staged.changes
}

/// What has to change for what was found in this way to be forgotten, with all that refers to it.
pub fn forget(tree: &Tree, source: Source) -> Vec<Change> {
    let mut staged = Staged { tree: tree.clone(), changes: Vec::new() };
    if endpoints(tree).iter().any(|(alias, _)| alias == source.alias()) {
        staged.delete(source);
    }
    staged.changes
}

/// The endpoint id of the row of a source.
pub fn current(tree: &Tree, source: Source) -> Option<EndpointId> {
    let found = endpoints(tree).into_iter().find(|(alias, _)| alias == source.alias())?;
    EndpointId::receive(&found.1).ok()
}

/// Alias and endpoint id of every row.
fn endpoints(tree: &Tree) -> Vec<(String, String)> {
    let rows = rows(tree).into_iter();
    rows.map(|row| (tree.text_of(&row, "Alias"), tree.text_of(&row, "EndpointID"))).collect()
}

fn row_of(tree: &Tree, source: Source) -> Option<Place> {
    rows(tree).into_iter().find(|row| tree.text_of(row, "Alias") == source.alias())
}

fn rows(tree: &Tree) -> Vec<Place> {
    let path = dm::path::ObjectPath::parse(TABLE).expect("a literal");
    let Some(table) = Place::of(tree.model(), &path) else { return Vec::new() };
    tree.rows(&table).into_iter().map(|number| table.row(number)).collect()
}

/// Changes one after another, each seeing those before it.
struct Staged {
    tree: Tree,
    changes: Vec<Change>,
}

impl Staged {
    fn add(&mut self, path: String, params: Vec<ParamSetting>) {
        let objects = vec![ObjectSettings { path, params }];
        self.run(&Operation::Add(Add { allow_partial: false, objects }));
    }

    fn set(&mut self, path: String, params: Vec<ParamSetting>) {
        if !params.is_empty() {
            let objects = vec![ObjectSettings { path, params }];
            self.run(&Operation::Set(Set { allow_partial: false, objects }));
        }
    }

    fn delete(&mut self, source: Source) {
        self.run(&Operation::Delete(Delete { allow_partial: false, paths: vec![source.row()] }));
    }

    fn vouch(&mut self, source: Source, certificate: &Certificate) -> Result<(), Fault> {
        if let Some(row) = row_of(&self.tree, source) {
            let changes = vouch(&self.tree, &Certificates::default(), &row, certificate)?;
            self.tree.apply(&changes);
            self.changes.extend(changes);
        }
        Ok(())
    }

    fn run(&mut self, operation: &Operation) {
        let Some(plan) = self.tree.plan(operation, &Requester::full()) else { return };
        if let Outcome::Failed(failure) = plan.outcome() {
            tracing::warn!(fault = %failure.fault, params = ?failure.params, "a controller that was found has no row");
        }
        for transaction in plan.transactions {
            let done = self.tree.apply(&transaction.changes);
            // What is so already is not written again.
            if !done.is_empty() {
                self.changes.extend(transaction.changes);
            }
        }
    }
}
