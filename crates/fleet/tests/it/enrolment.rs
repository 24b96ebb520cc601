//! The decision about a link, case by case.

use fleet::device::{Credential, CredentialKind, CredentialOrigin};
use fleet::enrolment::{Accept, Admission, Attempt, Decision, Live, Policy, Proof, Refusal, decide};
use fleet::ids::{DeviceId, Fingerprint};
use requirement::requirement;

use crate::at;

const ENDPOINT: &str = "os::00256D-1";
const DEVICE: DeviceId = DeviceId::from_bytes([1; 16]);
const OTHER: DeviceId = DeviceId::from_bytes([2; 16]);

fn certificate(mark: u8, names: &[&str], trusted: bool) -> Proof {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Proof::Certificate { fingerprint: Fingerprint([mark; 32]), names, trusted }
}

fn attempt(proof: Proof) -> Attempt {
    Attempt { endpoint: ENDPOINT.to_owned(), proof, token: false, expected: false, live: Live::None }
}

fn known(pins: &[u8]) -> Option<Admission> {
    Some(Admission::Device {
        device: DEVICE,
        pinned: pins.iter().map(|mark| Fingerprint([*mark; 32])).collect(),
        retired: false,
        rejected: false,
    })
}

fn issued(device: DeviceId, revoked: bool) -> Option<Credential> {
    let (kind, origin) = (CredentialKind::CertificateFingerprint, CredentialOrigin::Issued);
    Some(Credential { kind, value: Fingerprint([7; 32]), issued_for: device, origin, at: at(0), revoked })
}

fn accept(proven: bool) -> Accept {
    Accept { device: DEVICE, proven, add_identity: false, add_credential: false, take_over: false }
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "cases are written in place")]
fn check(
    attempt: &Attempt,
    admission: Option<Admission>,
    credential: Option<Credential>,
    expected: Decision,
) {
    assert_eq!(decide(attempt, admission.as_ref(), credential.as_ref(), Policy::Approve), expected);
}

#[test]
fn an_issued_certificate_says_which_device_it_is() {
    let own = attempt(certificate(7, &[ENDPOINT], true));
    check(&own, known(&[7]), issued(DEVICE, false), Decision::Accept(accept(true)));
    let renamed = Accept { add_identity: true, ..accept(true) };
    check(&own, None, issued(DEVICE, false), Decision::Accept(renamed));
    // One that names nobody is its device's under the names that this has, and gives it no other.
    let nameless = attempt(certificate(7, &[], false));
    check(&nameless, known(&[7]), issued(DEVICE, false), Decision::Accept(accept(true)));
    for nobody in [None, Some(Admission::Rejected)] {
        check(&nameless, nobody, issued(DEVICE, false), Decision::Refuse(Refusal::NotItsCertificate));
    }
    check(&own, known(&[]), issued(OTHER, false), Decision::Refuse(Refusal::OtherDevicesCertificate));
    check(&own, known(&[7]), issued(DEVICE, true), Decision::Refuse(Refusal::Revoked));
    let foreign = attempt(certificate(7, &["os::00256D-2"], true));
    check(&foreign, known(&[7]), issued(DEVICE, false), Decision::Refuse(Refusal::NotItsCertificate));
}

#[test]
fn a_pinned_device_must_show_its_certificate() {
    check(&attempt(certificate(3, &[], false)), known(&[3]), None, Decision::Accept(accept(true)));
    check(
        &attempt(certificate(4, &[], false)),
        known(&[3]),
        None,
        Decision::Refuse(Refusal::CertificateChanged),
    );
    check(&attempt(Proof::Unproven), known(&[3]), None, Decision::Refuse(Refusal::ProofMissing));
    // A trusted CA names the endpoint: its certificate was renewed.
    let renewed = Accept { add_credential: true, ..accept(true) };
    check(&attempt(certificate(4, &[ENDPOINT], true)), known(&[3]), None, Decision::Accept(renewed));
    check(
        &attempt(certificate(4, &[], true)),
        known(&[3]),
        None,
        Decision::Refuse(Refusal::CertificateChanged),
    );
    check(
        &attempt(certificate(4, &[ENDPOINT], false)),
        known(&[3]),
        None,
        Decision::Refuse(Refusal::CertificateChanged),
    );
    // Seen only on plain links so far: a person decides about its first certificate.
    check(&attempt(certificate(4, &[], false)), known(&[]), None, Decision::Pending);
}

