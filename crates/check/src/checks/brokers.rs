//! Certificates between the agent and a broker, whatever the broker speaks.

use super::tls::names_agent;
use super::{Check, check};
use crate::bench::Bench;
use crate::verdict::{Stop, holds};
use crate::websocket::Shown;

pub(super) static CHECKS: &[Check] = &[
    check!(
        other_ca,
        "R-MTP.4-broker-of-another-ca",
        [BrokerSecurely],
        "A broker with a certificate of a CA that is not trusted is not used."
    ),
    check!(
        expired,
        "R-MTP.3-broker-has-expired",
        [BrokerSecurely],
        "A broker with a certificate that has expired is not used."
    ),
    check!(
        early,
        "R-MTP.3-broker-is-not-valid-yet",
        [BrokerSecurely],
        "A broker with a certificate that does not hold yet is not used."
    ),
    check!(
        other_host,
        "R-MTP.4-broker-of-another-host",
        [BrokerSecurely],
        "A broker with a certificate of another host is not used."
    ),
    check!(
        names_agent,
        "R-SEC.10-names-itself-to-a-broker",
        [BrokerSecurely],
        "The certificate that the agent shows a broker names its endpoint id."
    ),
];

async fn refuses(bench: &mut Bench, shown: Shown) -> Result<(), Stop> {
    bench.way().show(shown);
    bench.cut().await?;
    let stands = bench.stood().await?;
    holds(!stands, "what the agent does", || "not subscribe".to_owned(), || "it subscribes".to_owned())
}

async fn other_ca(bench: &mut Bench) -> Result<(), Stop> {
    // An agent that believes who comes first may let in whom nobody signed for.
    if bench.flag("Device.LocalAgent.ControllerTrust.TOFUAllowed").await? == Some(true) {
        return Err(Stop::Skip("the agent trusts on first use (TOFUAllowed)".to_owned()));
    }
    refuses(bench, Shown::OtherCa).await
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
