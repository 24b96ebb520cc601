//! Trust: whose certificates count for a controller, and how this device is given its own against a
//! one-time token.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use mtp::EndpointId;
use mtp::ws::Dialer;
use pki::{ClientTls, ControllerVerifier, Identity as Credential, PendingIdentity, Trust};

use crate::config::{Config, ControllerConfig};
use crate::providers::time::credible;
use crate::state::{Origin, StateDir};
use crate::system::SystemRoot;

/// Where distributions keep the certificates of public CAs.
const SYSTEM_ROOTS: [&str; 2] = ["etc/ssl/certs/ca-certificates.crt", "etc/ssl/cert.pem"];

/// What links need to prove who they are, and to believe who answers.
#[derive(Debug)]
pub struct Credentials {
    state: StateDir,
    root: SystemRoot,
    endpoint: EndpointId,
    controllers: Vec<ControllerConfig>,
    /// CAs of controllers that are found.
    found_ca: Option<String>,
    own: Mutex<(Credential, Origin)>,
}

impl Credentials {
    /// Reads or makes the device's credential.
    ///
    /// # Errors
    /// When there is one that can't be read.
    pub fn load(
        state: StateDir,
        root: SystemRoot,
        config: &Config,
        endpoint: EndpointId,
    ) -> Result<Arc<Credentials>> {
        let own = Mutex::new(state.credential(config, &endpoint).context("the device's certificate")?);
        let controllers = config.controllers.clone();
        let found_ca = config.discovery.ca.clone();
        Ok(Arc::new(Credentials { state, root, endpoint, controllers, found_ca, own }))
    }

    /// The device's own.
    pub fn own(&self) -> Credential {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// TLS towards a controller.
    ///
    /// # Errors
    /// When its CA or pin can't be read.
    pub fn tls(&self, controller: &EndpointId) -> Result<ClientTls> {
        let trust = self.trust(controller)?;
        // R-MTP.2: dates count once there is a time to compare them with.
        let check_dates = credible(SystemTime::now()).is_some();
        let verifier =
            ControllerVerifier::new(&trust, Some(controller.clone()), check_dates, pki::provider())?;
        Ok(ClientTls::new(Some(&self.own()), verifier)?)
    }

    /// TLS towards file servers: any that a controller's CA or the system vouches for. Our own certificate
    /// is for controllers only.
    ///
    /// # Errors
    /// When a CA can't be read.
    pub fn upload_tls(&self) -> Result<ClientTls> {
        let mut trust = Trust { roots: self.roots()?, ..Trust::default() };
        trust.roots.extend(self.system_roots());
        let check_dates = credible(SystemTime::now()).is_some();
        let verifier = ControllerVerifier::new(&trust, None, check_dates, pki::provider())?;
        Ok(ClientTls::new(None, verifier)?)
    }

    fn system_roots(&self) -> Vec<rustls_pki_types::CertificateDer<'static>> {
        let system = SYSTEM_ROOTS.iter().find_map(|path| self.root.bytes(path));
        system.and_then(|pem| pki::pem::certificates(&pem).ok()).unwrap_or_default()
    }

    /// The CA and pin of a configured controller, else those CAs of all of them, else the system's.
    fn trust(&self, controller: &EndpointId) -> Result<Trust> {
        let mut trust = Trust { roots: self.roots_for(controller)?, ..Trust::default() };
        let own = self.configured(controller);
        if let Some(pin) = own.and_then(|config| config.pin.as_ref()) {
            trust.pinned.push(fingerprint(pin).with_context(|| format!("pin of {controller}"))?);
        }
        if trust.roots.is_empty() && trust.pinned.is_empty() {
            trust.roots = self.system_roots();
        }
        Ok(trust)
    }

    /// The CAs that vouch for a controller: its own if it is configured; else those of controllers that are
    /// found; without any, those of all that are configured. The system's are not among them.
    ///
    /// # Errors
    /// When one can't be read.
    pub fn roots_for(
        &self,
        controller: &EndpointId,
    ) -> Result<Vec<rustls_pki_types::CertificateDer<'static>>> {
        let Some(config) = self.configured(controller) else {
            return match &self.found_ca {
                Some(ca) => certificates(ca).context("discovery.ca"),
                None => self.roots(),
            };
        };
        match &config.ca {
            Some(ca) => certificates(ca).with_context(|| format!("ca of {}", config.endpoint)),
            None => Ok(Vec::new()),
        }
    }

    fn configured(&self, controller: &EndpointId) -> Option<&ControllerConfig> {
        self.controllers.iter().find(|config| config.endpoint == controller.as_str())
    }

    /// The CAs of all controllers, and of those that are found, for those that dial in.
    ///
    /// # Errors
    /// When one can't be read.
    pub fn roots(&self) -> Result<Vec<rustls_pki_types::CertificateDer<'static>>> {
        let mut roots = Vec::new();
        for ca in self.controllers.iter().filter_map(|config| config.ca.as_ref()).chain(&self.found_ca) {
            roots.extend(certificates(ca)?);
        }
        Ok(roots)
    }

    /// The token with which this device may still ask a controller for a certificate.
    pub fn token(&self, controller: &EndpointId) -> Option<String> {
        let enrolled = self.own.lock().unwrap_or_else(PoisonError::into_inner).1 == Origin::Enrolled;
        let config = self.controllers.iter().find(|config| config.endpoint == controller.as_str())?;
        config.token.clone().filter(|_| !enrolled)
    }

    /// Asks for a certificate, and keeps it.
    ///
    /// # Errors
    /// When the controller can't be reached or does not issue one.
    pub async fn enrol(&self, dialer: &Dialer, token: &str) -> Result<()> {
        let pending = PendingIdentity::generate(&self.endpoint)?;
        let chain = dialer.enrol(token, pending.request_pem()).await?;
        let credential = pending.complete(&chain)?;
        self.state.keep_enrolled(&credential)?;
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = (credential, Origin::Enrolled);
        Ok(())
    }
}

/// PEM text, or the path of a file with it.
fn certificates(ca: &str) -> Result<Vec<rustls_pki_types::CertificateDer<'static>>> {
    if ca.contains("-----BEGIN") {
        return Ok(pki::pem::certificates(ca.as_bytes())?);
    }
    Ok(pki::pem::certificates(&pki::file::read(Path::new(ca))?)?)
}

/// 64 hexadecimal digits, with or without colons.
fn fingerprint(text: &str) -> Result<[u8; 32]> {
    let digits: String = text.chars().filter(|c| *c != ':' && !c.is_whitespace()).collect();
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        bail!("a SHA-256 fingerprint has 64 hexadecimal digits");
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16)?;
    }
    Ok(bytes)
}
