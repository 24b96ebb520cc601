//! The device's certificate is short-lived: the next one is asked for before it ends, on the proof of the
//! present one, over HTTPS, from a controller whose CA issued it, by whatever transport that is reached. Links that stand are not disturbed; the next handshake
//! shows the next certificate.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use dm::tree::Tree;
use engine::Instance;
use mtp::ws::{Dialer, WsUrl};
use mtp::{EndpointId, Role};

use crate::discovery::keep::Names;
use crate::enrol::Credentials;
use crate::limits::{RENEWAL_CHECK, RENEWAL_RETRY};
use crate::links::plan::{By, plans};
use crate::state::random;

/// Renews whenever it is time, for ever.
pub async fn keep(
    instance: Arc<Instance>,
    credentials: Arc<Credentials>,
    endpoint: EndpointId,
    names: Names,
) {
    loop {
        let mut wait = RENEWAL_CHECK;
        if credentials.due(SystemTime::now()) {
            let mut places = Vec::new();
            let ways = instance.with_tree(ways).unwrap_or_default();
            for (controller, url) in ordered(credentials.renewals(), ways) {
                let found = names.places(&url).await.into_iter();
                places.extend(found.map(|place| (controller.clone(), place)));
            }
            match renew(&credentials, &endpoint, places).await {
                Ok(()) => tracing::info!("given the next certificate"),
                Err(error) => {
                    wait = RENEWAL_RETRY;
                    tracing::warn!(error = format!("{error:#}"), "the certificate was not renewed");
                }
            }
        }
        tokio::time::sleep(spread(wait)).await;
    }
}

/// Each place once: those that are for it first, then those where controllers are dialled.
fn ordered(said: Vec<(EndpointId, WsUrl)>, ways: Vec<(EndpointId, WsUrl)>) -> Vec<(EndpointId, WsUrl)> {
    let mut places = said;
    for way in ways {
        if !places.contains(&way) {
            places.push(way);
        }
    }
    places
}

/// The controllers that the tables want dialled over TLS, and where.
fn ways(tree: &Tree) -> Vec<(EndpointId, WsUrl)> {
    let mut ways = Vec::new();
    for reach in plans(tree).controllers.into_values() {
        ways.extend(reach.ways.into_iter().filter_map(|way| match way.by {
            By::WebSocket { url, .. } => Some((reach.controller.clone(), url)),
            By::Broker { .. } | By::Local(_) => None,
            #[cfg(feature = "coap")]
            By::Coap(_) => None,
        }));
    }
    ways
}

/// Asks the controllers one after the other whose CA issued the present certificate.
///
/// # Errors
/// What the last of them said, or that there is none.
pub async fn renew(
    credentials: &Credentials,
    endpoint: &EndpointId,
    ways: Vec<(EndpointId, WsUrl)>,
) -> Result<()> {
    let mut result = Err(anyhow::anyhow!("no controller that is dialled over TLS has issued it"));
    for (controller, url) in ways {
        if !url.secure || !credentials.issued_by(&controller) {
            continue;
        }
        let mut dialer = Dialer::new(url, endpoint.clone(), Role::Agent);
        dialer.tls = Some(credentials.tls(&controller)?);
        dialer.expected = Some(controller);
        result = credentials.renew(&dialer).await;
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Between half of it and all: devices that were enrolled together do not come together.
fn spread(wait: Duration) -> Duration {
    let chance = random().map_or(0, |bytes: [u8; 2]| u32::from(u16::from_be_bytes(bytes)));
    wait / 2 + wait / 2 * chance / u32::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_spread_over_the_second_half() {
        for _ in 0..1000 {
            let wait = spread(Duration::from_secs(100));
            assert!((50..=100).contains(&wait.as_secs()), "{wait:?}");
        }
    }
}
