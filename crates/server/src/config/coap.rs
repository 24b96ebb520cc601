//! `usp.coap`: agents in the field that speak nothing else.

use std::fmt::Write as _;
use std::net::SocketAddr;

use anyhow::bail;
use serde::Deserialize;

/// USP over CoAP, which the standard has given up; off without an address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Coap {
    /// The UDP address; 5683 is the usual port. There is no DTLS.
    pub listen: Option<SocketAddr>,
    /// The path of the resource. Default `/usp`.
    pub path: Option<String>,
    /// What devices are told to answer to, `coap://…`; by default the address that they are reached from.
    pub public_url: Option<String>,
    /// Speak plaintext even where others can reach it.
    pub allow_plaintext: bool,
}

impl Coap {
    /// `usp.coap.path`.
    pub fn path(&self) -> &str {
        self.path.as_deref().unwrap_or("/usp")
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        let Some(listen) = self.listen else { return Ok(()) };
        if !cfg!(feature = "coap") {
            bail!(
                "usp.coap.listen: this program was built without CoAP: cargo build -p cusp --features coap"
            );
        }
        if !self.allow_plaintext && !listen.ip().is_loopback() {
            bail!(
                "usp.coap.listen = \"{listen}\" would speak plaintext where others can reach it: say \
                 usp.coap.allow_plaintext = true"
            );
        }
        self.check_names()
    }

    #[cfg(feature = "coap")]
    fn check_names(&self) -> anyhow::Result<()> {
        if mtp::coap::uri::segments(self.path()).is_err() || !self.path().starts_with('/') {
            bail!("usp.coap.path = {:?} is not the path of a URI that begins with /", self.path());
        }
        if let Some(url) = &self.public_url
            && !matches!(url.parse::<mtp::coap::CoapUri>(), Ok(uri) if !uri.secure)
        {
            bail!("usp.coap.public_url = {url:?} is not a coap:// URI without a query");
        }
        Ok(())
    }

    #[cfg(not(feature = "coap"))]
    fn check_names(&self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Whether agents are served in plaintext where others can reach it.
    pub(super) fn is_reachable(&self) -> bool {
        self.listen.is_some_and(|listen| !listen.ip().is_loopback())
    }

    pub(super) fn show(&self, text: &mut String) {
        let Some(listen) = self.listen else { return };
        let _ = writeln!(text, "\n[usp.coap]\nlisten = \"{listen}\"\npath = {:?}", self.path());
        super::show_option(text, "public_url", self.public_url.as_deref());
        let _ = writeln!(text, "allow_plaintext = {}", self.allow_plaintext);
    }
}
