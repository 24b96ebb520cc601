//! The rows for CoAP. A program without it has none: its configuration can't name it.

use dm::model::{ModelBuilder, ModelError};
#[cfg(feature = "coap")]
use {
    crate::local_agent::CONTROLLER,
    crate::providers::support::catalogue,
    dm::model::Params,
    dm::schema::{EnumValue, Facts, Protocol, Status},
};

#[cfg(feature = "coap")]
use super::{AGENT, MTP, flag};
use crate::config::{CoapConfig, Config};
use crate::local_agent::Defaults;

/// Adds the supported part, which TR-181 does not have any more.
#[cfg(feature = "coap")]
pub(super) fn support(model: &mut ModelBuilder) -> Result<(), ModelError> {
    const PROTOCOLS: &str = "SupportedProtocols";
    let rows = catalogue();
    let known = rows.object(AGENT).and_then(|object| object.param(PROTOCOLS, Protocol::Usp));
    let mut row = known.ok_or_else(|| ModelError::Unknown(PROTOCOLS.to_owned()))?.to_row();
    if let Facts::Param(facts) = &mut row.facts {
        let word = EnumValue { value: "CoAP".to_owned(), status: Status::Obsoleted, ..EnumValue::default() };
        facts.facets.enumeration.push(word);
    }
    model
        .add_row(AGENT, &row)?
        .add_from(&rows, &format!("{MTP}CoAP."), Params::Only(&["Port", "Path", "EnableEncryption"]))?
        .add_from(
            &rows,
            &format!("{CONTROLLER}MTP.{{i}}.CoAP."),
            Params::Only(&["Host", "Port", "Path", "EnableEncryption"]),
        )?;
    Ok(())
}

#[cfg(not(feature = "coap"))]
pub(super) fn support(_: &mut ModelBuilder) -> Result<(), ModelError> {
    Ok(())
}

/// One row of `LocalAgent.MTP.` for each socket, behind so many others.
#[cfg(feature = "coap")]
pub(super) fn sockets(rows: &mut Defaults, config: &Config, others: usize) {
    let mut distinct: Vec<&CoapConfig> = Vec::new();
    for coap in config.controllers.iter().filter_map(|controller| controller.coap.as_ref()) {
        if !distinct.iter().any(|known| known.shares_socket(coap)) {
            distinct.push(coap);
        }
    }
    for (at, coap) in distinct.into_iter().enumerate() {
        let mtp = format!("{AGENT}MTP.{}.", others + at + 1);
        rows.set(&mtp, "Enable", "true");
        rows.set(&mtp, "Protocol", "CoAP");
        rows.set(&mtp, "Status", "Down");
        let own = format!("{mtp}CoAP.");
        rows.set(&own, "Port", &coap.port().to_string());
        rows.set(&own, "Path", &coap.path);
        rows.set(&own, "EnableEncryption", flag(coap.is_secure()));
    }
}

#[cfg(not(feature = "coap"))]
pub(super) fn sockets(_: &mut Defaults, _: &Config, _: usize) {}

/// Where a controller is.
#[cfg(feature = "coap")]
pub(super) fn controller(rows: &mut Defaults, mtp: &str, config: &CoapConfig) -> Result<(), ::mtp::Error> {
    let uri: ::mtp::coap::CoapUri = config.url.parse()?;
    let coap = format!("{mtp}CoAP.");
    rows.set(&coap, "Host", &uri.host);
    rows.set(&coap, "Port", &uri.port.to_string());
    rows.set(&coap, "Path", &uri.path_text());
    rows.set(&coap, "EnableEncryption", flag(uri.secure));
    Ok(())
}

#[cfg(not(feature = "coap"))]
pub(super) fn controller(_: &mut Defaults, _: &str, _: &CoapConfig) -> Result<(), ::mtp::Error> {
    Ok(())
}
