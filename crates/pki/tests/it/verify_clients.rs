//! The rules of a listener for the certificates of its clients.

use pki::{Ca, DeviceVerifier, Identity};
use requirement::requirement;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::UnixTime;

use crate::support::{DEVICE, ca, day, id, validity};

/// `Some(trusted)` when let in.
fn check(roots: &[&Ca], client: &Identity, now: UnixTime) -> Option<bool> {
    let roots: Vec<_> = roots.iter().map(|ca| ca.certificate().clone()).collect();
    let verifier = DeviceVerifier::new(&roots, false, pki::provider()).unwrap();
    let (leaf, rest) = client.chain().split_first().unwrap();
    verifier.verify_client_cert(leaf, rest, now).is_ok().then(|| verifier.trusts(client.chain(), now))
}

#[test]
#[requirement("R-SEC.9", "R-SEC.2")]
fn who_is_let_in_and_who_is_trusted() {
    let (ours, theirs) = (ca(), ca());
    let issued = ours.issue_device_with_key(&id(DEVICE), validity(90)).unwrap();
    let own = Identity::self_signed(&id(DEVICE), validity(90)).unwrap();
    // The leaf of one identity behind the root of another: signed by nobody we know.
    let foreign = theirs.issue_device_with_key(&id(DEVICE), validity(90)).unwrap();
    type Case<'a> = (&'a str, &'a [&'a Ca], &'a Identity, i64, Option<bool>);
    let cases: [Case<'_>; 8] = [
        ("issued by our CA", &[&ours], &issued, 1, Some(true)),
        ("one of two CAs", &[&theirs, &ours], &issued, 1, Some(true)),
        ("self-signed", &[&ours], &own, 1, Some(false)),
        ("self-signed, no CA at all", &[], &own, 1, Some(false)),
        ("another CA's", &[&ours], &foreign, 1, None),
        ("issued, but there is no CA", &[], &issued, 1, None),
        ("issued, expired", &[&ours], &issued, 91, None),
        ("self-signed, expired", &[&ours], &own, 91, None),
    ];
    for (what, roots, client, on, expected) in cases {
        assert_eq!(check(roots, client, day(on)), expected, "{what}");
    }
    assert_eq!(check(&[&ours], &issued, day(-2)), None, "not valid yet");
    assert_eq!(check(&[&ours], &own, day(-2)), None, "not valid yet");
}

#[test]
#[requirement("R-MTP.1")]
fn a_certificate_is_asked_for_and_demanded_where_it_must_be() {
    for mandatory in [false, true] {
        let verifier = DeviceVerifier::new(&[], mandatory, pki::provider()).unwrap();
        assert!(verifier.offer_client_auth());
        assert_eq!(verifier.client_auth_mandatory(), mandatory);
        assert!(verifier.root_hint_subjects().is_empty());
    }
}
