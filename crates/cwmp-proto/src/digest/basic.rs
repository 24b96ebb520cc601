//! Basic: user name and password as they are.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::Digest as _;

use crate::digest::header::quoted;
use crate::digest::same;
use crate::limits::MAX_AUTH_HEADER_BYTES;
use crate::secret::Secret;

/// Some leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An Authorization header of Basic.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Basic {
    /// Who. Without a colon.
    pub username: String,
    /// The password.
    pub password: Secret,
}

impl Basic {
    /// Reads the value of an Authorization header; bytes that are not UTF-8 are taken for Latin-1.
    pub fn parse(header: &str) -> Option<Basic> {
        let header = header.trim();
        if header.len() > MAX_AUTH_HEADER_BYTES {
            return None;
        }
        let (scheme, text) = header.split_once(char::is_whitespace)?;
        let bytes = scheme.eq_ignore_ascii_case("Basic").then(|| BASE64.decode(text.trim()).ok())??;
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect());
        let (username, password) = text.split_once(':')?;
        Some(Basic { username: username.to_owned(), password: password.into() })
    }

    /// Whether these are the credentials. The comparison tells nothing by its time.
    pub fn is(&self, username: &str, password: &str) -> bool {
        let hash = |text: &str| sha2::Sha256::digest(text.as_bytes());
        let names = same(&hash(&self.username), &hash(username));
        names & same(&hash(&self.password.0), &hash(password))
    }

    /// The value of the header.
    pub fn header(&self) -> String {
        format!("Basic {}", BASE64.encode(format!("{}:{}", self.username, self.password.0)))
    }
}

/// The value of a WWW-Authenticate header that asks for Basic.
pub fn basic_challenge(realm: &str) -> String {
    format!("Basic realm={}", quoted(realm))
}
