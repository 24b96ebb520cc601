//! TLS configurations: one constructor for the listening side, one for the dialling side. TLS 1.2 and
//! 1.3, nothing older; no resumption, because a resumed session would skip the certificate rules.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerifier};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use usp_proto::link::{PeerAuth, PeerCertificate};

use crate::cert;
use crate::error::Error;
use crate::identity::Identity;
use crate::verify::{ControllerVerifier, DeviceVerifier};

/// TLS of a listener, and what its clients proved.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    rules: Arc<Rules>,
    current: Arc<Current>,
}

impl ServerTls {
    /// Our own credential, and the rules for clients.
    ///
    /// # Errors
    /// When the key does not fit the certificate.
    pub fn new(identity: &Identity, verifier: DeviceVerifier) -> Result<ServerTls, Error> {
        let rules = Arc::new(Rules {
            mandatory: verifier.client_auth_mandatory(),
            now: RwLock::new(Arc::new(verifier)),
        });
        let current = Arc::new(Current(RwLock::new((certified(identity)?, identity.clone()))));
        let mut config = ServerConfig::builder_with_provider(crate::provider())
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(rules.clone())
            .with_cert_resolver(current.clone());
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(ServerTls { config: Arc::new(config), rules, current })
    }

    /// Shows another credential from the next handshake on, in every clone: a renewed certificate needs
    /// no restart, and links that stand are not disturbed.
    ///
    /// # Errors
    /// When the key does not fit the certificate; the old credential stays.
    pub fn replace(&self, identity: &Identity) -> Result<(), Error> {
        let renewed = (certified(identity)?, identity.clone());
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }

    /// Judges clients by other rules from the next handshake on, in every clone: CAs and lists of revoked
    /// certificates change without a restart. Whether a certificate is demanded stays as it was.
    pub fn retrust(&self, verifier: DeviceVerifier) {
        *self.rules.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(verifier);
    }

    /// The configuration for the TLS library.
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// The credential that is shown at the moment: for a handshake that is not the TLS library's (DTLS).
    pub fn identity(&self) -> Identity {
        self.current.0.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Judges a client's certificate by the same rules, and says what it proves: for such a handshake, which has
    /// to prove possession of its key.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn judge(&self, chain: &[CertificateDer<'_>]) -> Result<PeerAuth, Error> {
        let (leaf, rest) = chain.split_first().ok_or_else(|| Error::Certificate("empty chain".into()))?;
        self.rules.now().verify_client_cert(leaf, rest, UnixTime::now())?;
        Ok(self.peer(Some(chain)))
    }

    /// What a finished handshake proved.
    pub fn peer(&self, chain: Option<&[CertificateDer<'_>]>) -> PeerAuth {
        auth(chain, false, |chain| self.rules.now().trusts(chain, UnixTime::now()))
    }
}

/// The rules for clients at the moment.
#[derive(Debug)]
struct Rules {
    now: RwLock<Arc<DeviceVerifier>>,
    mandatory: bool,
}

impl Rules {
    fn now(&self) -> Arc<DeviceVerifier> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientCertVerifier for Rules {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    /// No hints, whatever the rules: [`DeviceVerifier`].
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.now().verify_client_cert(leaf, rest, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.now().verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.now().verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.now().supported_verify_schemes()
    }
}

/// The credential that a listener shows at the moment.
#[derive(Debug)]
struct Current(RwLock<(Arc<CertifiedKey>, Identity)>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).0.clone())
    }
}

fn certified(identity: &Identity) -> Result<Arc<CertifiedKey>, Error> {
    let key = CertifiedKey::from_der(identity.chain().to_vec(), identity.key(), &crate::provider())?;
    Ok(Arc::new(key))
}

/// TLS of a dialler, and what the server proved.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    verifier: Arc<ControllerVerifier>,
}

impl ClientTls {
    /// Our own credential, if we have one yet, and the rules for the server.
    ///
    /// # Errors
    /// When the key does not fit the certificate.
    pub fn new(identity: Option<&Identity>, verifier: ControllerVerifier) -> Result<ClientTls, Error> {
        let verifier = Arc::new(verifier);
        let builder = ClientConfig::builder_with_provider(crate::provider())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone());
        let mut config = match identity {
            Some(identity) => builder.with_client_auth_cert(identity.chain().to_vec(), identity.key())?,
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        Ok(ClientTls { config: Arc::new(config), verifier })
    }

    /// The configuration for the TLS library.
    pub fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    /// Judges the certificate of a host that was called, and says what it proves: for a handshake that is not the
    /// TLS library's (DTLS), which has to prove possession of its key.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn judge(&self, host: &ServerName<'_>, chain: &[CertificateDer<'_>]) -> Result<PeerAuth, Error> {
        let (leaf, rest) = chain.split_first().ok_or_else(|| Error::Certificate("empty chain".into()))?;
        self.verifier.verify_server_cert(leaf, rest, host, &[], UnixTime::now())?;
        Ok(self.peer(Some(chain)))
    }

    /// What a finished handshake proved.
    pub fn peer(&self, chain: Option<&[CertificateDer<'_>]>) -> PeerAuth {
        // The handshake has checked the name that was dialled, or a pin.
        auth(chain, true, |chain| self.verifier.trusts(chain, UnixTime::now()))
    }
}

fn auth(
    chain: Option<&[CertificateDer<'_>]>,
    vouched: bool,
    trusts: impl Fn(&[CertificateDer<'_>]) -> bool,
) -> PeerAuth {
    let Some(chain) = chain.filter(|chain| !chain.is_empty()) else { return PeerAuth::Unproven };
    // A leaf that the handshake let in but that we can't read names nobody: it proves nothing.
    match cert::peer(chain, trusts(chain)) {
        Ok(peer) => PeerAuth::Certificate(Arc::new(PeerCertificate { vouched, ..peer })),
        Err(_) => PeerAuth::Unproven,
    }
}
