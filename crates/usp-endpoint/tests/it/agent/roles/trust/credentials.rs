//! Roles by the CA that vouches for a certificate (figures "check-cert" and "determine-role").

use requirement::requirement;
use usp_endpoint::agent::io::{CloseReason, Input};
use usp_proto::link::LinkId;

use super::super::super::host::{Host, ONE, TWO};
use super::super::super::reads::get;
use super::super::super::writes::set;
use super::super::{Permission, READ, ROLE, TRUST_OBJECT, list};
use super::*;

/// Of [`ONE`], signed by [`MIDDLE`].
const LOW: &str = "leaf|middle|self::one|";

/// A row of the Credential table: its number, AllowedUses and roles.
type Credential = (u32, &'static str, &'static [u32]);

/// The chain, the Credential table, and what is inherited; `None`: nothing is believed.
type Case = (&'static [&'static str], &'static [Credential], Option<&'static [u32]>);

const NAME: &[Permission] = &[(0, "Device.Info.", READ)];
const NET: &[Permission] = &[(0, "Device.Net.", READ)];
const SHOWN: &str = "Device.Info.Name => Device.Info.[Name=cusp]";
const HIDDEN: &str = "Device.Info.Name => 7026";

/// Role 1 reads the name; role 2 does not. [`ONE`] has these. Certificates 1 to 3: root, other, middle.
fn device(one: &[u32]) -> Host {
    let mut host = trusting(&[NAME, NET], one);
    for (row, text) in [(1, ROOT), (2, OTHER), (3, MIDDLE)] {
        certificate(&mut host, row, text);
    }
    untrusted(&mut host, 2);
    host
}

fn name(host: &mut Host) -> String {
    host.ask(get(&["Device.Info.Name"], 0))
}

/// [`TWO`] changes a table.
fn put(host: &mut Host, path: &str, setting: &str) {
    let answer = host.ask_as(2, TWO, set(false, &[(path, &[&format!("!{setting}")])]));
    assert!(answer.starts_with(path), "{answer}");
}

fn start(host: &mut Host, peer: PeerAuth) {
    host.start();
    host.link_as(1, ONE, peer);
    host.link(2, TWO);
    host.news();
}

#[test]
#[requirement("R-SEC.3", "R-SEC.4", "R-SEC.24", "R-SEC.25")]
fn the_first_certificate_of_the_tables_decides() {
    const USP: &str = "MTP-and-USP";
    const MTP: &str = "MTP-only";
    #[rustfmt::skip]
    let cases: &[Case] = &[
        (&[LEAF], &[(1, USP, &[1])], Some(&[1])),
        (&[LEAF, ROOT], &[(1, USP, &[1])], Some(&[1])),
        (&[LEAF], &[(1, USP, &[])], Some(&[])),
        (&[LEAF], &[(2, USP, &[1])], None),
        (&[LEAF], &[(1, MTP, &[1])], None),
        (&[LEAF], &[(1, "MTP-and-broker", &[1])], None),
        // The nearest decides, also where it grants less.
        (&[LOW, MIDDLE], &[(1, USP, &[1]), (3, USP, &[2])], Some(&[2])),
        (&[LOW, MIDDLE], &[(1, USP, &[1])], Some(&[1])),
        (&[LOW, MIDDLE], &[(1, USP, &[1]), (3, MTP, &[])], None),
        // What signed nothing of the chain was put there to impress.
        (&[LEAF, MIDDLE], &[(3, USP, &[1])], None),
        (&[LOW, "stray|other||ca"], &[(2, USP, &[1])], None),
        // Somebody else's.
        (&["leaf|root|self::two|"], &[(1, USP, &[1])], None),
    ];
    for (chain, credentials, inherited) in cases {
        let mut host = device(&[]);
        for (row, uses, roles) in *credentials {
            credential(&mut host, *row, uses, roles);
        }
        start(&mut host, shown(chain, true));
        let answer = name(&mut host);
        let what = format!("{chain:?} {credentials:?}");
        match inherited {
            Some(roles) => {
                assert_eq!(host.value(ROW, "InheritedRole"), list(roles), "{what}");
                assert_eq!(answer, if roles.contains(&1) { SHOWN } else { HIDDEN }, "{what}");
                // Where nothing is earned and nothing assigned, it is untrusted.
                let assigned = if roles.is_empty() { list(&[2]) } else { String::new() };
                assert_eq!(host.value(ROW, "AssignedRole"), assigned, "{what}");
            }
            None => {
                assert_eq!((answer.as_str(), host.value(ROW, "InheritedRole").as_str()), ("-", ""), "{what}");
            }
        }
    }
}

