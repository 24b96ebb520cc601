//! TLS over bytes in memory, as the payloads of a session carry it.

use std::io::{Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use ring::hmac;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{cipher_suite, default_provider, kx_group};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection, SignatureScheme};
use rustls_pki_types::ServerName;
use usp_proto::session::{CryptoError, PayloadTls, TlsRole};
use zeroize::Zeroizing;

use super::told;
use super::verifier::PeerRules;

/// R-E2E.36
const LABEL: &[u8] = b"EXPORTER-BBF-USP-Record";

/// Type, version and length before each TLS record.
const RECORD_HEADER: usize = 5;

/// The cipher suites, groups and nothing else of TLS in payloads (R-E2E.40, R-E2E.40a). Both suites have
/// SHA-256 for their PRF (R-E2E.38).
pub(super) fn session_provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        ],
        kx_groups: vec![kx_group::SECP256R1],
        ..default_provider()
    })
}

/// TLS wants the name of a host to dial, and a session has none.
pub(super) fn nobody() -> ServerName<'static> {
    ServerName::try_from("session.invalid").expect("a name by its form")
}

/// One connection. rustls knows no renegotiation, and answers requests for it with no_renegotiation
/// (R-E2E.42).
pub(super) struct Tls {
    connection: Connection,
    keys: Option<MacKeys>,
    role: TlsRole,
}

struct MacKeys {
    own: hmac::Key,
    peer: hmac::Key,
}

impl Tls {
    pub(super) fn new(
        role: TlsRole,
        key: &Arc<CertifiedKey>,
        rules: PeerRules,
    ) -> Result<Tls, rustls::Error> {
        let mut connection = match role {
            TlsRole::Client => Connection::Client(client(key, rules)?),
            TlsRole::Server => Connection::Server(server(key, rules)?),
        };
        // A Message is written at once; its length is bounded by whoever writes it.
        connection.set_buffer_limit(None);
        Ok(Tls { connection, keys: None, role })
    }

    /// R-E2E.35 to R-E2E.39: the context is empty, which to TLS 1.2 is another thing than none.
    fn export_keys(&self) -> Result<MacKeys, rustls::Error> {
        let octets = Zeroizing::new(self.connection.export_keying_material([0; 64], LABEL, Some(&[]))?);
        let (client, server) = octets.split_at(32);
        let key = |octets| hmac::Key::new(hmac::HMAC_SHA256, octets);
        Ok(match self.role {
            TlsRole::Client => MacKeys { own: key(client), peer: key(server) },
            TlsRole::Server => MacKeys { own: key(server), peer: key(client) },
        })
    }

    fn take_in(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut plaintext = Vec::new();
        while !bytes.is_empty() {
            if self.connection.read_tls(&mut bytes).map_err(told)? == 0 {
                return Err(CryptoError("bytes after the end".to_owned()));
            }
            let state = self.connection.process_new_packets().map_err(told)?;
            let from = plaintext.len();
            plaintext.resize(from + state.plaintext_bytes_to_read(), 0);
            self.connection.reader().read_exact(&mut plaintext[from..]).map_err(told)?;
            if state.peer_has_closed() {
                return Err(CryptoError("the peer closed it".to_owned()));
            }
        }
        Ok(plaintext)
    }
}

fn client(key: &Arc<CertifiedKey>, rules: PeerRules) -> Result<ClientConnection, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(session_provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(rules))
        .with_client_cert_resolver(Arc::new(Own(key.clone())));
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    ClientConnection::new(Arc::new(config), nobody())
}

fn server(key: &Arc<CertifiedKey>, rules: PeerRules) -> Result<ServerConnection, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(session_provider())
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(rules))
        .with_cert_resolver(Arc::new(Own(key.clone())));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    ServerConnection::new(Arc::new(config))
}

impl PayloadTls for Tls {
    fn read(&mut self, bytes: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let plaintext = self.take_in(bytes)?;
        if self.keys.is_none() && !self.connection.is_handshaking() {
            self.keys = Some(self.export_keys().map_err(told)?);
        }
        Ok(plaintext)
    }

    fn write(&mut self, plaintext: &[u8]) -> Result<(), CryptoError> {
        self.connection.writer().write_all(plaintext).map_err(told)
    }

    fn take_records(&mut self) -> Vec<Bytes> {
        let mut bytes = Vec::new();
        while self.connection.wants_write() {
            self.connection.write_tls(&mut bytes).expect("a Vec takes everything");
        }
        let mut bytes = Bytes::from(bytes);
        let mut records = Vec::new();
        while bytes.len() > RECORD_HEADER {
            let len = RECORD_HEADER + usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
            records.push(bytes.split_to(len.min(bytes.len())));
        }
        records
    }

    fn is_handshaking(&self) -> bool {
        self.keys.is_none()
    }

    fn mac(&self, input: &[u8]) -> Option<Bytes> {
        let keys = self.keys.as_ref()?;
        Some(Bytes::copy_from_slice(hmac::sign(&keys.own, input).as_ref()))
    }

    fn verify_mac(&self, input: &[u8], mac: &[u8]) -> bool {
        self.keys.as_ref().is_some_and(|keys| hmac::verify(&keys.peer, input, mac).is_ok())
    }
}

/// The one credential of our Endpoint.
#[derive(Debug)]
struct Own(Arc<CertifiedKey>);

impl ResolvesServerCert for Own {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

impl ResolvesClientCert for Own {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
