//! TLS below the WebSocket: whose certificates the agent believes, and what its own says.

use std::time::Duration;

use usp_proto::get::Get;
use usp_proto::{Msg, Request};

use super::{Check, check};
use crate::bench::Bench;
use crate::limits;
use crate::target::ENDPOINT;
use crate::verdict::{Stop, holds};
use crate::websocket::{Manners, Shown};

pub(super) static CHECKS: &[Check] = &[
    check!(
        other_ca,
        "R-MTP.4-server-of-another-ca",
        [DialsSecurely],
        "A server's certificate of a CA that is not trusted ends the connection."
    ),
    check!(
        expired,
        "R-MTP.3-server-has-expired",
        [DialsSecurely],
        "A server's certificate that has expired ends the connection."
    ),
    check!(
        early,
        "R-MTP.3-server-is-not-valid-yet",
        [DialsSecurely],
        "A server's certificate that does not hold yet ends the connection."
    ),
    check!(
        other_host,
        "R-MTP.4-another-host",
        [DialsSecurely],
        "A certificate for another host and another endpoint ends the connection."
    ),
    check!(
        by_endpoint,
        "R-MTP.4-endpoint-id-is-enough",
        [DialsSecurely],
        "A certificate that names the controller is good for any host."
    ),
    check!(
        other_endpoint,
        "R-SEC.0a-server-of-another-endpoint",
        [DialsSecurely],
        "A certificate of another endpoint does not speak for the controller."
    ),
    check!(
        names_agent,
        "R-SEC.10-dialler-names-itself",
        [DialsSecurely],
        "The certificate of an agent that dials names its endpoint id."
    ),
    check!(
        no_certificate,
        "R-MTP.1-client-without-certificate",
        [ListensSecurely],
        "Who dials without a certificate is not served."
    ),
    check!(
        client_ca,
        "R-MTP.4-client-of-another-ca",
        [ListensSecurely],
        "Who dials with a certificate of a CA that is not trusted is not served."
    ),
    check!(
        client_expired,
        "R-MTP.3-client-has-expired",
        [ListensSecurely],
        "Who dials with a certificate that has expired is not served."
    ),
    check!(
        client_early,
        "R-MTP.3-client-is-not-valid-yet",
        [ListensSecurely],
        "Who dials with a certificate that does not hold yet is not served."
    ),
    check!(
        client_endpoint,
        "R-SEC.0a-client-of-another-endpoint",
        [ListensSecurely],
        "Who dials with a certificate of another endpoint does not speak for the controller."
    ),
    check!(
        client_host,
        "R-SEC.3-client-without-endpoint",
        [ListensSecurely],
        "Who dials with a certificate that names no endpoint does not speak for the controller."
    ),
    check!(
        names_agent,
        "R-SEC.10-listener-names-itself",
        [ListensSecurely],
        "The certificate of an agent that listens names its endpoint id."
    ),
];

fn showing(certificate: Shown) -> Manners {
    Manners { certificate, ..Manners::default() }
}

/// Whether the agent serves who shows this certificate, within this time.
async fn serves(bench: &mut Bench, shown: Shown, patience: Duration) -> Result<bool, Stop> {
    if !bench.shaken(showing(shown)).await? {
        return Ok(false);
    }
    bench.first_record(limits::SILENCE).await?;
    if bench.is_gone() {
        return Ok(false);
    }
    let id = bench.next_id();
    // It may be gone by now.
    if bench.send_msg(&Msg::request(id.clone(), Request::Get(Get::new([ENDPOINT], 0)))).is_err() {
        return Ok(false);
    }
    Ok(bench.answer(&id, patience).await?.is_some())
}

async fn refuses(bench: &mut Bench, shown: Shown) -> Result<(), Stop> {
    let serves = serves(bench, shown, limits::SILENCE).await?;
    holds(!serves, "what the agent does", || "not serve it".to_owned(), || "it answers".to_owned())
}

/// An agent that believes who comes first may let in whom nobody signed for.
async fn refuses_strangers(bench: &mut Bench, shown: Shown) -> Result<(), Stop> {
    let first = bench.flag("Device.LocalAgent.ControllerTrust.TOFUAllowed").await?;
    if first == Some(true) {
        return Err(Stop::Skip("the agent trusts on first use (TOFUAllowed)".to_owned()));
    }
    refuses(bench, shown).await
}

async fn other_ca(bench: &mut Bench) -> Result<(), Stop> {
    refuses_strangers(bench, Shown::OtherCa).await
}

async fn expired(bench: &mut Bench) -> Result<(), Stop> {
    refuses(bench, Shown::Expired).await
}

async fn early(bench: &mut Bench) -> Result<(), Stop> {
    refuses(bench, Shown::Early).await
}

async fn other_host(bench: &mut Bench) -> Result<(), Stop> {
    refuses(bench, Shown::OtherHost).await
}

async fn by_endpoint(bench: &mut Bench) -> Result<(), Stop> {
    let serves = serves(bench, Shown::EndpointAlone, limits::PATIENCE).await?;
    holds(
        serves,
        "what the agent does",
        || "serve it".to_owned(),
        || "it ends the connection, or is silent".to_owned(),
    )
}

async fn other_endpoint(bench: &mut Bench) -> Result<(), Stop> {
    refuses(bench, Shown::OtherEndpoint).await
}

async fn no_certificate(bench: &mut Bench) -> Result<(), Stop> {
    refuses(bench, Shown::Nothing).await
}

async fn client_ca(bench: &mut Bench) -> Result<(), Stop> {
    refuses_strangers(bench, Shown::OtherCa).await
}

async fn client_expired(bench: &mut Bench) -> Result<(), Stop> {
    refuses(bench, Shown::Expired).await
}

async fn client_early(bench: &mut Bench) -> Result<(), Stop> {
    refuses(bench, Shown::Early).await
}

async fn client_endpoint(bench: &mut Bench) -> Result<(), Stop> {
    refuses(bench, Shown::OtherEndpoint).await
}

async fn client_host(bench: &mut Bench) -> Result<(), Stop> {
    refuses(bench, Shown::HostAlone).await
}

/// The certificate that the agent has shown names its endpoint id.
pub(super) async fn names_agent(bench: &mut Bench) -> Result<(), Stop> {
    let Some(der) = bench.certificate() else {
        return Err(Stop::fail("the certificate of the agent", "one", "none"));
    };
    let names = pki::cert::endpoint_ids(der).map_err(|error| Stop::Error(error.to_string()))?;
    let agent = bench.agent()?;
    let shown = || names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    holds(
        names.iter().any(|name| name.certifies(agent)),
        "the endpoint ids in it",
        || agent.as_str().to_owned(),
        shown,
    )
}
