//! Lists of revoked certificates: made, read, and heeded on both sides of a connection.

use std::net::IpAddr;
use std::time::SystemTime;

use pki::{
    Ca, ControllerVerifier, DeviceVerifier, Edition, Identity, Reason, Revoked, ServerNames, ServerTls, Trust,
};
use rustls::client::danger::ServerCertVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::{CertificateRevocationListDer, ServerName};

use crate::support::{CONTROLLER, DAY, DEVICE, START_S, ca, day, id, validity};

fn at(days: u32) -> SystemTime {
    SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(START_S) + DAY * days
}

/// A list that holds from the first day to the third.
fn list(ca: &Ca, revoked: &[&Identity]) -> CertificateRevocationListDer<'static> {
    let revoked: Vec<_> = revoked
        .iter()
        .map(|identity| Revoked {
            serial_number: pki::cert::name(&identity.chain()[0]).unwrap().serial_number,
            at: at(1),
            reason: Reason::KeyCompromise,
        })
        .collect();
    ca.crl(&revoked, Edition { number: 7, this_update: at(1), next_update: at(3) }).unwrap()
}

#[test]
fn a_device_on_its_cas_list_is_refused_and_no_other() {
    let (ours, theirs) = (ca(), ca());
    let [stolen, other] = [(); 2].map(|()| ours.issue_device_with_key(&id(DEVICE), validity(90)).unwrap());
    let foreign = theirs.issue_device_with_key(&id(DEVICE), validity(90)).unwrap();
    let own = Identity::self_signed(&id(DEVICE), validity(90)).unwrap();
    let roots = [ours.certificate().clone(), theirs.certificate().clone()];
    // (lists; who, on which day, whether it is let in, whether it is known to be revoked)
    let both = [list(&ours, &[&stolen]), list(&theirs, &[])];
    let forged = [list(&theirs, &[&other])];
    type Case<'a> = (&'a [CertificateRevocationListDer<'static>], &'a Identity, i64, bool, bool);
    let cases: [Case<'_>; 8] = [
        (&both, &stolen, 2, false, true),
        (&both, &other, 2, true, false),
        (&both, &foreign, 2, true, false),
        (&both, &own, 2, true, false),
        (&[], &stolen, 2, true, false),
        // Out of date, and still what the CA said last.
        (&both, &stolen, 30, false, true),
        (&both[1..], &stolen, 2, true, false),
        // No CA's list is another CA's to write.
        (&forged, &other, 2, true, false),
    ];
    for (n, (lists, client, on, let_in, revoked)) in cases.into_iter().enumerate() {
        let verifier = DeviceVerifier::with_crls(&roots, lists, false, pki::provider()).unwrap();
        let (leaf, rest) = client.chain().split_first().unwrap();
        assert_eq!(verifier.verify_client_cert(leaf, rest, day(on)).is_ok(), let_in, "case {n}");
        assert_eq!(verifier.revoked(client.chain(), day(on)), revoked, "case {n}");
    }
}

#[test]
fn who_is_dialled_is_held_to_the_lists_too() {
    let ours = ca();
    let [stolen, other] = [(); 2].map(|()| ours.issue_device_with_key(&id(DEVICE), validity(90)).unwrap());
    let trust = Trust {
        roots: vec![ours.certificate().clone()],
        crls: vec![list(&ours, &[&stolen])],
        ..Trust::default()
    };
    let verifier = ControllerVerifier::new(&trust, Some(id(DEVICE)), true, pki::provider()).unwrap();
    let somebody = ServerName::from(IpAddr::from([192, 0, 2, 1]));
    for (identity, expected) in [(&stolen, false), (&other, true)] {
        let (leaf, rest) = identity.chain().split_first().unwrap();
        assert_eq!(verifier.verify_server_cert(leaf, rest, &somebody, &[], day(2)).is_ok(), expected);
        assert_eq!(verifier.trusts(identity.chain(), day(2)), expected);
    }
    // The lists make nobody trusted.
    let stranger = ca().issue_device_with_key(&id(DEVICE), validity(90)).unwrap();
    assert!(!verifier.trusts(stranger.chain(), day(2)));
    assert!(!verifier.trusts(other.chain(), day(91)), "expired");
}

