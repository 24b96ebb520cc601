//! TLS of the agents: whom they believe, and their certificates, made when they are first needed by a CA of the
//! fleet's own.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use engine::EndpointId;
use pki::{Ca, ClientTls, ControllerVerifier, SealKey, Trust, Validity};

use super::Options;

/// How long an agent's certificate holds: no run is that long.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long the fleet's CA holds.
const CA_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Whom the agents of a fleet believe, and who vouches for them.
pub(super) struct Credentials {
    trust: Trust,
    ca: Option<Ca>,
}

impl Credentials {
    /// The CA is read from the folder, or made there: a server has to be told of its `ca.pem`.
    pub(super) fn open(options: &Options) -> anyhow::Result<Credentials> {
        let roots = match &options.ca_pem {
            Some(pem) => pki::pem::certificates(pem).context("the CA's certificate")?,
            None => Vec::new(),
        };
        let trust = Trust { roots, first_use: options.ca_pem.is_none(), ..Trust::default() };
        let ca = options.certificates.as_deref().map(open_ca).transpose()?;
        Ok(Credentials { trust, ca })
    }

    /// What all agents use, when none has a certificate of its own.
    pub(super) fn shared(&self) -> anyhow::Result<Option<ClientTls>> {
        if self.ca.is_some() {
            return Ok(None);
        }
        Ok(Some(ClientTls::new(None, self.verifier()?)?))
    }

    /// What an agent uses that has a certificate of its own: it is made here.
    pub(super) fn own(&self, endpoint: &EndpointId) -> anyhow::Result<Option<ClientTls>> {
        let Some(ca) = &self.ca else { return Ok(None) };
        let validity = Validity::lasting(SystemTime::now(), LIFETIME);
        let identity = ca.issue_device_with_key(endpoint, validity)?;
        Ok(Some(ClientTls::new(Some(&identity), self.verifier()?)?))
    }

    fn verifier(&self) -> anyhow::Result<ControllerVerifier> {
        Ok(ControllerVerifier::new(&self.trust, None, true, pki::provider())?)
    }
}

fn open_ca(folder: &Path) -> anyhow::Result<Ca> {
    let shown = || folder.display().to_string();
    std::fs::create_dir_all(folder).with_context(shown)?;
    let seal = SealKey::load_or_create(&folder.join("seal.key")).with_context(shown)?;
    let validity = Validity::lasting(SystemTime::now(), CA_LIFETIME);
    Ca::load_or_create(folder, &seal, "Simulated devices", validity).with_context(shown)
}
