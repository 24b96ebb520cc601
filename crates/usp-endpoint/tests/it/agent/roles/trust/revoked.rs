//! Certificates that their CA has taken back (the optional elements of the figures "validate-cert", "check-cert" and
//! "determine-role").

use requirement::requirement;
use usp_endpoint::agent::io::CloseReason;

use super::super::super::host::{Host, ONE, TWO};
use super::super::super::reads::get;
use super::super::{ALL, READ, TRUST_OBJECT, list};
use super::*;

/// Of [`ONE`], signed by [`ROOT`], and taken back by it.
const REVOKED: &str = "revoked|root|self::one|";
const USP: &str = "MTP-and-USP";

/// Role 1 may do everything; role 3 bans. Certificate 1 is the root, 4 the revoked one.
fn device() -> Host {
    let mut host = trusting(&[&[(0, "Device.", ALL)], &[(0, "Device.Info.", READ)], &[]], &[1]);
    certificate(&mut host, 1, ROOT);
    certificate(&mut host, 4, REVOKED);
    untrusted(&mut host, 2);
    host.fill_more(TRUST_OBJECT, "BannedRole", &list(&[3]));
    host
}

/// Communication ends, and the role that bans is given where the certificate is the one that is known of the
/// controller, or of nobody known; not where somebody shows a revoked one in its name.
#[test]
#[requirement("R-MTP.4a", "R-SEC.22a", "R-SEC.24a")]
fn who_shows_a_revoked_certificate_is_refused() {
    // Its own certificates, the Credential table, what is shown, and what is assigned then.
    for (own, listed, chain, assigned) in [
        ("4", &[1][..], &[REVOKED][..], list(&[3])),
        ("1", &[], &[REVOKED], list(&[1])),
        ("", &[1], &[REVOKED], list(&[1])),
        ("", &[], &[REVOKED, ROOT], list(&[1])),
        ("", &[1], &["leaf|revoked|self::one|", "revoked|root||ca"], list(&[1])),
    ] {
        let mut host = device();
        if !own.is_empty() {
            host.fill_more(ROW, "Credential", &format!("{CERTIFICATE}{own}"));
        }
        for row in listed {
            credential(&mut host, *row, USP, &[1]);
        }
        host.start();
        host.link_as(1, ONE, shown(chain, true));
        let what = format!("{own} {listed:?} {chain:?}");
        assert_eq!(host.ask(get(&["Device.Info.Name"], 0)), "-", "{what}");
        assert_eq!(host.closed.first(), Some(&(1, CloseReason::Untrusted)), "{what}");
        assert_eq!(host.value(ROW, "AssignedRole"), assigned, "{what}");
        assert_eq!(host.value(ROW, "InheritedRole"), "", "{what}");
    }
}

/// One of somebody who stands nowhere yet makes a row, which bans (figure "check-cert").
#[test]
#[requirement("R-SEC.24a")]
fn a_stranger_with_a_revoked_certificate_is_banned() {
    let mut host = device();
    credential(&mut host, 1, USP, &[1]);
    host.start();
    host.link_as(3, "self::new", shown(&["revoked|root|self::new|"], true));
    let row = "Device.LocalAgent.Controller.3.";
    assert_eq!(host.value(row, "EndpointID"), "self::new");
    assert_eq!(host.value(row, "AssignedRole"), list(&[3]));
    // From then on whatever it shows is of no use.
    host.link_as(4, "self::new", shown(&["new|root|self::new|"], true));
    assert_eq!(host.ask_as(4, "self::new", get(&["Device.Info.Name"], 0)), "-");
}

/// A revoked certificate of somebody else than it names says nothing about that one.
#[test]
fn nobody_is_banned_by_anothers_certificate() {
    let mut host = device();
    credential(&mut host, 1, USP, &[1]);
    host.start();
    host.link_as(3, "self::new", shown(&["revoked|root|self::one|"], true));
    assert_eq!(host.rows("Device.LocalAgent.Controller."), [1, 2]);
    host.link_as(1, ONE, shown(&[LEAF], true));
    assert_eq!(host.ask(get(&["Device.Info.Load"], 0)), "Device.Info.Load => Device.Info.[Load=7]");
    assert_eq!(host.value("Device.LocalAgent.Controller.2.", "EndpointID"), TWO);
}

/// A certificate of a controller's own that a CA of the tables has signed inherits that CA's roles (figure
/// "determine-role").
#[test]
#[requirement("R-SEC.24")]
fn an_own_certificate_inherits_from_its_ca() {
    for (uses, trusted, inherited) in
        [(USP, true, list(&[1])), ("MTP-only", true, String::new()), (USP, false, String::new())]
    {
        let mut host = device();
        certificate(&mut host, 5, LEAF);
        host.fill_more(ROW, "Credential", &format!("{CERTIFICATE}5"));
        credential(&mut host, 1, uses, &[1]);
        host.start();
        host.link_as(1, ONE, shown(&[LEAF], trusted));
        assert_eq!(host.value(ROW, "InheritedRole"), inherited, "{uses} {trusted}");
    }
}
