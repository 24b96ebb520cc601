//! Challenges: what a server says with 401, and how a client answers.

use crate::digest::hash::Asked;
use crate::digest::header::{Scheme, quoted, schemes};
use crate::digest::{Algorithm, Authorization, Basic, ha1};

/// A challenge for Digest.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Challenge {
    /// Which passwords are meant.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// How to hash.
    pub algorithm: Algorithm,
    /// Whether `auth` is offered; without it the answer has the form of RFC 2069.
    pub qop_auth: bool,
    /// Comes back as it is.
    pub opaque: Option<String>,
    /// The nonce was too old, and the password was right.
    pub stale: bool,
}

/// What a server offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Offer {
    /// Digest.
    Digest(Challenge),
    /// Basic, with its realm.
    Basic(String),
}

impl Offer {
    /// Reads the values of WWW-Authenticate headers, strongest first: SHA-256, MD5, Basic. What can't be
    /// answered is left out.
    pub fn parse<'a>(headers: impl IntoIterator<Item = &'a str>) -> Vec<Offer> {
        let mut offers: Vec<Offer> =
            headers.into_iter().flat_map(schemes).filter_map(|scheme| Offer::of(&scheme)).collect();
        offers.sort_by_key(|offer| match offer {
            Offer::Digest(challenge) => match challenge.algorithm {
                Algorithm::Sha256 | Algorithm::Sha256Sess => 0,
                Algorithm::Md5 | Algorithm::Md5Sess => 1,
            },
            Offer::Basic(_) => 2,
        });
        offers
    }

    fn of(scheme: &Scheme) -> Option<Offer> {
        if scheme.is("Basic") {
            return Some(Offer::Basic(scheme.get("realm").unwrap_or_default().to_owned()));
        }
        if !scheme.is("Digest") {
            return None;
        }
        let qop: Option<Vec<&str>> = scheme
            .get("qop")
            .map(|list| list.split(',').map(str::trim).filter(|word| !word.is_empty()).collect());
        let qop_auth = match qop.as_deref() {
            None | Some([]) => false,
            Some(words) if words.iter().any(|word| word.eq_ignore_ascii_case("auth")) => true,
            Some(_) => return None,
        };
        Some(Offer::Digest(Challenge {
            realm: scheme.get("realm").unwrap_or_default().to_owned(),
            nonce: scheme.get("nonce")?.to_owned(),
            algorithm: Algorithm::from_name(scheme.get("algorithm").unwrap_or("MD5"))?,
            qop_auth,
            opaque: scheme.get("opaque").map(str::to_owned),
            stale: scheme.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        }))
    }

    /// The value of an Authorization header that answers. `count` is how often the nonce has been used, this time
    /// included; `cnonce` is fresh.
    pub fn answer(
        &self,
        username: &str,
        password: &str,
        method: &str,
        uri: &str,
        cnonce: &str,
        count: u32,
    ) -> String {
        match self {
            Offer::Digest(challenge) => {
                challenge.answer(username, password, method, uri, cnonce, count).header()
            }
            Offer::Basic(_) => Basic { username: username.to_owned(), password: password.into() }.header(),
        }
    }
}

impl Challenge {
    /// The value of a WWW-Authenticate header.
    pub fn header(&self) -> String {
        let mut header = format!("Digest realm={}", quoted(&self.realm));
        if self.qop_auth {
            header += ", qop=\"auth\"";
        }
        header += &format!(", nonce={}", quoted(&self.nonce));
        if let Some(opaque) = &self.opaque {
            header += &format!(", opaque={}", quoted(opaque));
        }
        header += &format!(", algorithm={}", self.algorithm.name());
        if self.stale {
            header += ", stale=true";
        }
        header
    }

    /// The answer of a client.
    pub fn answer(
        &self,
        username: &str,
        password: &str,
        method: &str,
        uri: &str,
        cnonce: &str,
        count: u32,
    ) -> Authorization {
        let nc = format!("{count:08x}");
        let asked = Asked {
            algorithm: self.algorithm,
            method,
            uri,
            nonce: &self.nonce,
            qop: self.qop_auth.then_some((nc.as_str(), cnonce, "auth")),
            cnonce,
        };
        let response = asked.response(&ha1(self.algorithm, username, &self.realm, password));
        let with_qop = |text: &str| self.qop_auth.then(|| text.to_owned());
        Authorization {
            username: username.to_owned(),
            realm: self.realm.clone(),
            nonce: self.nonce.clone(),
            uri: uri.to_owned(),
            response,
            algorithm: self.algorithm,
            qop: with_qop("auth"),
            nc: with_qop(&nc),
            cnonce: (self.qop_auth || self.algorithm.session()).then(|| cnonce.to_owned()),
            // Servers without qop are too old for it: some refuse what they don't know.
            opaque: self.opaque.clone().filter(|_| self.qop_auth),
        }
    }
}
