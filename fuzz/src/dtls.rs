//! Any bytes as datagrams of DTLS, from whom nothing is proven.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use mtp::PeerAuth;
use mtp::coap::dtls::hello::{ClientHello, kind};
use mtp::coap::dtls::{Event, Layer, Trust};
use pki::{Identity, Validity};
use rustls_pki_types::CertificateDer;
use usp_proto::EndpointId;

/// A hello that can be read is the same without its cookie, and the answer to it is shorter than itself.
pub fn dtls_hello(data: &[u8]) {
    let Some(hello) = ClientHello::read(data) else { return };
    assert!(kind(data).is_some());
    let first = hello.first();
    let again = ClientHello::read(&first).expect("it is a hello");
    assert_eq!((again.message, again.cookie), (0, &[][..]));
    assert_eq!((again.head, again.session, again.offers), (hello.head, hello.session, hello.offers));
    let answer = hello.verify_request(&[7; 32]);
    assert!(kind(&answer).is_some() && ClientHello::read(&answer).is_none());
    assert_eq!(answer[5..11], hello.record);
}

/// Datagrams, each behind a byte with its length in units of four bytes and one with the address that it comes from:
/// whoever has not returned a cookie is not remembered, and is sent no more than a request for one.
pub fn dtls_layer(data: &[u8]) {
    let mut layer = Layer::new(Arc::new(Nobody), Instant::now(), &[9; 32]).expect("a credential");
    let mut rest = data;
    let mut now = Duration::from_secs(1);
    while let [length, from, tail @ ..] = rest {
        let (datagram, tail) = tail.split_at(tail.len().min(usize::from(*length) * 4));
        rest = tail;
        let from = SocketAddr::from(([192, 0, 2, 1], 1000 + u16::from(from % 4)));
        layer.receive(now, from, datagram);
        now += Duration::from_secs(1);
        layer.expired(now);
        while let Some(event) = layer.poll() {
            match event {
                Event::Transmit { to, datagram } => assert!(to == from && datagram.len() <= 60),
                Event::Refused { .. } | Event::Stray { .. } => {}
                other => panic!("nobody has proven anything: {other:?}"),
            }
        }
        assert!(!layer.knows(from) && layer.timeout().is_none());
    }
}

/// Believes nobody.
struct Nobody;

impl Trust for Nobody {
    fn own(&self) -> Identity {
        static OWN: OnceLock<Identity> = OnceLock::new();
        let own = OWN.get_or_init(|| {
            let endpoint = EndpointId::receive("self::fuzz").expect("an endpoint id");
            let validity = Validity::lasting(SystemTime::UNIX_EPOCH, Duration::from_secs(1));
            Identity::self_signed(&endpoint, validity).expect("a certificate")
        });
        own.clone()
    }

    fn judge(&self, _: SocketAddr, _: bool, _: &CertificateDer<'_>) -> Result<PeerAuth, String> {
        Err("nobody is believed".to_owned())
    }
}
