//! DTLS, in a program that does not speak it.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Result, bail};
use mtp::coap::{CoapUri, Socket};
use mtp::{EndpointId, LinkHandler, Peers};

use crate::enrol::Credentials;

/// None.
#[derive(Default)]
pub(super) struct Secured;

impl Secured {
    pub(super) fn open(_: Socket, _: Arc<Credentials>) -> Result<(Socket, Secured)> {
        bail!("this program was built without DTLS")
    }

    #[expect(clippy::unused_async, clippy::unused_self, reason = "the same as of a program with DTLS")]
    pub(super) async fn reach<H: LinkHandler>(
        &self,
        _: &EndpointId,
        _: &CoapUri,
        _: SocketAddr,
        _: &Peers<H>,
    ) -> Result<&'static str> {
        Ok("")
    }

    #[expect(clippy::unused_self, reason = "the same as of a program with DTLS")]
    pub(super) fn leave(&self, _: &EndpointId) {}
}
