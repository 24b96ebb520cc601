//! What the agent on a WebSocket believes of certificates, and what its own says. It compares and does not verify: the
//! bench lies about who signed for whom, never about signatures.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use check::websocket::{Certificates, Io};
use pki::{Ca, Identity, Validity};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::DuplexStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use usp_proto::EndpointId;

use crate::agent::{AGENT, CONTROLLER, id};

const HOST: &str = "controller.example";

/// The rules that it keeps to.
#[derive(Clone)]
pub(crate) struct Trust {
    /// The only CA that counts, DER.
    root: Vec<u8>,
    pub(crate) minds_ca: bool,
    pub(crate) minds_dates: bool,
    pub(crate) minds_host: bool,
    /// Does not take the endpoint id for the host.
    pub(crate) needs_host: bool,
    /// Whom a certificate names speaks alone.
    pub(crate) minds_endpoint: bool,
    /// Who dials in has to be named.
    pub(crate) needs_endpoint: bool,
    pub(crate) wants_certificate: bool,
    pub(crate) names_itself: bool,
}

impl Default for Trust {
    fn default() -> Trust {
        Trust {
            root: Vec::new(),
            minds_ca: true,
            minds_dates: true,
            minds_host: true,
            needs_host: false,
            minds_endpoint: true,
            needs_endpoint: true,
            wants_certificate: true,
            names_itself: true,
        }
    }
}

impl Debug for Trust {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").finish_non_exhaustive()
    }
}

/// What the peer's certificate says.
#[derive(Default)]
pub(crate) struct Peer {
    names: Vec<EndpointId>,
    /// It has to be the sender.
    minds: bool,
    /// It has to be somebody.
    needs: bool,
}

impl Peer {
    pub(crate) fn speaks_for(&self, from: &EndpointId) -> bool {
        match &self.names[..] {
            [] => !self.needs,
            names => !self.minds || names.iter().any(|name| name.certifies(from)),
        }
    }

    fn of(chain: Option<&[CertificateDer<'_>]>, minds: bool, needs: bool) -> Peer {
        Peer { names: chain.map_or_else(Vec::new, |chain| names(&chain[0])), minds, needs }
    }
}

/// A DNS name is no id of ours.
fn names(leaf: &[u8]) -> Vec<EndpointId> {
    let mut names = pki::cert::endpoint_ids(leaf).unwrap();
    names.retain(|name| name.scheme() != "fqdn");
    names
}

fn lasting() -> Validity {
    Validity::lasting(SystemTime::now(), Duration::from_secs(86_400))
}

impl Trust {
    /// Makes a CA, believes it from now on, and gives what the bench shows with it.
    pub(crate) fn certificates(&mut self) -> Certificates {
        let ca = Ca::create("test", lasting()).unwrap();
        self.root = ca.certificate().to_vec();
        Certificates::of(ca, &id(CONTROLLER), &[HOST.to_owned()]).unwrap()
    }

    pub(crate) async fn shake(&self, io: DuplexStream, is_client: bool) -> Option<(Box<dyn Io>, Peer)> {
        let named = if self.names_itself { AGENT } else { "os::012345-B2" };
        let own = Identity::self_signed(&id(named), lasting()).unwrap();
        let judge = Arc::new(Judge(self.clone()));
        if is_client {
            let config = ClientConfig::builder_with_provider(pki::provider())
                .with_safe_default_protocol_versions()
                .unwrap()
                .dangerous()
                .with_custom_certificate_verifier(judge)
                .with_client_auth_cert(own.chain().to_vec(), own.key())
                .unwrap();
            let name = ServerName::try_from(HOST).unwrap();
            let io = TlsConnector::from(Arc::new(config)).connect(name, io).await.ok()?;
            // Who was dialled by its host's name need not be named otherwise.
            let peer = Peer::of(io.get_ref().1.peer_certificates(), self.minds_endpoint, false);
            return Some((Box::new(io), peer));
        }
        let config = ServerConfig::builder_with_provider(pki::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(judge)
            .with_single_cert(own.chain().to_vec(), own.key())
            .unwrap();
        let io = TlsAcceptor::from(Arc::new(config)).accept(io).await.ok()?;
        let needs = self.needs_endpoint && self.wants_certificate;
        let peer = Peer::of(io.get_ref().1.peer_certificates(), self.minds_endpoint, needs);
        Some((Box::new(io), peer))
    }
}

/// The same as rustls asks it.
#[derive(Debug)]
struct Judge(Trust);

impl Judge {
    fn judge(&self, leaf: &[u8], rest: &[CertificateDer<'_>]) -> Result<(), rustls::Error> {
        if self.0.minds_ca && rest.last().is_none_or(|root| **root != *self.0.root) {
            return Err(CertificateError::UnknownIssuer.into());
        }
        let (from, until) = pki::cert::dates(leaf).unwrap();
        let now = UnixTime::now();
        if self.0.minds_dates && (now < from || now > until) {
            return Err(CertificateError::Expired.into());
        }
        Ok(())
    }
}

/// What both kinds of verifier say of signatures.
macro_rules! believes_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            pki::provider().signature_verification_algorithms.supported_schemes()
        }
    };
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.judge(leaf, rest)?;
        let is_host = verify_server_name(&ParsedCertificate::try_from(leaf)?, name).is_ok();
        let is_named = !self.0.needs_host && names(leaf).iter().any(|name| name.certifies(&id(CONTROLLER)));
        if self.0.minds_host && !is_host && !is_named {
            return Err(CertificateError::NotValidForName.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    believes_signatures!();
}

impl ClientCertVerifier for Judge {
    fn client_auth_mandatory(&self) -> bool {
        self.0.wants_certificate
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.judge(leaf, rest)?;
        Ok(ClientCertVerified::assertion())
    }

    believes_signatures!();
}
