//! Whom the agent trusts: the factory's certificates (`ca`, `pin`, `[[credential]]` and `[trust]` in `agent.toml`) as
//! rows of `LocalAgent.Certificate.` and `ControllerTrust.Credential.`, and X.509 for the machine that judges by
//! them.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::FactoryDefault;
use engine::trust::{Certificate, TrustCrypto};
use pki::{cert, passphrase};
use rustls_pki_types::CertificateDer;
use serde::Deserialize;

use crate::config::Config;
use crate::limits::MAX_FACTORY_CERTIFICATES;
use crate::revoked::Revoked;
use crate::roles;

const TRUST: &str = "Device.LocalAgent.ControllerTrust.";

/// A CA whose certificates speak for controllers.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialConfig {
    /// PEM text, or the path of a file.
    pub ca: String,
    /// Names of the roles that it gives.
    #[serde(default)]
    pub roles: Vec<String>,
    /// What it may say.
    #[serde(default)]
    pub uses: Uses,
}

/// `AllowedUses` of TR-181.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum Uses {
    /// Who belongs to the network, and who is a controller.
    #[default]
    #[serde(rename = "MTP-and-USP")]
    MtpAndUsp,
    /// Who belongs to the network alone: with end-to-end sessions that would be enough for a connection.
    #[serde(rename = "MTP-only")]
    MtpOnly,
    /// Which brokers are trusted to know who sends what (R-SEC.4a).
    #[serde(rename = "MTP-and-broker")]
    MtpAndBroker,
}

/// Trust on first use.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustConfig {
    /// Whether the first certificate of a controller is believed that nobody vouches for.
    #[serde(default)]
    pub first_use: bool,
    /// Seconds until such a connection is closed unless a Message comes; 0: never.
    #[serde(default = "usual_timeout")]
    pub first_use_timeout: u32,
}

fn usual_timeout() -> u32 {
    60
}

/// X.509 by `pki`.
#[derive(Clone, Default, Debug)]
pub struct Certificates {
    /// What CAs have taken back; nothing without it.
    revoked: Option<Arc<Revoked>>,
}

impl Certificates {
    /// With lists of what CAs have taken back.
    pub fn with_lists(revoked: Arc<Revoked>) -> Certificates {
        Certificates { revoked: Some(revoked) }
    }
}

impl TrustCrypto for Certificates {
    fn read_pem(&self, pem: &str) -> Option<Certificate> {
        match &*pki::pem::certificates(pem.as_bytes()).ok()? {
            [der] => self.read_der(der),
            _ => None,
        }
    }

    fn read_der(&self, der: &[u8]) -> Option<Certificate> {
        let name = cert::name(der).ok()?;
        Some(Certificate {
            der: der.to_vec(),
            pem: pki::pem::encode("CERTIFICATE", der),
            serial_number: up_to(&name.serial_number, SERIAL_LENGTH),
            issuer: up_to(&name.issuer, ISSUER_LENGTH),
            endpoint_ids: cert::endpoint_ids(der).ok()?,
            is_ca: cert::is_ca(der),
        })
    }

    fn issued(&self, issuer: &[u8], certificate: &[u8]) -> bool {
        cert::issued(issuer, certificate)
    }

    fn is_revoked(&self, certificate: &[u8], issuer: &[u8]) -> bool {
        self.revoked.as_ref().is_some_and(|lists| lists.name(certificate, issuer))
    }

    fn read_chain(&self, pem: &[u8]) -> Vec<Vec<u8>> {
        let chain = pki::pem::certificates(pem).unwrap_or_default();
        chain.into_iter().map(|der| der.to_vec()).collect()
    }

    fn fingerprint(&self, algorithm: &str, der: &[u8]) -> Option<String> {
        Some(cert::digest(algorithm, der)?.iter().map(|byte| format!("{byte:02X}")).collect())
    }

    fn conceal(&self, salt: [u8; 16], answer: &str) -> String {
        STANDARD.encode(passphrase::conceal(salt, &STANDARD.decode(answer).unwrap_or_default()))
    }

    fn is_concealed(&self, value: &str) -> bool {
        STANDARD.decode(value).is_ok_and(|stored| passphrase::is_concealed(&stored))
    }

    fn is_answer(&self, concealed: &str, answer: &str) -> bool {
        let (stored, answer) = (STANDARD.decode(concealed), STANDARD.decode(answer));
        stored.ok().zip(answer.ok()).is_some_and(|(stored, answer)| passphrase::matches(&stored, &answer))
    }
}

/// Longest issuer and serial number of the data model, characters.
const ISSUER_LENGTH: usize = 256;
const SERIAL_LENGTH: usize = 64;

