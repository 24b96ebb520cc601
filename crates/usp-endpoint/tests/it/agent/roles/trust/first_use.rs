//! Trust on first use: `TOFUAllowed`, `TOFUInactivityTimer`.

use std::time::Duration;

use requirement::requirement;
use usp_endpoint::agent::io::CloseReason;

use super::super::super::host::{Host, ONE};
use super::super::super::reads::get;
use super::super::{ALL, READ, TRUST_OBJECT, list};
use super::*;

const SHOWN: &str = "Device.Info.Name => Device.Info.[Name=cusp]";

/// [`ONE`] was assigned role 1, which may do everything. Role 2, of strangers, reads the name.
fn device(allowed: bool, timer: u32) -> Host {
    let mut host = trusting(&[&[(0, "Device.", ALL)], &[(0, "Device.Info.", READ)]], &[1]);
    untrusted(&mut host, 2);
    host.fill_more(TRUST_OBJECT, "TOFUAllowed", &allowed.to_string());
    host.fill_more(TRUST_OBJECT, "TOFUInactivityTimer", &timer.to_string());
    host.start();
    host
}

fn name(host: &mut Host, link: u64) -> String {
    host.ask_as(link, ONE, get(&["Device.Info.Name"], 0))
}

#[test]
fn only_where_it_is_allowed_and_the_certificate_names_its_owner() {
    for (allowed, certificate, believed) in [
        (true, SELF, true),
        (false, SELF, false),
        (true, "self|self||", false),
        (true, "self|self|self::two|", false),
    ] {
        let mut host = device(allowed, 0);
        host.link_as(1, ONE, shown(&[certificate], false));
        assert_eq!(name(&mut host, 1) == SHOWN, believed, "{allowed} {certificate}");
        assert_eq!(host.closed.len(), usize::from(!believed), "{allowed} {certificate}");
        assert_eq!(host.rows(CERTIFICATE).len(), usize::from(believed), "{allowed} {certificate}");
    }
}

/// It begins as a stranger, whatever was assigned to it, and its certificate is its own from then on.
#[test]
#[requirement("R-SEC.6", "R-SEC.8")]
fn the_first_certificate_is_kept() {
    let mut host = device(true, 0);
    host.link_as(1, ONE, shown(&[SELF], false));
    assert_eq!(host.value(ROW, "AssignedRole"), list(&[2]));
    assert_eq!(host.value(ROW, "Credential"), "", "nothing is kept of who says nothing");
    assert_eq!([name(&mut host, 1), name(&mut host, 1)], [SHOWN, SHOWN]);
    assert_eq!(host.value(ROW, "Credential"), "Device.LocalAgent.Certificate.1");
    assert_eq!(host.value(&format!("{CERTIFICATE}1."), "X_CUSP_Certificate"), format!("PEM {SELF}"));
    // Another one is nobody's, and the same is known, with whatever role it has by then.
    host.link_as(2, ONE, shown(&["self2|self2|self::one|"], false));
    assert_eq!((name(&mut host, 2).as_str(), host.closed.last()), ("-", Some(&(2, CloseReason::Untrusted))));
    host.change(ROW, "AssignedRole", &list(&[1]));
    host.link_as(3, ONE, shown(&[SELF], false));
    assert_eq!(name(&mut host, 3), SHOWN);
    assert_eq!(host.value(ROW, "AssignedRole"), list(&[1]));
    // What is known stays known when the door is shut.
    host.change(TRUST_OBJECT, "TOFUAllowed", "false");
    host.link_as(4, ONE, shown(&[SELF], false));
    assert_eq!(name(&mut host, 4), SHOWN);
}

#[test]
fn a_controller_with_a_certificate_has_had_its_first_use() {
    let mut host = device(true, 0);
    certificate(&mut host, 7, "real|root|self::one|");
    host.change(ROW, "Credential", "Device.LocalAgent.Certificate.7");
    host.link_as(1, ONE, shown(&[SELF], false));
    assert_eq!(
        (name(&mut host, 1).as_str(), host.closed.as_slice()),
        ("-", &[(1, CloseReason::Untrusted)][..])
    );
    assert_eq!(host.value(ROW, "AssignedRole"), list(&[1]));
}

/// TR-181: whoever says nothing is cut off; a Message ends the wait, and 0 means for ever.
#[test]
fn the_first_use_has_to_be_one() {
    for (timer, speaks, closed) in [(30, false, true), (30, true, false), (0, false, false)] {
        let mut host = device(true, timer);
        host.link_as(1, ONE, shown(&[SELF], false));
        host.pass(Duration::from_secs(29));
        assert_eq!(host.closed, [], "{timer} {speaks}");
        if speaks {
            assert_eq!(name(&mut host, 1), SHOWN);
        }
        host.pass(Duration::from_secs(1));
        let expected: &[(u64, CloseReason)] = if closed { &[(1, CloseReason::Untrusted)] } else { &[] };
        assert_eq!(host.closed, expected, "{timer} {speaks}");
        assert_eq!(host.rows(CERTIFICATE).len(), usize::from(speaks));
    }
}
