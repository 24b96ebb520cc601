//! Dialling a controller that listens for WebSockets; first for a certificate, where there is a token for one.

use anyhow::Result;
use mtp::ws::{Dialer, Dialled, KeepAlive, WsUrl};
use mtp::{EndpointId, Role};

use super::Context;

/// Tries the places that the URL leads to, in their order.
pub(super) async fn connect(
    context: &Context,
    controller: &EndpointId,
    url: &WsUrl,
    keep_alive: Option<KeepAlive>,
) -> Result<Dialled> {
    let mut last = anyhow::anyhow!("mDNS knows no address of {}", url.host);
    for place in context.names.places(url).await {
        match connect_to(context, controller, place, keep_alive.clone()).await {
            Ok(dialled) => return Ok(dialled),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn connect_to(
    context: &Context,
    controller: &EndpointId,
    url: WsUrl,
    keep_alive: Option<KeepAlive>,
) -> Result<Dialled> {
    let credentials = &context.credentials;
    let secure = url.secure;
    let tls = || secure.then(|| credentials.tls(controller)).transpose();
    let mut dialer = Dialer::new(url, context.endpoint.clone(), Role::Agent);
    dialer.expected = Some(controller.clone());
    dialer.keep_alive = keep_alive;
    dialer.tls = tls()?;
    if let Some(token) = credentials.token(controller) {
        match credentials.enrol(&dialer, &token).await {
            Ok(()) => {
                tracing::info!(%controller, "given a certificate");
                dialer.tls = tls()?;
            }
            // Without one the device may still be approved by its own certificate.
            Err(error) => {
                tracing::warn!(%controller, error = format!("{error:#}"), "not enrolled");
            }
        }
    }
    Ok(dialer.connect().await?)
}
