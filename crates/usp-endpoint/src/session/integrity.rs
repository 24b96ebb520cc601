//! Who vouches for a Record's fields: its transport, a signature, or a MAC under the session's TLS.

use bytes::Bytes;
use usp_proto::link::PeerAuth;
use usp_proto::session::{Crypto, CryptoError, PayloadTls, mac_input};
use usp_proto::{EndpointId, Record};

/// Whether the transport protects the Records of `from` (R-E2E.28): it is encrypted, and the peer's
/// certificate names that Endpoint or is the `credential` that is stored for it (its fingerprint).
///
/// The standard's three conditions read as if all had to hold; a certificate that names the sender can't be
/// a broker's at the same time, so that the second and the third are alternatives.
pub fn protected_by_mtp(peer: &PeerAuth, from: &EndpointId, credential: Option<&[u8; 32]>) -> bool {
    match peer {
        // A local socket knows its peer, but is not encrypted; a broker reads what it passes on.
        PeerAuth::Unproven
        | PeerAuth::Near
        | PeerAuth::Login(_)
        | PeerAuth::Local { .. }
        | PeerAuth::Broker(_) => false,
        PeerAuth::Certificate(certificate) => {
            credential == Some(&certificate.fingerprint)
                || (certificate.trusted || certificate.vouched)
                    && certificate.endpoint_ids.iter().any(|id| id.certifies(from))
        }
    }
}

/// What is known of a Record that came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Genuine,
    Forged(String),
    /// It has a MAC, and the TLS that shows whether it is right is not ready.
    Later,
}

/// R-E2E.30: looks at the signature or MAC if there is one, or if the transport does not protect the Record.
/// The sender's certificate stands in signed Records alone; a Record without it has a MAC.
pub(super) fn verify(
    record: &Record,
    protected: bool,
    crypto: Option<&dyn Crypto>,
    tls: Option<&dyn PayloadTls>,
) -> Verdict {
    if record.mac_signature.is_empty() {
        return match protected {
            true => Verdict::Genuine,
            false => Verdict::Forged("neither its transport nor a signature protects it".to_owned()),
        };
    }
    let input = mac_input(record);
    if !record.sender_cert.is_empty() {
        let Some(crypto) = crypto else {
            return Verdict::Forged("there is nothing to check its signature with".to_owned());
        };
        return match crypto.verify(&record.from_id, &record.sender_cert, &input, &record.mac_signature) {
            Ok(()) => Verdict::Genuine,
            Err(CryptoError(why)) => Verdict::Forged(why),
        };
    }
    match tls {
        Some(tls) if tls.is_handshaking() => Verdict::Later,
        Some(tls) if tls.verify_mac(&input, &record.mac_signature) => Verdict::Genuine,
        Some(_) => Verdict::Forged("its MAC is wrong".to_owned()),
        None => Verdict::Forged("it is signed without a certificate".to_owned()),
    }
}

/// R-E2E.29: signs a Record, or gives it its MAC once both sides have the keys for that.
pub(super) fn protect(
    record: &mut Record,
    crypto: &dyn Crypto,
    tls: Option<&dyn PayloadTls>,
) -> Result<(), CryptoError> {
    let mac: Option<Bytes> = tls.and_then(|tls| tls.mac(&mac_input(record)));
    record.mac_signature = match mac {
        Some(mac) => mac,
        None => {
            record.sender_cert = crypto.certificate();
            crypto.sign(&mac_input(record))?
        }
    };
    Ok(())
}
