//! TLS of the bench: certificates of its own, the right one and wrong ones, made from a CA that the agent trusts. What
//! the agent shows is looked at and never refused: judging it is for the checks.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pki::{Ca, Error, Identity, SealKey, ServerNames, Validity};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{ClientConfig, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use usp_proto::EndpointId;

use super::conn::Io;
use crate::keys::Keys;

const DAY: Duration = Duration::from_secs(86_400);

/// Which certificate is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Shown {
    /// The right one: of the CA that the agent trusts, for our host and our endpoint id.
    #[default]
    Right,
    /// None; only who dials can do that.
    Nothing,
    /// One of another CA.
    OtherCa,
    /// One that was good until yesterday.
    Expired,
    /// One that will be good tomorrow.
    Early,
    /// One for another host and another endpoint.
    OtherHost,
    /// One for another host and our endpoint.
    EndpointAlone,
    /// One for our host and another endpoint.
    OtherEndpoint,
    /// One for our host and no endpoint.
    HostAlone,
}

/// What certificates of a run are made of.
pub struct Certificates {
    ca: Ca,
    other: Ca,
    own: EndpointId,
    dns: Vec<String>,
    ips: Vec<IpAddr>,
}

impl Certificates {
    /// From the CA in this folder, which is made if there is none: `ca.pem` is what the agent has to trust.
    ///
    /// # Errors
    /// When a file can't be read or written.
    pub fn open(dir: &Path, own: &EndpointId, hosts: &[String]) -> Result<Certificates, Error> {
        std::fs::create_dir_all(dir).map_err(|source| Error::File { path: dir.to_owned(), source })?;
        let seal = SealKey::load_or_create(&dir.join("seal.key"))?;
        let lasting = Validity::lasting(SystemTime::now(), 3650 * DAY);
        Certificates::of(Ca::load_or_create(dir, &seal, "cusp check", lasting)?, own, hosts)
    }

    /// From this CA, for these hosts: names or addresses.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn of(ca: Ca, own: &EndpointId, hosts: &[String]) -> Result<Certificates, Error> {
        let other =
            Ca::create("cusp check, which nobody trusts", Validity::lasting(SystemTime::now(), 30 * DAY))?;
        let ips: Vec<IpAddr> = hosts.iter().filter_map(|host| host.parse().ok()).collect();
        let dns = hosts.iter().filter(|host| host.parse::<IpAddr>().is_err()).cloned().collect();
        Ok(Certificates { ca, other, own: own.clone(), dns, ips })
    }

    /// What the agent has to trust, as PEM.
    pub fn ca_pem(&self) -> String {
        self.ca.certificate_pem()
    }

    /// The right certificate, for sessions.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn keys(&self) -> Result<Keys, Error> {
        let identity = self.identity(Shown::Right)?;
        identity.map(Keys::new).ok_or_else(|| Error::Key("there is none".into()))
    }

    /// Makes a certificate.
    fn identity(&self, shown: Shown) -> Result<Option<Identity>, Error> {
        let now = SystemTime::now();
        let validity = match shown {
            Shown::Expired => Validity { not_before: now - 3 * DAY, not_after: now - DAY },
            Shown::Early => Validity { not_before: now + DAY, not_after: now + 3 * DAY },
            _ => Validity::lasting(now, DAY),
        };
        let here =
            ServerNames { dns: self.dns.clone(), ips: self.ips.clone(), endpoint: Some(self.own.clone()) };
        let elsewhere = vec!["another.example".to_owned()];
        let nobody = EndpointId::receive("proto::cusp-check-nobody").ok();
        let names = match shown {
            Shown::Nothing => return Ok(None),
            Shown::OtherHost => ServerNames { dns: elsewhere, ips: Vec::new(), endpoint: nobody },
            Shown::EndpointAlone => ServerNames { dns: elsewhere, ips: Vec::new(), ..here },
            Shown::OtherEndpoint => ServerNames { endpoint: nobody, ..here },
            Shown::HostAlone => ServerNames { endpoint: None, ..here },
            _ => here,
        };
        let ca = if shown == Shown::OtherCa { &self.other } else { &self.ca };
        ca.issue_server(&names, validity).map(Some)
    }

    /// Shakes hands with an agent that dialled; gives its certificate, too.
    pub(crate) async fn accept(
        &self,
        io: Box<dyn Io>,
        shown: Shown,
    ) -> io::Result<(Box<dyn Io>, Option<Vec<u8>>)> {
        let identity = self.identity(shown).map_err(io::Error::other)?;
        let Some(identity) = identity else {
            return Err(io::Error::other("who listens shows a certificate"));
        };
        let config = ServerConfig::builder_with_provider(pki::provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_client_cert_verifier(Arc::new(Looks(pki::provider())))
            .with_single_cert(identity.chain().to_vec(), identity.key())
            .map_err(io::Error::other)?;
        let io = TlsAcceptor::from(Arc::new(config)).accept(io).await?;
        let leaf = leaf(io.get_ref().1.peer_certificates());
        Ok((Box::new(io), leaf))
    }

    /// Shakes hands with an agent that listens; gives its certificate, too.
    pub(super) async fn connect(
        &self,
        io: Box<dyn Io>,
        host: &str,
        shown: Shown,
    ) -> io::Result<(Box<dyn Io>, Option<Vec<u8>>)> {
        let builder = ClientConfig::builder_with_provider(pki::provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Looks(pki::provider())));
        let config = match self.identity(shown).map_err(io::Error::other)? {
            Some(identity) => builder
                .with_client_auth_cert(identity.chain().to_vec(), identity.key())
                .map_err(io::Error::other)?,
            None => builder.with_no_client_auth(),
        };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let io = TlsConnector::from(Arc::new(config)).connect(name, io).await?;
        let leaf = leaf(io.get_ref().1.peer_certificates());
        Ok((Box::new(io), leaf))
    }
}

fn leaf(chain: Option<&[CertificateDer<'_>]>) -> Option<Vec<u8>> {
    chain?.first().map(|leaf| leaf.to_vec())
}

/// Asks for a certificate and takes any whose key the peer has.
#[derive(Debug)]
struct Looks(Arc<CryptoProvider>);

/// What both kinds of verifier say of signatures.
macro_rules! signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    };
}

impl ClientCertVerifier for Looks {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    signatures!();
}

impl ServerCertVerifier for Looks {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    signatures!();
}