fn up_to(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

/// Checks the trust of a file. Files that it names are read later.
///
/// # Errors
/// What is wrong, and where.
pub(crate) fn check(config: &Config) -> Result<()> {
    for (at, credential) in (1..).zip(&config.credentials) {
        for role in &credential.roles {
            if roles::number(config, role).is_none() {
                bail!("credential {at}: there is no role {role:?}");
            }
        }
        if credential.roles.len() > 1 && credential.roles.iter().any(|role| role == roles::BANNED) {
            bail!("credential {at}: the role that bans stands alone");
        }
    }
    for controller in &config.controllers {
        if controller.pin.as_deref().is_some_and(|pin| engine::trust::fingerprint(pin).is_none()) {
            bail!("pin of {}: a SHA-256 fingerprint has 64 hexadecimal digits", controller.endpoint);
        }
    }
    Ok(())
}

/// The tables at the first start.
///
/// # Errors
/// When a CA can't be read.
pub(crate) fn defaults(config: &Config) -> Result<Vec<FactoryDefault>> {
    let mut rows = vec![
        FactoryDefault::new(TRUST, "TOFUAllowed", &config.trust.first_use.to_string()),
        FactoryDefault::new(TRUST, "TOFUInactivityTimer", &config.trust.first_use_timeout.to_string()),
    ];
    let mut store = Store::default();
    for (number, controller) in (1..).zip(&config.controllers) {
        let path = format!("Device.LocalAgent.Controller.{number}.");
        if let Some(ca) = &controller.ca {
            let paths = store.add(ca).with_context(|| format!("ca of {}", controller.endpoint))?;
            rows.push(FactoryDefault::new(&path, "Credential", &paths.join(",")));
        }
        if let Some(pin) = &controller.pin {
            rows.push(FactoryDefault::new(&path, "X_CUSP_Pin", pin));
        }
    }
    let mut number = 0;
    for (at, credential) in (1..).zip(&config.credentials) {
        let paths = store.add(&credential.ca).with_context(|| format!("credential {at}: ca"))?;
        let roles: Vec<String> = credential.roles.iter().map(|role| roles::reference(config, role)).collect();
        let uses = match credential.uses {
            Uses::MtpAndUsp => "MTP-and-USP",
            Uses::MtpOnly => "MTP-only",
            Uses::MtpAndBroker => "MTP-and-broker",
        };
        for certificate in paths {
            number += 1;
            let path = format!("{TRUST}Credential.{number}.");
            let values = [
                ("Enable", "true"),
                ("Credential", &certificate),
                ("Role", &roles.join(",")),
                ("AllowedUses", uses),
            ];
            rows.extend(values.map(|(param, value)| FactoryDefault::new(&path, param, value)));
        }
    }
    let mut all = store.rows();
    all.extend(rows);
    Ok(all)
}

/// The certificates of a file, each once.
#[derive(Default)]
struct Store(Vec<Certificate>);

impl Store {
    /// References to the certificates of a CA.
    fn add(&mut self, ca: &str) -> Result<Vec<String>> {
        let mut paths = Vec::new();
        for certificate in certificates(ca)? {
            let number = match self.0.iter().position(|known| known.der == certificate.der) {
                Some(at) => at + 1,
                None => {
                    self.0.push(certificate);
                    self.0.len()
                }
            };
            paths.push(format!("Device.LocalAgent.Certificate.{number}"));
        }
        if self.0.len() > MAX_FACTORY_CERTIFICATES {
            bail!(
                "more than {MAX_FACTORY_CERTIFICATES} certificates: without a ca, those of the system count"
            );
        }
        Ok(paths)
    }

    fn rows(&self) -> Vec<FactoryDefault> {
        let rows = (1..).zip(&self.0).flat_map(|(number, certificate)| {
            let path = format!("Device.LocalAgent.Certificate.{number}.");
            let values = [
                ("Enable", "true"),
                ("SerialNumber", &certificate.serial_number),
                ("Issuer", &certificate.issuer),
                ("X_CUSP_Certificate", &certificate.pem),
            ];
            values.map(|(param, value)| FactoryDefault::new(&path, param, value))
        });
        rows.collect()
    }
}

/// The certificates of PEM text, or of the file with this path.
///
/// # Errors
/// When the file or a certificate can't be read.
pub(crate) fn certificates(ca: &str) -> Result<Vec<Certificate>> {
    let chain = match ca.contains("-----BEGIN") {
        true => pki::pem::certificates(ca.as_bytes())?,
        false => pki::pem::certificates(&pki::file::read(Path::new(ca))?)?,
    };
    let read = |der: &CertificateDer<'_>| {
        Certificates::default().read_der(der).context("a certificate can't be read")
    };
    chain.iter().map(read).collect()
}
