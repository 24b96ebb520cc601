//! A STOMP server: how we present ourselves, and what its refusals mean.

use mtp::stomp::machine::End;
use mtp::stomp::{Client, Config, Session};
use mtp::{EndpointId, Role};
use pki::ClientTls;

use super::Failure;
use crate::links::plan::Stomp;

/// One attempt.
pub(super) async fn connect(
    plan: Stomp,
    endpoint: &EndpointId,
    tls: Option<ClientTls>,
) -> anyhow::Result<Session> {
    let config = Config {
        host: Some(plan.host).filter(|host| !host.is_empty()),
        login: (!plan.username.is_empty()).then_some((plan.username, plan.password)),
        heart_beat: plan.heart_beat,
        destination: plan.destination,
        ..Config::new(endpoint.clone())
    };
    let mut client = Client::new(plan.address, config, Role::Agent);
    client.tls = tls;
    Ok(Box::pin(client.connect()).await?)
}

/// What the end of an attempt says in the table. Trying again is always of use: R-STOMP.16 asks for it even where
/// nobody names a destination.
pub(super) fn judged(end: &End) -> Failure {
    match end {
        End::Refused(_) => Failure::Refused,
        End::ServerError(_) | End::NoDestination | End::Unsound | End::NotSubscribed => {
            Failure::Misconfigured
        }
        End::TimedOut => Failure::Unreachable,
        End::Frame(_) | End::Unexpected | End::Version | End::Dead | End::Closed => Failure::Other,
    }
}
