//! The bytes of DTLS that are read and written without an association (RFC 6347): ClientHello, HelloVerifyRequest,
//! and an alert in plaintext. Everything else is the library's.

/// The length of the header of a record.
pub const RECORD_HEADER: usize = 13;
/// The length of the header of a message of the handshake.
const MESSAGE_HEADER: usize = 12;
/// The length of a cookie of ours.
pub const COOKIE: usize = 32;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const CLIENT_HELLO: u8 = 1;
const HELLO_VERIFY_REQUEST: u8 = 3;
/// DTLS 1.0, as it is written on the first records of a handshake.
const DTLS_1_0: [u8; 2] = [0xfe, 0xff];
const DTLS_1_2: [u8; 2] = [0xfe, 0xfd];

/// What the first record of a datagram says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It is part of a handshake, its end included.
    Handshake,
    /// It belongs to an association that stands.
    Data,
}

/// Tells what a datagram is part of; `None` for what is no DTLS.
pub fn kind(datagram: &[u8]) -> Option<Kind> {
    let [kind, 0xfe, 0xfd | 0xff, epoch_high, epoch_low, ..] = *datagram else { return None };
    if datagram.len() < RECORD_HEADER {
        return None;
    }
    match (kind, [epoch_high, epoch_low]) {
        (20..=HANDSHAKE, [0, 0]) | (HANDSHAKE, _) => Some(Kind::Handshake),
        (ALERT | APPLICATION_DATA, _) => Some(Kind::Data),
        _ => None,
    }
}

/// A ClientHello that came whole, in the first record of a datagram.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientHello<'a> {
    /// The number of its record, 48 bits.
    pub record: [u8; 6],
    /// The number of the message.
    pub message: u16,
    /// Version, and what the client has drawn by chance.
    pub head: &'a [u8],
    /// The session that it would resume, with its length.
    pub session: &'a [u8],
    /// The cookie.
    pub cookie: &'a [u8],
    /// Suites, methods of compression, extensions.
    pub offers: &'a [u8],
}

impl<'a> ClientHello<'a> {
    /// Reads one; `None` for anything else, and for one in fragments: then it would be longer than any that is made
    /// for UDP.
    pub fn read(datagram: &'a [u8]) -> Option<ClientHello<'a>> {
        let (header, rest) = datagram.split_first_chunk::<RECORD_HEADER>()?;
        let [HANDSHAKE, 0xfe, 0xfd | 0xff, 0, 0, record @ .., high, low] = *header else { return None };
        let message = rest.get(..usize::from(u16::from_be_bytes([high, low])))?;
        let (header, body) = message.split_first_chunk::<MESSAGE_HEADER>()?;
        let [CLIENT_HELLO, length @ .., seq_high, seq_low, 0, 0, 0, f0, f1, f2] = *header else {
            return None;
        };
        let whole = u32::from_be_bytes([0, length[0], length[1], length[2]]);
        if length != [f0, f1, f2] || usize::try_from(whole).ok()? != body.len() {
            return None;
        }
        let (head, rest) = body.split_at_checked(34)?;
        let (session, rest) = rest.split_at_checked(1 + usize::from(*rest.first()?))?;
        let (cookie, offers) = rest.split_at_checked(1 + usize::from(*rest.first()?))?;
        let message = u16::from_be_bytes([seq_high, seq_low]);
        Some(ClientHello { record, message, head, session, cookie: &cookie[1..], offers })
    }

    /// The client's first one, as it was before there was a cookie.
    pub fn first(&self) -> Vec<u8> {
        let body = [self.head, self.session, &[0], self.offers].concat();
        handshake([0; 6], CLIENT_HELLO, 0, &body)
    }

    /// The answer that wants to see the cookie again. It is shorter than any ClientHello (section 4.2.1).
    pub fn verify_request(&self, cookie: &[u8; COOKIE]) -> Vec<u8> {
        let length = u8::try_from(COOKIE).unwrap_or(u8::MAX);
        let body = [&DTLS_1_0[..], &[length], cookie].concat();
        // The number of its record is that of the ClientHello; that of the message is the first.
        handshake(self.record, HELLO_VERIFY_REQUEST, 0, &body)
    }
}

fn handshake(record: [u8; 6], kind: u8, message: u16, body: &[u8]) -> Vec<u8> {
    // Bodies are parts of a datagram, or shorter.
    let length = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
    let length = &length[1..];
    let mut content = vec![kind];
    content.extend_from_slice(length);
    content.extend_from_slice(&message.to_be_bytes());
    content.extend_from_slice(&[0; 3]);
    content.extend_from_slice(length);
    content.extend_from_slice(body);
    plain(HANDSHAKE, record, &content)
}

/// A fatal alert before there are keys: why a handshake is over (RFC 5246 section 7.2.2).
pub fn alert(description: u8) -> Vec<u8> {
    // A number that no record before it has had.
    plain(ALERT, [0, 1, 0, 0, 0, 0], &[2, description])
}

fn plain(kind: u8, record: [u8; 6], content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&DTLS_1_2);
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&record);
    bytes.extend_from_slice(&u16::try_from(content.len()).unwrap_or(0).to_be_bytes());
    bytes.extend_from_slice(content);
    bytes
}
