//! How much a peer can make us hold: every bound of this crate, by name.

/// Bytes of one envelope from a peer that has not authenticated: an Inform is a few kilobytes. The caller of `decode`
/// passes it.
pub const MAX_UNAUTHENTICATED_BYTES: usize = 64 * 1024;

/// Bytes of one envelope from an authenticated CPE, once uncompressed: trees of 100,000 parameters are real.
/// The caller of `decode` may ask for less.
pub const MAX_ENVELOPE_BYTES: usize = 32 * 1024 * 1024;

/// Bytes of an envelope that every CPE must take (TR-069 says 32 KiB). Who makes requests splits what would be longer.
pub const MAX_REQUEST_BYTES: usize = 32 * 1024;

/// Elements inside of each other. The deepest legal envelope has 8.
pub const MAX_DEPTH: usize = 32;

/// Attributes of one element, declarations of namespaces among them.
pub const MAX_ATTRIBUTES: usize = 64;

/// Bytes of the name of an element or an attribute, with its prefix.
pub const MAX_NAME_BYTES: usize = 256;

/// Elements of one envelope.
pub const MAX_ELEMENTS: usize = 2 * 1024 * 1024;

/// Rows of one list: values, names, attributes.
pub const MAX_PARAMETERS: usize = 256 * 1024;

/// Rows of a list whose length the standard bounds by 64 or less (events, transfers, time windows, results),
/// and of one that no device has reason to make long (methods, options). Four times what it allows.
pub const MAX_ROWS: usize = 256;

/// Nodes of the arguments of one method that we don't know.
pub const MAX_NODES: usize = 4096;

/// Deviations that are kept of one envelope; the rest is not told.
pub const MAX_NOTICES: usize = 64;

/// Characters of a peer's text in a notice.
pub const MAX_NOTICED_CHARS: usize = 64;

/// Namespaces that are remembered of one envelope.
pub const MAX_NAMESPACES: usize = 32;

/// Versions that are read from a list of versions; the rest is ignored.
pub const MAX_VERSIONS: usize = 32;

/// Bytes of an `ID` that a session makes: some CPEs have no more room.
pub const MAX_OWN_ID_BYTES: usize = 32;

/// Bytes of an `ID` of a peer that is kept and repeated; a longer one counts as none.
pub const MAX_ID_BYTES: usize = 1024;

/// Bytes of an Authorization or WWW-Authenticate header.
pub const MAX_AUTH_HEADER_BYTES: usize = 4096;

/// Parameters of an Authorization or WWW-Authenticate header.
pub const MAX_AUTH_PARAMETERS: usize = 32;

/// Bytes of a UDP connection request: one datagram without fragments.
pub const MAX_UDP_REQUEST_BYTES: usize = 1472;

/// Bytes of a lightweight notification: one UDP datagram.
pub const MAX_NOTIFICATION_BYTES: usize = 65_507;

/// Bytes of an XMPP stanza that asks for a connection, or answers.
pub const MAX_STANZA_BYTES: usize = 16 * 1024;