#[test]
fn a_second_plain_link_waits_for_the_first_to_fail() {
    let plain = |live| Attempt { live, ..attempt(Proof::Unproven) };
    check(&plain(Live::None), known(&[]), None, Decision::Accept(accept(false)));
    check(&plain(Live::Unasked), known(&[]), None, Decision::AskLive);
    check(&plain(Live::Answers), known(&[]), None, Decision::Refuse(Refusal::AlreadyConnected));
    let over = Accept { take_over: true, ..accept(false) };
    check(&plain(Live::Silent), known(&[]), None, Decision::Accept(over));
    check(&plain(Live::Unasked), None, None, Decision::AskLive);
    check(&plain(Live::Answers), None, None, Decision::Refuse(Refusal::AlreadyConnected));
    // A certificate that anybody can have made does not displace a device that was only seen plain.
    let made = |live| Attempt { live, ..attempt(certificate(4, &[], false)) };
    check(&made(Live::Unasked), known(&[]), None, Decision::AskLive);
    check(&made(Live::Answers), known(&[]), None, Decision::Refuse(Refusal::AlreadyConnected));
    check(&made(Live::Silent), known(&[]), None, Decision::Pending);
    // With the same certificate it takes over at once.
    let again = Attempt { live: Live::Answers, ..attempt(certificate(3, &[], false)) };
    check(&again, known(&[3]), None, Decision::Accept(Accept { take_over: true, ..accept(true) }));
}

/// Whoever was turned away from a device's name stays away from it. The device itself comes as it came, and proves
/// itself by what a CA says, or what it is known by.
#[test]
fn who_was_rejected_does_not_come_again_by_a_certificate_of_his_own_making() {
    let rejected = |pins: &[u8]| match known(pins) {
        Some(Admission::Device { device, pinned, retired, .. }) => {
            Some(Admission::Device { device, pinned, retired, rejected: true })
        }
        other => other,
    };
    for live in [Live::None, Live::Unasked, Live::Silent] {
        let made = Attempt { live, ..attempt(certificate(4, &[ENDPOINT], false)) };
        check(&made, rejected(&[]), None, Decision::Refuse(Refusal::Rejected));
    }
    check(&attempt(Proof::Unproven), rejected(&[]), None, Decision::Accept(accept(false)));
    let first = Accept { add_credential: true, ..accept(true) };
    check(&attempt(certificate(4, &[ENDPOINT], true)), rejected(&[]), None, Decision::Accept(first));
    check(&attempt(certificate(3, &[], false)), rejected(&[3]), None, Decision::Accept(accept(true)));
    check(
        &attempt(certificate(4, &[], false)),
        rejected(&[3]),
        None,
        Decision::Refuse(Refusal::CertificateChanged),
    );
}

/// A trusted broker's word lets a device in, and from then on nothing less does.
#[test]
#[requirement("R-SEC.9")]
fn a_trusted_broker_vouches_for_a_device() {
    let vouched = |live| Attempt { live, ..attempt(Proof::Vouched { fingerprint: Fingerprint([5; 32]) }) };
    let first = Accept { add_credential: true, ..accept(true) };
    check(&vouched(Live::None), known(&[]), None, Decision::Accept(first));
    check(&vouched(Live::None), known(&[3]), None, Decision::Accept(first));
    check(&vouched(Live::None), known(&[5]), None, Decision::Accept(accept(true)));
    let over = Accept { take_over: true, ..accept(true) };
    check(&vouched(Live::Unasked), known(&[5]), None, Decision::Accept(over));
    check(&attempt(Proof::Unproven), known(&[5]), None, Decision::Refuse(Refusal::ProofMissing));
    // What was kept of an earlier word may be another device's; but no word counts that was revoked.
    check(&vouched(Live::None), known(&[]), issued(OTHER, false), Decision::Accept(first));
    for admission in [known(&[]), known(&[3]), None] {
        check(&vouched(Live::None), admission, issued(DEVICE, true), Decision::Refuse(Refusal::Revoked));
    }
    check(&vouched(Live::None), Some(Admission::Rejected), None, Decision::Refuse(Refusal::Rejected));
    check(&vouched(Live::None), None, None, Decision::Pending);
    let open = decide(&vouched(Live::None), None, None, Policy::Open);
    assert_eq!(open, Decision::Create { proven: true });
}

#[test]
fn what_nobody_knows_is_up_to_the_policy() {
    let cases = [
        (Policy::Approve, false, Decision::Pending),
        (Policy::Approve, true, Decision::Create { proven: false }),
        (Policy::Open, false, Decision::Create { proven: false }),
        (Policy::Closed, false, Decision::Refuse(Refusal::Closed)),
        (Policy::Closed, true, Decision::Create { proven: false }),
    ];
    for (policy, token, expected) in cases {
        let attempt = Attempt { token, ..attempt(Proof::Unproven) };
        assert_eq!(decide(&attempt, None, None, policy), expected, "{policy:?} {token}");
    }
    let rejected = Some(Admission::Rejected);
    check(&attempt(Proof::Unproven), rejected.clone(), None, Decision::Refuse(Refusal::Rejected));
    let invited = Attempt { token: true, ..attempt(certificate(3, &[], false)) };
    check(&invited, rejected, None, Decision::Create { proven: true });
}

