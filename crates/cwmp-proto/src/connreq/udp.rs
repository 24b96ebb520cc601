//! The UDP connection request (TR-069 Annex G): one datagram, which is never answered.
//!
//! The ACS sends identical copies from the address and port of its STUN server. What a CPE makes of it (which
//! user, that time and id are new) is the CPE's; here are form and signature.

use crate::connreq::hmac_sha1;
use crate::connreq::url::{decode, encode};
use crate::limits::MAX_UDP_REQUEST_BYTES;

/// A UDP connection request. Texts are as they were signed, without escapes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UdpRequest {
    /// Host and port, as in `UDPConnectionRequestAddress`.
    pub authority: String,
    /// Seconds since 1970; each one is later than the one before.
    pub timestamp: String,
    /// Different in each one.
    pub id: String,
    /// `ManagementServer.ConnectionRequestUsername`.
    pub username: String,
    /// By chance.
    pub cnonce: String,
    /// HMAC-SHA1 over the four before, with `ManagementServer.ConnectionRequestPassword`: 40 hexadecimal digits.
    pub signature: String,
}

impl UdpRequest {
    /// A signed request. `cnonce` is drawn by the caller.
    pub fn sign(
        authority: &str,
        timestamp: u64,
        id: u32,
        username: &str,
        cnonce: &str,
        password: &str,
    ) -> UdpRequest {
        let mut request = UdpRequest {
            authority: authority.to_owned(),
            timestamp: timestamp.to_string(),
            id: id.to_string(),
            username: username.to_owned(),
            cnonce: cnonce.to_owned(),
            signature: String::new(),
        };
        request.signature = hmac_sha1::sign(password, &request.signed());
        request
    }

    /// Whether it was signed with this password.
    pub fn verify(&self, password: &str) -> bool {
        hmac_sha1::verify(&self.signature, password, &self.signed())
    }

    fn signed(&self) -> [&[u8]; 4] {
        [&self.timestamp, &self.id, &self.username, &self.cnonce].map(|text| text.as_bytes())
    }

    /// The time as a number.
    pub fn seconds(&self) -> Option<u64> {
        self.timestamp.parse().ok()
    }

    /// The datagram.
    pub fn to_bytes(&self) -> Vec<u8> {
        let authority: String = self
            .authority
            .chars()
            .filter(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '/'))
            .collect();
        let [ts, id, un, cn, sig] =
            [&self.timestamp, &self.id, &self.username, &self.cnonce, &self.signature]
                .map(|text| encode(text));
        let line = format!("GET http://{authority}?ts={ts}&id={id}&un={un}&cn={cn}&sig={sig} HTTP/1.1");
        format!("{line}\r\nHost: {authority}\r\n\r\n").into_bytes()
    }

    /// Reads a datagram; none for anything else. Parameters may come in any order, the first of a name counts.
    pub fn parse(datagram: &[u8]) -> Option<UdpRequest> {
        if datagram.len() > MAX_UDP_REQUEST_BYTES {
            return None;
        }
        let text = std::str::from_utf8(datagram).ok()?;
        let line = text.lines().next()?;
        let mut words = line.split_ascii_whitespace();
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if method != "GET" || !version.starts_with("HTTP/1.") || words.next().is_some() {
            return None;
        }
        let (place, query) = target.split_once('?')?;
        let authority = place.split_once("://").map_or(place, |(_, rest)| rest);
        let get = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.into_iter().find(|pair| pair.0.eq_ignore_ascii_case(name)).map(|pair| decode(pair.1))
        };
        Some(UdpRequest {
            authority: authority.split('/').next().unwrap_or_default().to_owned(),
            timestamp: get("ts")?,
            id: get("id")?,
            username: get("un")?,
            cnonce: get("cn")?,
            signature: get("sig")?,
        })
    }
}
