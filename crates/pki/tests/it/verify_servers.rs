//! The rules of an agent for the certificate of its controller.

use pki::{Ca, ControllerVerifier, Identity, ServerNames, Trust};
use requirement::requirement;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::ServerName;

use crate::support::{CONTROLLER, ca, day, id, validity};

struct Case<'a> {
    what: &'a str,
    trust: Trust,
    server: &'a Identity,
    host: &'a str,
    expected_id: Option<&'a str>,
    on: i64,
    check_dates: bool,
    /// `Some(trusted)` when let in.
    outcome: Option<bool>,
}

fn check(case: &Case<'_>) {
    let verifier =
        ControllerVerifier::new(&case.trust, case.expected_id.map(id), case.check_dates, pki::provider())
            .unwrap();
    let host = ServerName::try_from(case.host).unwrap();
    let (leaf, rest) = case.server.chain().split_first().unwrap();
    let verified = verifier.verify_server_cert(leaf, rest, &host, &[], day(case.on)).is_ok();
    let outcome = verified.then(|| verifier.trusts(case.server.chain(), day(case.on)));
    assert_eq!(outcome, case.outcome, "{}", case.what);
}

fn roots(ca: &Ca) -> Trust {
    Trust { roots: vec![ca.certificate().clone()], ..Trust::default() }
}

fn server(ca: &Ca, dns: &str) -> Identity {
    let names = ServerNames { dns: vec![dns.into()], endpoint: Some(id(CONTROLLER)), ..Default::default() };
    ca.issue_server(&names, validity(90)).unwrap()
}

#[test]
#[requirement("R-MTP.4", "R-WS.24")]
fn names() {
    let ca = ca();
    let acs = server(&ca, "acs.example.com");
    let wildcard = server(&ca, "*.example.com");
    let case = |what, server, host, expected_id, outcome| Case {
        what,
        trust: roots(&ca),
        server,
        host,
        expected_id,
        on: 1,
        check_dates: true,
        outcome,
    };
    for case in [
        case("host name", &acs, "acs.example.com", None, Some(true)),
        case("wildcard", &wildcard, "acs.example.com", None, Some(true)),
        case("wildcard covers one label", &wildcard, "a.b.example.com", None, None),
        case("another host", &acs, "www.example.com", None, None),
        case("another host, the right endpoint", &acs, "www.example.com", Some(CONTROLLER), Some(true)),
        case("another host, another endpoint", &acs, "www.example.com", Some("self::other"), None),
        case("an address, the right endpoint", &acs, "192.0.2.1", Some(CONTROLLER), Some(true)),
        case("an address, nothing to compare", &acs, "192.0.2.1", None, None),
        case("a .local host", &acs, "gateway.local", None, Some(true)),
        case("a .local host with its dot", &acs, "gateway.local.", None, Some(true)),
        case("a .home.arpa host", &acs, "gateway.home.arpa", None, Some(true)),
        case("only similar", &acs, "notlocal", None, None),
    ] {
        check(&case);
    }
}

#[test]
#[requirement("R-MTP.3", "R-SEC.20")]
fn dates() {
    let ca = ca();
    let acs = server(&ca, "acs.example.com");
    let own = Identity::self_signed(&id(CONTROLLER), validity(90)).unwrap();
    let pinned = Trust { pinned: vec![own.fingerprint()], ..Trust::default() };
    let first_use = Trust { first_use: true, ..Trust::default() };
    let case = |what, trust: &Trust, server, on, check_dates, outcome| Case {
        what,
        trust: trust.clone(),
        server,
        host: "acs.example.com",
        expected_id: Some(CONTROLLER),
        on,
        check_dates,
        outcome,
    };
    // Day -20000 is in 1971, where clocks are that were never set.
    for case in [
        case("in time", &roots(&ca), &acs, 1, true, Some(true)),
        case("too late", &roots(&ca), &acs, 91, true, None),
        case("too early", &roots(&ca), &acs, -2, true, None),
        case("no clock: too late", &roots(&ca), &acs, 91, false, Some(true)),
        case("no clock: too early", &roots(&ca), &acs, -20_000, false, Some(true)),
        case("pinned, too late", &pinned, &own, 91, true, None),
        case("pinned, no clock", &pinned, &own, -20_000, false, Some(false)),
        case("first use, too late", &first_use, &own, 91, true, None),
        case("first use, no clock", &first_use, &own, 91, false, Some(false)),
    ] {
        check(&case);
    }
}

#[test]
#[requirement("R-MTP.4", "R-SEC.2", "R-SEC.8")]
fn trust() {
    let (ca, other) = (ca(), self::ca());
    let acs = server(&ca, "acs.example.com");
    let own = Identity::self_signed(&id(CONTROLLER), validity(90)).unwrap();
    let pin = |identity: &Identity| Trust { pinned: vec![identity.fingerprint()], ..Trust::default() };
    let first_use = Trust { first_use: true, ..Trust::default() };
    let first_use_with_pin = Trust { first_use: true, ..pin(&acs) };
    let case = |what, trust: Trust, server, expected_id, outcome| Case {
        what,
        trust,
        server,
        host: "192.0.2.1",
        expected_id: Some(expected_id),
        on: 1,
        check_dates: true,
        outcome,
    };
    for case in [
        case("our CA", roots(&ca), &acs, CONTROLLER, Some(true)),
        case("another CA", roots(&other), &acs, CONTROLLER, None),
        case("self-signed, CA wanted", roots(&ca), &own, CONTROLLER, None),
        case("nothing trusted", Trust::default(), &own, CONTROLLER, None),
        case("pinned", pin(&own), &own, CONTROLLER, Some(false)),
        case("pinned, another shown", pin(&own), &acs, CONTROLLER, None),
        case("pinned, wrong endpoint", pin(&own), &own, "self::other", None),
        case("first use", first_use.clone(), &own, CONTROLLER, Some(false)),
        case("first use, wrong endpoint", first_use, &own, "self::other", None),
        case("first use is over once something is pinned", first_use_with_pin, &own, CONTROLLER, None),
    ] {
        check(&case);
    }
}
