//! `usp.coap`: agents in the field that speak nothing else.

use std::fmt::Write as _;
use std::net::SocketAddr;

use anyhow::bail;
use serde::Deserialize;

use super::Tls;

/// USP over CoAP, which the standard has given up; off without an address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Coap {
    /// The UDP address; 5683 is the usual port.
    pub listen: Option<SocketAddr>,
    /// The UDP address for CoAP over DTLS; 5684 is the usual port.
    pub secure_listen: Option<SocketAddr>,
    /// Our certificate there, and whose certificates count.
    pub tls: Option<Tls>,
    /// The path of the resource. Default `/usp`.
    pub path: Option<String>,
    /// What devices are told to answer to, `coap://…`; by default the address that they are reached from.
    pub public_url: Option<String>,
    /// The same of those that speak DTLS, `coaps://…`.
    pub secure_public_url: Option<String>,
    /// Speak plaintext even where others can reach it.
    pub allow_plaintext: bool,
}

impl Coap {
    /// `usp.coap.path`.
    pub fn path(&self) -> &str {
        self.path.as_deref().unwrap_or("/usp")
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        self.check_secure()?;
        if self.listen.is_none() && self.secure_listen.is_none() {
            return Ok(());
        }
        if !cfg!(feature = "coap") {
            bail!(
                "usp.coap.listen: this program was built without CoAP: cargo build -p cusp --features coap"
            );
        }
        if let Some(listen) = self.listen
            && !self.allow_plaintext
            && !listen.ip().is_loopback()
        {
            bail!(
                "usp.coap.listen = \"{listen}\" would speak plaintext where others can reach it: say \
                 usp.coap.allow_plaintext = true, or listen for DTLS alone (usp.coap.secure_listen)"
            );
        }
        self.check_names()
    }

    fn check_secure(&self) -> anyhow::Result<()> {
        match (self.secure_listen, &self.tls) {
            (None, None) => Ok(()),
            (None, Some(_)) => bail!("usp.coap.tls is for usp.coap.secure_listen, which is missing"),
            (Some(_), _) if !cfg!(feature = "coap-dtls") => bail!(
                "usp.coap.secure_listen: this program was built without DTLS: cargo build -p cusp --features coap-dtls"
            ),
            (Some(listen), None) => {
                bail!("usp.coap.secure_listen = \"{listen}\" needs a certificate: usp.coap.tls")
            }
            (Some(_), Some(_)) => Ok(()),
        }
    }

    #[cfg(feature = "coap")]
    fn check_names(&self) -> anyhow::Result<()> {
        if mtp::coap::uri::segments(self.path()).is_err() || !self.path().starts_with('/') {
            bail!("usp.coap.path = {:?} is not the path of a URI that begins with /", self.path());
        }
        for (key, url, secure) in
            [("public_url", &self.public_url, false), ("secure_public_url", &self.secure_public_url, true)]
        {
            let scheme = if secure { "coaps" } else { "coap" };
            if let Some(url) = url
                && !matches!(url.parse::<mtp::coap::CoapUri>(), Ok(uri) if uri.secure == secure)
            {
                bail!("usp.coap.{key} = {url:?} is not a {scheme}:// URI without a query");
            }
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
        if self.listen.is_none() && self.secure_listen.is_none() {
            return;
        }
        let _ = writeln!(text, "\n[usp.coap]\npath = {:?}", self.path());
        for (key, listen) in [("listen", self.listen), ("secure_listen", self.secure_listen)] {
            if let Some(listen) = listen {
                let _ = writeln!(text, "{key} = \"{listen}\"");
            }
        }
        super::show_option(text, "public_url", self.public_url.as_deref());
        super::show_option(text, "secure_public_url", self.secure_public_url.as_deref());
        super::show_tls(text, self.tls.as_ref(), self.allow_plaintext);
    }
}