#[test]
fn who_is_expected_is_let_in_if_a_ca_vouches_for_it() {
    let expected = |proof| Attempt { expected: true, ..attempt(proof) };
    for policy in [Policy::Approve, Policy::Closed] {
        let otherwise = match policy {
            Policy::Approve => Decision::Pending,
            _ => Decision::Refuse(Refusal::Closed),
        };
        for (attempt, admission, decision) in [
            (expected(certificate(7, &[ENDPOINT], true)), None, Decision::Create { proven: true }),
            (attempt(certificate(7, &[ENDPOINT], true)), None, otherwise.clone()),
            // A name is no proof, and anybody can make a certificate.
            (expected(Proof::Unproven), None, otherwise.clone()),
            (expected(certificate(7, &[ENDPOINT], false)), None, otherwise.clone()),
            (expected(certificate(7, &[], true)), None, otherwise.clone()),
            // A person has the last word.
            (
                expected(certificate(7, &[ENDPOINT], true)),
                Some(Admission::Rejected),
                Decision::Refuse(Refusal::Rejected),
            ),
        ] {
            assert_eq!(decide(&attempt, admission.as_ref(), None, policy), decision, "{attempt:?}");
        }
    }
}

#[test]
fn serial_numbers_are_looked_up_and_not_guessed() {
    use fleet::enrolment::ExpectedKind::{self, Endpoint, Serial};
    let check = |endpoint: &str, serials: &[&str]| {
        let mut expected = vec![(Endpoint, endpoint)];
        expected.extend(serials.iter().map(|serial| (Serial, *serial)));
        assert_eq!(ExpectedKind::of_endpoint(endpoint), expected);
    };
    check("os::00256D-A-1", &["A-1"]);
    check("ops::00256D-Router-A1", &["Router-A1", "A1"]);
    check("ops::00256D-a-b-c-d-e-f", &["a-b-c-d-e-f", "b-c-d-e-f", "c-d-e-f", "d-e-f"]);
    check("self::x-1", &[]);
    check("os::00256D", &[]);
}

fn login(name: &str) -> Proof {
    Proof::Login { name: name.to_owned(), fingerprint: Fingerprint([7; 32]) }
}

fn password(device: DeviceId, revoked: bool) -> Option<Credential> {
    issued(device, revoked).map(|one| Credential { kind: CredentialKind::Password, ..one })
}

#[test]
fn a_login_is_the_device_of_its_own_name() {
    let (own, others) = (attempt(login(ENDPOINT)), attempt(login("os::00256D-2")));
    check(&own, known(&[7]), password(DEVICE, false), Decision::Accept(accept(true)));
    for admission in [known(&[7]), known(&[]), None, Some(Admission::Rejected)] {
        // Whatever the policy: who shows a password is not somebody who may wait.
        check(&own, admission.clone(), None, Decision::Refuse(Refusal::WrongLogin));
        check(&own, admission.clone(), password(DEVICE, true), Decision::Refuse(Refusal::Revoked));
        check(&others, admission, password(OTHER, false), Decision::Refuse(Refusal::NotItsLogin));
    }
    // It takes the place of what only said to be it.
    let live = Attempt { live: Live::Answers, ..own };
    let taken = Accept { take_over: true, ..accept(true) };
    check(&live, known(&[7]), password(DEVICE, false), Decision::Accept(taken));
    check(&attempt(Proof::Unproven), known(&[7]), None, Decision::Refuse(Refusal::ProofMissing));
}

/// Revoking what proves a device does not open it to its name.
#[test]
fn a_device_whose_proofs_are_revoked_needs_another() {
    let retired =
        || Some(Admission::Device { device: DEVICE, pinned: Vec::new(), retired: true, rejected: false });
    check(&attempt(Proof::Unproven), retired(), None, Decision::Refuse(Refusal::ProofMissing));
    // A person may approve another certificate, and a trusted CA needs nobody.
    check(&attempt(certificate(4, &[], false)), retired(), None, Decision::Pending);
    let renewed = Accept { add_credential: true, ..accept(true) };
    check(&attempt(certificate(4, &[ENDPOINT], true)), retired(), None, Decision::Accept(renewed));
}
