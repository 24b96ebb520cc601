//! Cookies: the proof that somebody reads what is sent to an address, without anything being remembered of it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ring::hmac;

use super::super::limits::COOKIE_LIFETIME;
use super::hello::{COOKIE, ClientHello};

/// Makes cookies, and knows its own.
pub(super) struct Cookies(hmac::Key);

impl Cookies {
    pub(super) fn new(seed: &[u8; 32]) -> Cookies {
        Cookies(hmac::Key::new(hmac::HMAC_SHA256, seed))
    }

    /// For this ClientHello from this address. It is for all that the client says but the cookie, as RFC 6347
    /// section 4.2.1 advises, so that it serves for one handshake.
    pub(super) fn make(&self, now: Duration, from: SocketAddr, hello: &ClientHello<'_>) -> [u8; COOKIE] {
        let tag = hmac::sign(&self.0, &text(window(now), from, hello));
        let mut cookie = [0; COOKIE];
        cookie.copy_from_slice(tag.as_ref());
        cookie
    }

    /// The cookie, if it is one of ours for this, and not too old.
    pub(super) fn check(
        &self,
        now: Duration,
        from: SocketAddr,
        hello: &ClientHello<'_>,
    ) -> Option<[u8; COOKIE]> {
        let cookie: [u8; COOKIE] = hello.cookie.try_into().ok()?;
        let now = window(now);
        let is_of = |window| hmac::verify(&self.0, &text(window, from, hello), &cookie).is_ok();
        let recent = [Some(now), now.checked_sub(1)];
        recent.into_iter().flatten().any(is_of).then_some(cookie)
    }
}

fn window(now: Duration) -> u64 {
    now.as_secs() / COOKIE_LIFETIME.as_secs()
}

fn text(window: u64, from: SocketAddr, hello: &ClientHello<'_>) -> Vec<u8> {
    let mut text = window.to_be_bytes().to_vec();
    match from.ip().to_canonical() {
        IpAddr::V4(v4) => text.extend_from_slice(&v4.to_ipv6_mapped().octets()),
        IpAddr::V6(v6) => text.extend_from_slice(&v6.octets()),
    }
    text.extend_from_slice(&from.port().to_be_bytes());
    for part in [hello.head, hello.session, hello.offers] {
        text.extend_from_slice(part);
    }
    text
}
