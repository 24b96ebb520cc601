//! The errors of this crate: why a connection could not be made.

use usp_proto::EndpointId;

/// Why dialling failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL can't be used.
    #[error("URL: {0}")]
    Url(&'static str),
    /// The host name has no address.
    #[error("no address for {0}")]
    Resolve(String),
    /// The connection was refused, lost or could not be routed.
    #[error("connection: {0}")]
    Io(#[from] std::io::Error),
    /// It took longer than [`HANDSHAKE_TIMEOUT`](crate::limits::HANDSHAKE_TIMEOUT).
    #[error("timed out")]
    TimedOut,
    /// The TLS handshake failed: most often the peer's certificate, or what it thought of ours.
    #[error("TLS: {0}")]
    Tls(std::io::Error),
    /// An address that asks for TLS, without a TLS configuration.
    #[error("an address with TLS needs a TLS configuration")]
    NoTls,
    /// The server answered the upgrade or the enrolment with another status.
    #[error("refused with HTTP status {status}: {reason}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The reason phrase, or the first line of the answer's text.
        reason: String,
    },
    /// The server's answer breaks the WebSocket or USP rules.
    #[error("handshake: {0}")]
    Handshake(&'static str),
    /// The handshake over a UNIX domain socket failed.
    #[cfg(feature = "uds")]
    #[error("handshake: {0}")]
    Uds(#[from] crate::uds::machine::End),
    /// The broker, or what we know about it, ended the attempt.
    #[cfg(feature = "mqtt")]
    #[error("MQTT: {0}")]
    Mqtt(crate::mqtt::machine::End),
    /// DTLS can't be spoken with what we have.
    #[cfg(feature = "coap-dtls")]
    #[error("DTLS: {0}")]
    Dtls(&'static str),
    /// The STOMP server, or what we know about it, ended the attempt.
    #[cfg(feature = "stomp")]
    #[error("STOMP: {0}")]
    Stomp(crate::stomp::machine::End),
    /// Somebody else answered.
    #[error("expected endpoint {expected}, answered by {found}")]
    WrongEndpoint {
        /// Whom we dialled.
        expected: EndpointId,
        /// Who is there.
        found: EndpointId,
    },
}
