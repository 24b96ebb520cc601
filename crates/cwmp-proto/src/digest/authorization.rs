//! Authorization headers of Digest: read, checked, written.

use crate::digest::hash::Asked;
use crate::digest::header::{quoted, schemes};
use crate::digest::{Algorithm, ha1, same};

/// An Authorization header of Digest.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Authorization {
    /// Who.
    pub username: String,
    /// Which passwords are meant.
    pub realm: String,
    /// The server's nonce: who checks it must know that it is one of its own, and still good.
    pub nonce: String,
    /// What is asked for, as the client wrote it.
    pub uri: String,
    /// The proof, in hexadecimal.
    pub response: String,
    /// How it is hashed: who checks it must have offered this.
    pub algorithm: Algorithm,
    /// `auth`, or none in the form of RFC 2069.
    pub qop: Option<String>,
    /// How often the nonce was used, as it was written; some clients always say `00000001`.
    pub nc: Option<String>,
    /// The client's nonce.
    pub cnonce: Option<String>,
    /// Of the challenge.
    pub opaque: Option<String>,
}

impl Authorization {
    /// Reads the value of an Authorization header. None for another scheme, for `auth-int`, and for algorithms that
    /// are not known.
    pub fn parse(header: &str) -> Option<Authorization> {
        let scheme = schemes(header).into_iter().find(|scheme| scheme.is("Digest"))?;
        let own = |name: &str| scheme.get(name).map(str::to_owned);
        let qop = own("qop").filter(|qop| !qop.is_empty());
        if qop.as_deref().is_some_and(|qop| !qop.eq_ignore_ascii_case("auth")) {
            return None;
        }
        Some(Authorization {
            username: own("username")?,
            realm: own("realm").unwrap_or_default(),
            nonce: own("nonce")?,
            uri: own("uri")?,
            response: own("response")?,
            algorithm: Algorithm::from_name(scheme.get("algorithm").unwrap_or("MD5"))?,
            qop,
            nc: own("nc"),
            cnonce: own("cnonce"),
            opaque: own("opaque"),
        })
    }

    /// Whether the client knows the password. Nonce, realm, algorithm and URI are the caller's to check.
    pub fn proves(&self, password: &str, method: &str) -> bool {
        self.proves_ha1(&ha1(self.algorithm, &self.username, &self.realm, password), method)
    }

    /// The same, with what may be stored in its place: see [`ha1`](crate::digest::ha1). The comparison tells
    /// nothing by its time.
    pub fn proves_ha1(&self, ha1: &str, method: &str) -> bool {
        let cnonce = self.cnonce.as_deref().unwrap_or_default();
        let nc = self.nc.as_deref().unwrap_or_default();
        let asked = Asked {
            algorithm: self.algorithm,
            method,
            uri: &self.uri,
            nonce: &self.nonce,
            qop: self.qop.as_deref().map(|qop| (nc, cnonce, qop)),
            cnonce,
        };
        same(asked.response(ha1).as_bytes(), self.response.to_ascii_lowercase().as_bytes())
    }

    /// Whether its URI is what was asked for. Devices write it with and without scheme and host, and with and
    /// without the query.
    pub fn is_for(&self, target: &str) -> bool {
        path(&self.uri) == path(target)
    }

    /// The count as a number.
    pub fn count(&self) -> Option<u32> {
        self.nc.as_deref().and_then(|nc| u32::from_str_radix(nc.trim(), 16).ok())
    }

    /// The value of the header.
    pub fn header(&self) -> String {
        let mut header = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response={}",
            quoted(&self.username),
            quoted(&self.realm),
            quoted(&self.nonce),
            quoted(&self.uri),
            quoted(&self.response),
        );
        // Who sent no qop may not know the parameter, and means MD5.
        if self.qop.is_some() || self.algorithm != Algorithm::Md5 {
            header += &format!(", algorithm={}", self.algorithm.name());
        }
        if let Some(cnonce) = &self.cnonce {
            header += &format!(", cnonce={}", quoted(cnonce));
        }
        if let Some(opaque) = &self.opaque {
            header += &format!(", opaque={}", quoted(opaque));
        }
        if let (Some(qop), Some(nc)) = (&self.qop, &self.nc) {
            let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
            header += &format!(", qop={}, nc={}", plain(qop), plain(nc));
        }
        header
    }
}

/// A request's target without scheme, host and query.
fn path(target: &str) -> &str {
    let behind =
        target.split_once("://").map_or(target, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let path = behind.split(['?', '#']).next().unwrap_or_default();
    if path.is_empty() { "/" } else { path }
}