#[test]
fn what_is_written_is_read_again_and_nonsense_is_not() {
    let ours = ca();
    let identity = ours.issue_device_with_key(&id(DEVICE), validity(90)).unwrap();
    let der = list(&ours, &[&identity]);
    let pem = pki::pem::encode("X509 CRL", &der);
    assert_eq!(pki::crl::read(&der).unwrap(), std::slice::from_ref(&der));
    assert_eq!(pki::crl::read(pem.repeat(2).as_bytes()).unwrap(), [der.clone(), der]);
    for wrong in [&b""[..], b"nonsense", ours.certificate_pem().as_bytes()] {
        pki::crl::read(wrong).unwrap_err();
    }
    let revoked = Revoked { serial_number: "no".into(), at: at(1), reason: Reason::Superseded };
    let edition = Edition { number: 1, this_update: at(1), next_update: at(2) };
    ours.crl(&[revoked], edition).unwrap_err();
    ours.crl(&[], Edition { next_update: at(1), ..edition }).unwrap_err();
    for reason in Reason::ALL {
        assert_eq!(Reason::parse(reason.as_str()), Some(reason));
    }
}

#[test]
fn certificates_say_where_the_list_is() {
    let ours = ca().with_crl_url("https://acs.example.com/pki/ca.crl");
    let identity = ours.issue_device_with_key(&id(DEVICE), validity(90)).unwrap();
    let wanted = b"https://acs.example.com/pki/ca.crl";
    assert!(identity.chain()[0].windows(wanted.len()).any(|bytes| bytes == wanted));
    assert!(ours.issued(&identity.chain()[0]));
    assert!(!ca().issued(&identity.chain()[0]));
}

#[test]
fn a_renewed_certificate_can_name_what_the_old_one_did() {
    let names = ServerNames {
        dns: vec!["acs.example.com".into(), "*.example.com".into()],
        ips: vec![IpAddr::from([192, 0, 2, 1]), "2001:db8::1".parse().unwrap()],
        endpoint: Some(id(CONTROLLER)),
    };
    let identity = ca().issue_server(&names, validity(90)).unwrap();
    assert_eq!(pki::cert::server_names(&identity.chain()[0]).unwrap(), names);
}

#[test]
fn a_listener_takes_other_rules_while_it_runs() {
    let (old, new) = (ca(), ca());
    let server = old.issue_server(
        &ServerNames { endpoint: Some(id(CONTROLLER)), ..ServerNames::default() },
        pki::Validity::lasting(SystemTime::now(), DAY),
    );
    let device =
        new.issue_device_with_key(&id(DEVICE), pki::Validity::lasting(SystemTime::now(), DAY)).unwrap();
    let rules = |ca: &Ca| {
        DeviceVerifier::new(std::slice::from_ref(ca.certificate()), false, pki::provider()).unwrap()
    };
    let tls = ServerTls::new(&server.unwrap(), rules(&old)).unwrap();
    let trusted = || match tls.clone().peer(Some(device.chain())) {
        usp_proto::link::PeerAuth::Certificate(peer) => peer.trusted,
        other => panic!("{other:?}"),
    };
    assert!(!trusted());
    tls.retrust(rules(&new));
    assert!(trusted());
}

/// A single certificate, its issuer and a list: of whoever can't look at whole chains.
#[test]
fn a_list_is_asked_about_one_certificate() {
    let (ours, theirs) = (ca(), ca());
    let [stolen, other] = [(); 2].map(|()| ours.issue_device_with_key(&id(DEVICE), validity(90)).unwrap());
    let parsed = |der| pki::crl::List::parse(der).unwrap();
    let (own, forged) = (parsed(list(&ours, &[&stolen])), parsed(list(&theirs, &[&stolen])));
    for (list, certificate, issuer, revoked) in [
        (&own, &stolen, &ours, true),
        (&own, &other, &ours, false),
        (&own, &stolen, &theirs, false),
        // Both CAs have the same name, and not the same key.
        (&forged, &stolen, &ours, false),
        (&forged, &stolen, &theirs, false),
    ] {
        assert_eq!(list.revokes(&certificate.chain()[0], issuer.certificate()), revoked);
    }
    assert!(!own.revokes(b"none", ours.certificate()));
    assert!(pki::crl::List::parse(CertificateRevocationListDer::from(b"none".to_vec())).is_err());
}