/// A chain is worth nothing if the transport did not think so.
#[test]
fn dates_and_the_like_are_judged_by_the_transport() {
    let mut host = device(&[]);
    credential(&mut host, 1, "MTP-and-USP", &[1]);
    start(&mut host, shown(&[LEAF], false));
    assert_eq!(name(&mut host), "-");
    assert_eq!(host.closed, [(1, CloseReason::Untrusted)]);
}

#[test]
#[requirement("R-SEC.1", "R-SEC.1a", "R-SEC.24")]
fn roles_follow_at_once_when_the_tables_change() {
    let mut host = device(&[]);
    credential(&mut host, 1, "MTP-and-USP", &[1]);
    start(&mut host, shown(&[LEAF], true));
    assert_eq!(name(&mut host), SHOWN);
    let path = format!("{ROW}InheritedRole");
    let answer = host.ask_as(2, TWO, get(&[&path], 0));
    assert_eq!(answer, format!("{path} => {ROW}[InheritedRole={}]", list(&[1])));
    let row = format!("{CREDENTIAL}1.");
    put(&mut host, &row, &format!("Role={}", list(&[2])));
    assert_eq!((name(&mut host).as_str(), host.value(ROW, "InheritedRole")), (HIDDEN, list(&[2])));
    put(&mut host, &row, &format!("Role={}", list(&[1, 2])));
    assert_eq!((name(&mut host).as_str(), host.value(ROW, "InheritedRole")), (SHOWN, list(&[1, 2])));
    // The role that bans is not shared, and holds.
    put(&mut host, TRUST_OBJECT, &format!("BannedRole={}", list(&[2])));
    assert_eq!(host.closed, [(1, CloseReason::ControllerGone)]);
}

/// Whoever withdraws a certificate is answered; who lived by it is cut off.
#[test]
#[requirement("R-SEC.24")]
fn a_certificate_that_counts_no_longer_ends_its_connections() {
    let cases: [(String, &str); 3] = [
        (format!("{CREDENTIAL}1."), "Enable=false"),
        (format!("{CREDENTIAL}1."), "AllowedUses=MTP-only"),
        (format!("{CERTIFICATE}1."), "Enable=false"),
    ];
    for (row, setting) in cases {
        let mut host = device(&[1]);
        credential(&mut host, 1, "MTP-and-USP", &[]);
        credential(&mut host, 2, "MTP-and-USP", &[]);
        start(&mut host, shown(&[LEAF], true));
        assert_eq!(name(&mut host), SHOWN);
        put(&mut host, &row, setting);
        assert_eq!(host.closed, [(1, CloseReason::Untrusted)], "{setting}");
        let close = host.log.iter().position(|line| line == "1 close");
        let answer = host.log.iter().position(|line| line.starts_with(&format!("2 {row}")));
        assert!(answer < close, "{:?}", host.log);
        assert_eq!(name(&mut host), "-", "what still comes by it is not believed");
        // Another connection has to prove it anew.
        host.link_as(3, ONE, shown(&[LEAF], true));
        assert_eq!(host.ask_as(3, ONE, get(&["Device.Info.Name"], 0)), "-");
    }
}

/// Its `Credential` is a controller's own: the very certificate, or a CA for it alone.
#[test]
#[requirement("R-SEC.4", "R-SEC.24")]
fn a_controllers_own_certificates() {
    const NAMELESS: &str = "nameless|self||";
    for (listed, chain, trusted, believed) in [
        (LEAF, &[LEAF][..], true, true),
        (SELF, &[SELF], false, true),
        (NAMELESS, &[NAMELESS], false, true),
        (ROOT, &[LEAF], true, true),
        (SELF, &[LEAF], true, false),
        (OTHER, &[LEAF], true, false),
        // One that signs nothing vouches for nobody.
        ("root|root||", &[LEAF], true, false),
    ] {
        let mut host = device(&[1]);
        certificate(&mut host, 9, listed);
        host.fill_more(ROW, "Credential", &format!("{CERTIFICATE}9"));
        start(&mut host, shown(chain, trusted));
        assert_eq!(name(&mut host) == SHOWN, believed, "{listed} {chain:?}");
        // Nobody else profits from it.
        host.link_as(4, TWO, shown(&["two|root|self::two|"], false));
        assert_eq!(host.ask_as(4, TWO, get(&["Device.Info.Name"], 0)), "-");
    }
}

