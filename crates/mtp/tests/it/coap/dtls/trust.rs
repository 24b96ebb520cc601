//! Credentials, and rules about those of others.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mtp::PeerAuth;
use mtp::coap::dtls::Trust;
use pki::{Ca, ClientTls, ControllerVerifier, DeviceVerifier, Identity, ServerNames, ServerTls, Validity};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, ServerName};

use crate::support::{AGENT, CONTROLLER, id};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn valid() -> Validity {
    Validity::lasting(SystemTime::now(), DAY)
}

pub(crate) fn expired() -> Validity {
    Validity::lasting(SystemTime::now() - 3 * DAY, DAY)
}

pub(crate) fn ca() -> Ca {
    Ca::create("Test CA", valid()).expect("a CA")
}

/// The certificate of a controller at 127.0.0.1.
pub(crate) fn server_identity(ca: &Ca, validity: Validity) -> Identity {
    let ips = vec![IpAddr::from(Ipv4Addr::LOCALHOST)];
    let names = ServerNames { ips, endpoint: Some(id(CONTROLLER)), ..ServerNames::default() };
    ca.issue_server(&names, validity).expect("issued")
}

pub(crate) fn device_identity(ca: &Ca, validity: Validity) -> Identity {
    ca.issue_device_with_key(&id(AGENT), validity).expect("issued")
}

/// Lets in who a server lets in, and calls nobody.
pub(crate) struct Served(pub(crate) ServerTls);

impl Served {
    pub(crate) fn by(ca: &Ca) -> Arc<Served> {
        Served::with(ca, &[], server_identity(ca, valid()))
    }

    #[expect(clippy::needless_pass_by_value, reason = "who calls has just made it")]
    pub(crate) fn with(
        ca: &Ca,
        crls: &[CertificateRevocationListDer<'static>],
        own: Identity,
    ) -> Arc<Served> {
        let roots = [ca.certificate().clone()];
        let devices = DeviceVerifier::with_crls(&roots, crls, true, pki::provider()).expect("a CA");
        Arc::new(Served(ServerTls::new(&own, devices).expect("they fit")))
    }
}

impl Trust for Served {
    fn own(&self) -> Identity {
        self.0.identity()
    }

    fn judge(&self, _: SocketAddr, by_us: bool, leaf: &CertificateDer<'_>) -> Result<PeerAuth, String> {
        if by_us {
            return Err("a stranger is where it wants to be answered".to_owned());
        }
        self.0.judge(std::slice::from_ref(leaf)).map_err(|error| error.to_string())
    }
}

/// Calls controllers at 127.0.0.1, and lets in nobody else.
pub(crate) struct Calling {
    tls: ClientTls,
    own: Identity,
}

impl Calling {
    pub(crate) fn with(ca: &Ca, own: Identity) -> Arc<Calling> {
        let trust = pki::Trust { roots: vec![ca.certificate().clone()], ..pki::Trust::default() };
        let rules = ControllerVerifier::new(&trust, Some(id(CONTROLLER)), true, pki::provider());
        let tls = ClientTls::new(Some(&own), rules.expect("a CA")).expect("they fit");
        Arc::new(Calling { tls, own })
    }

    pub(crate) fn device(ca: &Ca) -> Arc<Calling> {
        Calling::with(ca, device_identity(ca, valid()))
    }
}

impl Trust for Calling {
    fn own(&self) -> Identity {
        self.own.clone()
    }

    fn judge(&self, _: SocketAddr, by_us: bool, leaf: &CertificateDer<'_>) -> Result<PeerAuth, String> {
        if !by_us {
            return Err("it was not called".to_owned());
        }
        let host = ServerName::try_from("127.0.0.1").expect("an address");
        self.tls.judge(&host, std::slice::from_ref(leaf)).map_err(|error| error.to_string())
    }
}
