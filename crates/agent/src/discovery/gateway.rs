//! `GatewayInfo.`: the gateway of this network, as it says itself in answers of DHCP, and whether it speaks USP.

use std::sync::{Mutex, OnceLock, PoisonError};

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use engine::provider::{Pending, Provider, ProviderError, Push, Report, Sink};
use mtp::EndpointId;
use mtp::discovery::dhcp::Identity;

use crate::config::Policy;
use crate::providers::rows::{RowBuilder, object, report};
use crate::providers::support::Support;

const GATEWAY_INFO: &str = "Device.GatewayInfo.";

/// Longest serial number and product class of the data model, characters.
const TEXT_LENGTH: usize = 64;

/// What is known of the gateway.
#[derive(Debug, Default)]
pub struct Gateway {
    known: Mutex<Known>,
    sink: OnceLock<Sink>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Known {
    /// `None`: it has said nothing, or its lease is over.
    identity: Option<Identity>,
    /// Its endpoint, if it has one.
    endpoint: Option<EndpointId>,
}

impl Gateway {
    /// What the lease in force says; `None` without one, or if it says nothing of the gateway. Gives whether it is not
    /// known yet whether the gateway speaks USP.
    // R-DIS.2c
    pub fn leased(&self, identity: Option<Identity>) -> bool {
        let mut known = self.known();
        let endpoint = if identity == known.identity { known.endpoint.clone() } else { None };
        let open = identity.is_some() && endpoint.is_none();
        let event = identity.clone().filter(|_| identity != known.identity).map(|identity| {
            let identity = fitting(&identity);
            let params = [
                ("ManufacturerOUI", identity.oui),
                ("ProductClass", identity.product_class),
                ("SerialNumber", identity.serial),
            ];
            ("CWMPGatewayDiscovered!", params.map(|(name, value)| (name.to_owned(), value)).to_vec())
        });
        self.become_known(&mut known, Known { identity, endpoint }, event);
        open
    }

    /// An agent was found at its address.
    // R-DIS.2d
    pub fn found(&self, endpoint: EndpointId) {
        let mut known = self.known();
        if known.identity.is_none() {
            return;
        }
        let event = ("USPGatewayDiscovered!", vec![("EndpointID".to_owned(), endpoint.as_str().to_owned())]);
        let next = Known { endpoint: Some(endpoint), ..known.clone() };
        let event = Some(event).filter(|_| next != *known);
        self.become_known(&mut known, next, event);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn become_known(&self, known: &mut Known, next: Known, event: Option<(&str, Vec<(String, String)>)>) {
        if *known == next {
            return;
        }
        *known = next;
        let Some(Sink(sink)) = self.sink.get() else { return };
        let changed = Push::Changed { subtrees: self.subtrees(), report: report([row(known)]) };
        let event = event.map(|(name, params)| Push::Event {
            object: object(GATEWAY_INFO),
            keys: Vec::new(),
            name: name.to_owned(),
            params,
        });
        for push in [Some(changed), event].into_iter().flatten() {
            if let Err(error) = sink.try_send(push) {
                tracing::warn!(%error, "news of the gateway is lost until it is asked for");
            }
        }
    }
}

impl Provider for Gateway {
    fn name(&self) -> &'static str {
        "gateway"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        let known = row(&Known::default()).build();
        let params: Vec<&str> = known.values.iter().map(|(name, _)| name.as_str()).collect();
        Support::new(model, &Policy::default())
            .object(GATEWAY_INFO, &params)
            .actions(GATEWAY_INFO, &["CWMPGatewayDiscovered!", "USPGatewayDiscovered!"]);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(GATEWAY_INFO)]
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(async { Ok(report([row(&self.known())])) })
    }

    fn watch(&self, sink: Sink) -> bool {
        self.sink.set(sink).is_ok()
    }
}

/// What is not known is empty, by R-DIS.2c.
fn row(known: &Known) -> RowBuilder {
    let identity = fitting(&known.identity.clone().unwrap_or_default());
    let protocol = match (&known.identity, &known.endpoint) {
        (None, _) => "",
        (Some(_), None) => "CWMP",
        (Some(_), Some(_)) => "USP",
    };
    RowBuilder::new(GATEWAY_INFO, &[])
        .text("ManufacturerOUI", &identity.oui)
        .text("ProductClass", &identity.product_class)
        .text("SerialNumber", &identity.serial)
        .text("ManagementProtocol", protocol)
        .text("EndpointID", known.endpoint.as_ref().map_or("", EndpointId::as_str))
}

/// The same as the data model can hold it.
fn fitting(identity: &Identity) -> Identity {
    let cut = |text: &str| text.chars().take(TEXT_LENGTH).collect();
    let oui = identity.oui.to_ascii_uppercase();
    let is_oui = oui.len() == 6 && oui.bytes().all(|byte| byte.is_ascii_hexdigit());
    Identity {
        oui: if is_oui { oui } else { String::new() },
        serial: cut(&identity.serial),
        product_class: cut(&identity.product_class),
    }
}
