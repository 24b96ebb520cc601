//! The internal CA: what it issues, and how it lies on disk.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;

use pki::cert::{dates, endpoint_ids, peer};
use pki::{Ca, CertificateRequest, Error, PendingIdentity, SealKey, ServerNames, fingerprint_text};
use requirement::requirement;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::support::{CONTROLLER, DEVICE, ca, day, id, validity};

#[test]
#[requirement("R-SEC.0a", "R-SEC.10")]
fn a_device_certificate_names_its_endpoint_as_a_uri() {
    let issued = ca().issue_device_with_key(&id(DEVICE), validity(90)).unwrap();
    let (_, leaf) = X509Certificate::from_der(&issued.chain()[0]).unwrap();
    let san = leaf.subject_alternative_name().unwrap().unwrap();
    assert_eq!(san.value.general_names, [GeneralName::URI("urn:bbf:usp:id:os::00256D-0001")]);
    let usage = leaf.extended_key_usage().unwrap().unwrap();
    assert!(usage.value.client_auth && usage.value.server_auth);
    assert!(!leaf.is_ca());
    // A day before it was asked for, ninety after.
    assert_eq!(dates(&issued.chain()[0]).unwrap(), (day(-1), day(90)));
    assert_eq!(endpoint_ids(&issued.chain()[0]).unwrap(), [id(DEVICE)]);
}

#[test]
#[requirement("R-ARC.4a", "R-SEC.0a")]
fn an_fqdn_endpoint_is_proven_by_its_dns_name() {
    let issued = ca().issue_device_with_key(&id("fqdn::acs.example.com"), validity(90)).unwrap();
    let (_, leaf) = X509Certificate::from_der(&issued.chain()[0]).unwrap();
    let san = leaf.subject_alternative_name().unwrap().unwrap();
    assert!(san.value.general_names.contains(&GeneralName::DNSName("acs.example.com")));
    let names =
        ServerNames { dns: vec!["acs.example.com".into(), "*.example.net".into()], ..Default::default() };
    let server = ca().issue_server(&names, validity(90)).unwrap();
    // A wildcard is no endpoint id.
    assert_eq!(endpoint_ids(&server.chain()[0]).unwrap(), [id("fqdn::acs.example.com")]);
}

#[test]
fn a_request_is_answered_for_its_key_under_the_name_that_the_ca_chose() {
    let ca = ca();
    let pending = PendingIdentity::generate(&id(DEVICE)).unwrap();
    let request = CertificateRequest::parse(pending.request_pem()).unwrap();
    assert_eq!(request.endpoint_ids, [id(DEVICE)]);
    let chain = ca.issue_device(&request, &id("os::00256D-0002"), validity(90)).unwrap();
    let identity = pending.complete(&pki::pem::encode_chain(&chain)).unwrap();
    let peer = peer(identity.chain(), true).unwrap();
    assert_eq!(peer.endpoint_ids, [id("os::00256D-0002")]);
    assert_eq!(peer.fingerprint, identity.fingerprint());
    assert_eq!(peer.chain.len(), 2);
    assert_eq!(peer.chain[1], ca.certificate().to_vec());

    let stranger = PendingIdentity::generate(&id(DEVICE)).unwrap();
    assert!(matches!(stranger.complete(&pki::pem::encode_chain(&chain)), Err(Error::Certificate(_))));
}

#[test]
fn bad_requests_are_refused() {
    let good = PendingIdentity::generate(&id(DEVICE)).unwrap().request_pem().to_owned();
    // One character in the middle of the signature.
    let at = good.len() - 60;
    let flipped = if &good[at..=at] == "A" { "B" } else { "A" };
    let damaged = format!("{}{flipped}{}", &good[..at], &good[at + 1..]);
    let long = "-".repeat(16 * 1024 + 1);
    for bad in ["", "hello", &ca().certificate_pem(), &damaged, &long] {
        assert!(matches!(CertificateRequest::parse(bad), Err(Error::Request(_))), "{bad}");
    }
}

#[test]
fn serial_numbers_differ_even_for_one_key() {
    let ca = ca();
    let request =
        CertificateRequest::parse(PendingIdentity::generate(&id(DEVICE)).unwrap().request_pem()).unwrap();
    let serial = || {
        let chain = ca.issue_device(&request, &id(DEVICE), validity(1)).unwrap();
        X509Certificate::from_der(&chain[0]).unwrap().1.raw_serial().to_vec()
    };
    let (one, two) = (serial(), serial());
    assert_ne!(one, two);
    assert_eq!(one.len(), 16);
}

#[test]
fn the_ca_lies_on_disk_with_its_key_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let seal = SealKey::generate().unwrap();
    let made = Ca::load_or_create(dir.path(), &seal, "Test CA", validity(3650)).unwrap();
    let loaded = Ca::load_or_create(dir.path(), &seal, "Test CA", validity(3650)).unwrap();
    assert_eq!(made.fingerprint(), loaded.fingerprint());
    let key_file = dir.path().join("ca.key.sealed");
    assert_eq!(fs::metadata(&key_file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(&fs::read(&key_file).unwrap()[..3], b"CS\x01");

    // What the loaded one issues, the first one's root vouches for.
    let issued = loaded.issue_device_with_key(&id(DEVICE), validity(90)).unwrap();
    assert_eq!(issued.chain()[1], *made.certificate());

    let other = SealKey::generate().unwrap();
    assert!(matches!(Ca::load_or_create(dir.path(), &other, "x", validity(1)), Err(Error::Sealed(_))));
    fs::remove_file(&key_file).unwrap();
    assert!(matches!(Ca::load_or_create(dir.path(), &seal, "x", validity(1)), Err(Error::File { .. })));
}

#[test]
fn a_server_certificate_carries_names_addresses_and_the_controller() {
    let names = ServerNames {
        dns: vec!["acs.example.com".into()],
        ips: vec![IpAddr::from([127, 0, 0, 1])],
        endpoint: Some(id(CONTROLLER)),
    };
    let server = ca().issue_server(&names, validity(90)).unwrap();
    let (_, leaf) = X509Certificate::from_der(&server.chain()[0]).unwrap();
    let san = leaf.subject_alternative_name().unwrap().unwrap();
    let expected = [
        GeneralName::URI("urn:bbf:usp:id:self::controller-1"),
        GeneralName::DNSName("acs.example.com"),
        GeneralName::IPAddress(&[127, 0, 0, 1]),
    ];
    assert_eq!(san.value.general_names, expected);
    assert!(matches!(ca().issue_server(&ServerNames::default(), validity(1)), Err(Error::Certificate(_))));
}

#[test]
fn fingerprints_are_shown_as_people_compare_them() {
    let mut bytes = [0; 32];
    (bytes[0], bytes[31]) = (0xab, 0x01);
    let text = fingerprint_text(&bytes);
    assert_eq!((&text[..6], &text[92..], text.len()), ("AB:00:", ":01", 95));
}
