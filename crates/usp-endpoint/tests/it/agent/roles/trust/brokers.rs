//! Trusted brokers: `AllowedUses` MTP-and-broker (figures "broker-with-received-record" and
//! "broker-with-sent-record").

use requirement::requirement;
use usp_endpoint::agent::io::Input;
use usp_proto::link::LinkId;

use super::super::super::host::{Host, ONE, TWO};
use super::super::super::reads::get;
use super::super::super::writes::set;
use super::super::{Permission, READ, list};
use super::*;

/// A broker's certificate, signed by [`ROOT`]: it names no controller.
const BROKER: &str = "broker|root||";
const USES: &str = "MTP-and-broker";
const NAME: &[Permission] = &[(0, "Device.Info.", READ)];
const NET: &[Permission] = &[(0, "Device.Net.", READ)];
const SHOWN: &str = "Device.Info.Name => Device.Info.[Name=cusp]";
const HIDDEN: &str = "Device.Info.Name => 7026";

/// Role 1 reads the name, role 2, of strangers, does not. [`ONE`] has these. Certificates: 1 is the root, 2 another
/// root, 3 the broker's own. Messages need protection.
fn device(one: &[u32]) -> Host {
    let mut host = trusting(&[NAME, NET], one);
    host.machine = host.machine.with_protection();
    for (row, text) in [(1, ROOT), (2, OTHER), (3, BROKER)] {
        certificate(&mut host, row, text);
    }
    untrusted(&mut host, 2);
    host
}

/// What a connection to a broker shows.
fn broker(certificate: &str, trusted: bool, vouched: bool) -> PeerAuth {
    let PeerAuth::Certificate(shown) = shown(&[certificate], trusted) else { unreachable!("it is one") };
    PeerAuth::Broker(Arc::new(PeerCertificate { vouched, ..PeerCertificate::clone(&shown) }))
}

/// [`TWO`] is connected by a certificate of its own, which counts.
fn start(host: &mut Host) {
    certificate(host, 8, "two|two|self::two|");
    host.fill_more("Device.LocalAgent.Controller.2.", "Credential", &format!("{CERTIFICATE}8"));
    host.start();
    host.link_as(2, TWO, shown(&["two|two|self::two|"], false));
    host.news();
}

fn name(host: &mut Host, link: u64, from: &str) -> String {
    host.ask_as(link, from, get(&["Device.Info.Name"], 0))
}

/// Only one that a row for brokers names, by its own certificate or its CA's, and that was dialled by its name, says
/// who sent a Record.
#[test]
#[requirement("R-SEC.0", "R-SEC.4a", "R-SEC.26")]
fn the_word_of_a_trusted_broker_counts() {
    for (row, uses, peer, believed) in [
        (1, USES, broker(BROKER, true, true), true),
        (3, USES, broker(BROKER, false, true), true),
        (1, "MTP-and-USP", broker(BROKER, true, true), false),
        (1, "MTP-only", broker(BROKER, true, true), false),
        (2, USES, broker(BROKER, true, true), false),
        (1, USES, broker(BROKER, false, true), false),
        (1, USES, broker(BROKER, true, false), false),
        (1, USES, PeerAuth::Unproven, false),
        (1, USES, broker("revoked|root||", true, true), false),
    ] {
        let mut host = device(&[1]);
        credential(&mut host, row, uses, &[]);
        start(&mut host);
        let what = format!("{row} {uses} {peer:?}");
        host.link_as(1, ONE, peer);
        assert_eq!(name(&mut host, 1, ONE), if believed { SHOWN } else { "-" }, "{what}");
        // The others behind it go on.
        assert_eq!(host.closed, [], "{what}");
        assert_eq!(host.audited.len(), usize::from(!believed), "{what}");
    }
}

/// The roles of its row are those of whoever is behind it, for as long as that is so; who has none is untrusted.
#[test]
#[requirement("R-SEC.26", "R-SEC.26a")]
fn a_broker_gives_roles_to_those_behind_it() {
    for (assigned, roles, answer) in [(&[][..], &[1][..], SHOWN), (&[], &[], HIDDEN), (&[1], &[], SHOWN)] {
        let mut host = device(assigned);
        credential(&mut host, 1, USES, roles);
        start(&mut host);
        host.link_as(1, ONE, broker(BROKER, true, true));
        assert_eq!(name(&mut host, 1, ONE), answer, "{assigned:?} {roles:?}");
        assert_eq!(host.value(ROW, "InheritedRole"), list(roles));
        let stranger = assigned.is_empty() && roles.is_empty();
        assert_eq!(host.value(ROW, "AssignedRole"), list(if stranger { &[2] } else { assigned }));
        // What was earned in an earlier connection is earned anew.
        host.input(Input::LinkDown(LinkId(1)));
        host.link(3, ONE);
        assert_eq!(host.value(ROW, "InheritedRole"), "");
    }
}

/// What is told goes to who is behind a trusted broker, and to nobody behind another one (R-SEC.23).
#[test]
#[requirement("R-SEC.23", "R-SEC.26")]
fn nothing_is_told_by_a_broker_that_is_not_trusted() {
    for (uses, told) in [(USES, 1), ("MTP-only", 0)] {
        let mut host = device(&[1]);
        host.fill_more(&format!("{}1.Permission.1.", super::super::ROLE), "Param", "r--n");
        host.subscribe(1, 1, "ValueChange", "Device.Info.Name", &[]);
        credential(&mut host, 1, uses, &[]);
        start(&mut host);
        host.link_as(1, ONE, broker(BROKER, true, true));
        host.change("Device.Info.", "Name", "other");
        assert_eq!(host.notifies.len(), told, "{uses}");
    }
}

/// Trust in a broker comes and goes with the tables, while its connection stays.
#[test]
#[requirement("R-SEC.26")]
fn trust_in_a_broker_follows_the_tables() {
    let mut host = device(&[]);
    credential(&mut host, 1, "MTP-only", &[1]);
    start(&mut host);
    host.link_as(1, ONE, broker(BROKER, true, true));
    let row = format!("{CREDENTIAL}1.");
    for (uses, answer) in [(USES, SHOWN), ("MTP-only", "-"), (USES, SHOWN)] {
        let setting = format!("!AllowedUses={uses}");
        let said = host.ask_as(2, TWO, set(false, &[(&row, &[&setting])]));
        assert!(said.starts_with(&row), "{said}");
        assert_eq!(name(&mut host, 1, ONE), answer, "{uses}");
    }
    assert_eq!(host.closed, []);
}

/// A server whose one certificate is its broker's and its controller's is refused in neither part.
#[test]
fn a_brokers_certificate_may_be_a_controllers_too() {
    let mut host = device(&[1]);
    certificate(&mut host, 5, LEAF);
    credential(&mut host, 5, USES, &[]);
    host.fill_more(ROW, "Credential", &format!("{CERTIFICATE}5"));
    start(&mut host);
    host.link_as(1, ONE, shown(&[LEAF], true));
    assert_eq!(name(&mut host, 1, ONE), SHOWN);
}
