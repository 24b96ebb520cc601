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
    /// `coap://HOST:PORT/PATH`; the port is 5683 where there is none.
    pub url: String,
    /// The UDP port that the agent is reached at, on all its addresses.
    #[serde(default = "usual_port")]
    pub port: u16,
    /// The path of the agent's own resource.
    #[serde(default = "usual_path")]
    pub path: String,
}

fn usual_port() -> u16 {
    5683
}

fn usual_path() -> String {
    "/usp".to_owned()
}

impl CoapConfig {
    /// Whether both use the same socket.
    pub fn shares_socket(&self, other: &CoapConfig) -> bool {
        (self.port, &self.path) == (other.port, &other.path)
    }

    #[cfg(not(feature = "coap"))]
    pub(super) fn check(&self) -> Result<()> {
        bail!("coap: this program was built without CoAP: cargo build -p agent --features coap")
    }

    #[cfg(feature = "coap")]
    pub(super) fn check(&self) -> Result<()> {
        let uri: mtp::coap::CoapUri =
            self.url.parse().with_context(|| format!("coap.url: {:?}", self.url))?;
        if uri.secure {
            bail!("coap.url: {:?}: there is no DTLS", self.url);
        }
        if self.port == 0 {
            bail!("coap.port: from 1 to 65535");
        }
        if !self.path.starts_with('/') {
            bail!("coap.path: {:?} does not begin with /", self.path);
        }
        mtp::coap::uri::segments(&self.path).with_context(|| format!("coap.path: {:?}", self.path))?;
        Ok(())
    }
}