#[test]
fn a_pin_is_good_for_its_certificate_alone() {
    let hex = |text: &str| -> String {
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
        bytes.map(|byte| format!("{byte:02x}")).join(":")
    };
    for (pin, believed) in [(hex(SELF), true), (hex(LEAF), false)] {
        let mut host = device(&[1]);
        host.fill_more(ROW, "X_CUSP_Pin", &pin);
        start(&mut host, shown(&[SELF], false));
        assert_eq!(name(&mut host) == SHOWN, believed, "{pin}");
    }
    let mut host = device(&[1]);
    start(&mut host, PeerAuth::Unproven);
    let answer = host.ask_as(2, TWO, set(true, &[(ROW, &["!X_CUSP_Pin=AA:BB"])]));
    assert_eq!(answer, format!("{ROW} => 7021 {ROW}!X_CUSP_Pin 7012"));
}

/// With nothing in the tables, the CAs of the system count.
#[test]
fn where_the_tables_name_nothing_the_transport_decides() {
    for trusted in [true, false] {
        let mut host = device(&[1]);
        start(&mut host, shown(&[LEAF], trusted));
        assert_eq!(name(&mut host) == SHOWN, trusted);
    }
}

/// A controller that nobody has named is let in by a CA that may say who controllers are.
#[test]
#[requirement("R-SEC.24")]
fn a_trusted_ca_brings_in_new_controllers() {
    let leaf = "new|root|self::new|";
    for (uses, rows) in [("MTP-and-USP", vec![1, 2, 3]), ("MTP-only", vec![1, 2])] {
        let mut host = device(&[1]);
        credential(&mut host, 1, uses, &[1]);
        start(&mut host, PeerAuth::Unproven);
        host.link_as(3, "self::new", shown(&[leaf], true));
        assert_eq!(host.rows("Device.LocalAgent.Controller."), rows, "{uses}");
        let answer = host.ask_as(3, "self::new", get(&["Device.Info.Name"], 0));
        assert_eq!(answer, if rows.len() > 2 { SHOWN } else { "-" });
    }
}

/// R-SEC.21: what a certificate earned is shown again after a restart.
#[test]
#[requirement("R-SEC.21")]
fn a_restart_forgets_what_certificates_earned() {
    let mut host = device(&[]);
    credential(&mut host, 1, "MTP-and-USP", &[1]);
    start(&mut host, shown(&[LEAF], true));
    assert_eq!(name(&mut host), SHOWN);
    let mut later = Host::with(host.tree, [8; 32]);
    later.machine = later.machine.with_trust(std::sync::Arc::new(Played));
    later.start();
    assert_eq!(later.value(ROW, "InheritedRole"), "");
    later.link(1, ONE);
    assert_eq!(name(&mut later), HIDDEN);
}

/// What waits for a controller is told to nobody else: it waits for a connection that is believed.
#[test]
fn nothing_is_told_to_whom_nothing_is_believed() {
    let mut host = device(&[1]);
    credential(&mut host, 1, "MTP-and-USP", &[]);
    host.subscribe(1, 1, "ValueChange", "Device.Info.Name", &[]);
    host.fill_more(&format!("{ROLE}1.Permission.1."), "Param", "r--n");
    start(&mut host, shown(&[LEAF], true));
    host.input(Input::LinkDown(LinkId(1)));
    for impostor in ["leaf|root|self::two|", "other|other|self::one|"] {
        host.link_as(3, ONE, shown(&[impostor], true));
        host.change("Device.Info.", "Name", impostor);
        assert_eq!(host.notifies.len(), 0, "{impostor}");
    }
    host.link_as(4, ONE, shown(&[LEAF], true));
    host.change("Device.Info.", "Name", "third");
    let links: Vec<u64> = host.notifies.iter().map(|(link, ..)| *link).collect();
    assert!(!links.is_empty() && links.iter().all(|link| *link == 4), "{links:?}");
}
