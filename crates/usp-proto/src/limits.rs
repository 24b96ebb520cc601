//! How much a peer can make us hold: every bound of this crate, by name.

/// Bytes of one Record from a peer that has not authenticated. The transport enforces it.
pub const MAX_UNAUTHENTICATED_BYTES: usize = 64 * 1024;

/// Bytes of one Record from a peer that has authenticated: supported models of several megabytes are
/// real. The transport enforces it, and decoding does again.
pub const MAX_RECORD_BYTES: usize = 8 * 1024 * 1024;

/// Repeated elements and map entries of one Msg. Two bytes on the wire can become 200 in memory; this
/// keeps the worst message of `MAX_RECORD_BYTES` near 100 MB, and still holds a model of 260,000
/// parameters.
pub const MAX_ELEMENTS: usize = 512 * 1024;

/// Payload elements of one Record of a session. A TLS record holds up to 16 KiB, so that 8 MiB of full
/// ones are 512.
pub const MAX_PAYLOAD_ELEMENTS: usize = 4096;

/// Bytes of an endpoint id that we accept: the longest authority, and an instance id of 50 characters
/// outside of ASCII or escaped three by three.
pub const MAX_ENDPOINT_ID_BYTES: usize = 256;

/// Characters of the instance id in an endpoint id that we make (R-ARC.6).
pub const MAX_INSTANCE_ID_CHARS: usize = 50;

/// Bytes of a `msg_id` that we accept. The standard has no bound; the id is kept per pending request.
pub const MAX_MSG_ID_BYTES: usize = 256;

/// Versions that are read from a list of versions; the rest is ignored.
pub const MAX_VERSIONS: usize = 32;

/// Bytes of one line of a recorded exchange: the longest Record as hex, and its note.
pub const MAX_EXCHANGE_LINE_BYTES: usize = 2 * MAX_RECORD_BYTES + 64 * 1024;

/// Paths that a description shows.
pub const MAX_DESCRIBED_PATHS: usize = 3;

/// Characters of one text in a description.
pub const MAX_DESCRIBED_CHARS: usize = 120;

/// Bytes of one text in a DHCP option. DHCPv4 has room for 255; the longest parameter that one becomes is a
/// host with its path.
pub const MAX_DHCP_TEXT_BYTES: usize = 512;

/// Bytes of a label of a domain name (RFC 1035), and so of an endpoint id in DNS-SD.
pub const MAX_DNS_LABEL_BYTES: usize = 63;

/// Characters of a domain name as it is written, without the dot at the end (RFC 1035: 255 bytes on the
/// wire).
pub const MAX_DNS_NAME_BYTES: usize = 253;

/// Bytes of one string of a TXT record (RFC 1035), key and value.
pub const MAX_TXT_STRING_BYTES: usize = 255;
