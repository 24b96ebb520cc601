//! `[controller.coap]`: a controller that is reached by CoAP.

#[cfg(feature = "coap")]
use anyhow::Context as _;
use anyhow::{Result, bail};
use serde::Deserialize;

/// How a controller is reached by CoAP, which the standard has given up. Controllers that differ in nothing but the URL
/// share a socket.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoapConfig {
    /// `coap://HOST:PORT/PATH`, or `coaps://HOST:PORT/PATH` over DTLS; the port is 5683 or 5684 where there is none.
    pub url: String,
    /// The UDP port that the agent is reached at, on all its addresses; without it the usual one, 5683 or 5684.
    pub port: Option<u16>,
    /// The path of the agent's own resource.
    #[serde(default = "usual_path")]
    pub path: String,
}

fn usual_path() -> String {
    "/usp".to_owned()
}

impl CoapConfig {
    /// Whether both use the same socket.
    pub fn shares_socket(&self, other: &CoapConfig) -> bool {
        (self.port(), self.is_secure(), &self.path) == (other.port(), other.is_secure(), &other.path)
    }

    /// Whether DTLS is spoken.
    pub fn is_secure(&self) -> bool {
        self.url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("coaps:"))
    }

    /// The UDP port of the agent's own socket.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.is_secure() { 5684 } else { 5683 })
    }

    #[cfg(not(feature = "coap"))]
    pub(super) fn check(&self) -> Result<()> {
        bail!("coap: this program was built without CoAP: cargo build -p agent --features coap")
    }

    #[cfg(feature = "coap")]
    pub(super) fn check(&self) -> Result<()> {
        let uri: mtp::coap::CoapUri =
            self.url.parse().with_context(|| format!("coap.url: {:?}", self.url))?;
        if uri.secure && !cfg!(feature = "coap-dtls") {
            bail!(
                "coap.url: {:?}: this program was built without DTLS: cargo build -p agent --features coap-dtls",
                self.url
            );
        }
        if self.port == Some(0) {
            bail!("coap.port: from 1 to 65535");
        }
        if !self.path.starts_with('/') {
            bail!("coap.path: {:?} does not begin with /", self.path);
        }
        mtp::coap::uri::segments(&self.path).with_context(|| format!("coap.path: {:?}", self.path))?;
        Ok(())
    }
}
