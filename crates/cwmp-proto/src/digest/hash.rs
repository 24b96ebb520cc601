//! What Digest computes.

use sha2::Digest as _;
use subtle::ConstantTimeEq as _;

/// How it hashes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Algorithm {
    /// `MD5`, which is also meant by none.
    #[default]
    Md5,
    /// `MD5-sess`.
    Md5Sess,
    /// `SHA-256`.
    Sha256,
    /// `SHA-256-sess`.
    Sha256Sess,
}

const NAMES: [(&str, Algorithm); 4] = [
    ("MD5", Algorithm::Md5),
    ("MD5-sess", Algorithm::Md5Sess),
    ("SHA-256", Algorithm::Sha256),
    ("SHA-256-sess", Algorithm::Sha256Sess),
];

impl Algorithm {
    /// Its name in headers.
    pub fn name(self) -> &'static str {
        NAMES.into_iter().find(|row| row.1 == self).map_or("MD5", |row| row.0)
    }

    /// The algorithm of a name, whatever its case.
    pub fn from_name(name: &str) -> Option<Algorithm> {
        NAMES.into_iter().find(|row| row.0.eq_ignore_ascii_case(name.trim())).map(|row| row.1)
    }

    /// Whether the secret is bound to the first nonce.
    pub fn session(self) -> bool {
        matches!(self, Algorithm::Md5Sess | Algorithm::Sha256Sess)
    }

    /// The hash of parts with colons in between, in hexadecimal.
    pub(crate) fn hash(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        match self {
            Algorithm::Md5 | Algorithm::Md5Sess => hex(&md5::Md5::digest(text.as_bytes())),
            Algorithm::Sha256 | Algorithm::Sha256Sess => hex(&sha2::Sha256::digest(text.as_bytes())),
        }
    }
}

/// What may be stored in place of a password: the hash of user name, realm and password. It is a secret like the
/// password, for one realm.
pub fn ha1(algorithm: Algorithm, username: &str, realm: &str, password: &str) -> String {
    algorithm.hash(&[username, realm, password])
}

/// What goes into a response besides the secret.
pub(crate) struct Asked<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) nonce: &'a str,
    /// Count and nonce of the client, and the word for the protection; none in the form of RFC 2069.
    pub(crate) qop: Option<(&'a str, &'a str, &'a str)>,
    /// The client's nonce, which `-sess` needs without the others, too.
    pub(crate) cnonce: &'a str,
}

impl Asked<'_> {
    /// The response, in hexadecimal.
    pub(crate) fn response(&self, ha1: &str) -> String {
        let of_session;
        let mut secret = ha1;
        if self.algorithm.session() {
            of_session = self.algorithm.hash(&[ha1, self.nonce, self.cnonce]);
            secret = &of_session;
        }
        let ha2 = self.algorithm.hash(&[self.method, self.uri]);
        match self.qop {
            Some((nc, cnonce, qop)) => self.algorithm.hash(&[secret, self.nonce, nc, cnonce, qop, &ha2]),
            None => self.algorithm.hash(&[secret, self.nonce, &ha2]),
        }
    }
}

/// Whether two secrets are the same, in a time that tells nothing but their lengths.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
