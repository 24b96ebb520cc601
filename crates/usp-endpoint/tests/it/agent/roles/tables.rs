//! The tables of `ControllerTrust.`: written, they hold at once.

use requirement::requirement;
use usp_endpoint::agent::io::CloseReason;

use super::super::host::{Host, ONE, TWO};
use super::super::reads::get;
use super::super::writes::{add, delete, set};
use super::{ALL, NONE, READ, ROLE, TRUST_OBJECT, device, list, running};

const ROW: &str = "Device.LocalAgent.Controller.1.";

fn name(host: &mut Host) -> String {
    host.ask(get(&["Device.Info.Name"], 0))
}

const SHOWN: &str = "Device.Info.Name => Device.Info.[Name=cusp]";
const HIDDEN: &str = "Device.Info.Name => 7026";

/// [`TWO`] sets a parameter; what comes of it.
fn put(host: &mut Host, path: &str, setting: &str) -> String {
    host.ask_as(2, TWO, set(true, &[(path, &[&format!("!{setting}")])]))
}

#[test]
#[requirement("R-SEC.1", "R-SEC.1a", "R-SEC.7")]
fn assigned_roles_hold_at_once() {
    let mut host = running(&[&[(0, "Device.", READ)], &[(0, "Device.Net.", READ)]], &[2]);
    assert_eq!(name(&mut host), HIDDEN);
    for (roles, expected) in [(&[1][..], SHOWN), (&[2], HIDDEN), (&[2, 1], SHOWN), (&[], HIDDEN)] {
        let answer = put(&mut host, ROW, &format!("AssignedRole={}", list(roles)));
        assert_eq!(answer, format!("{ROW} => {ROW}[AssignedRole={}]", list(roles)));
        assert_eq!(name(&mut host), expected, "{roles:?}");
    }
    // A role that is deleted is nobody's any more.
    put(&mut host, ROW, &format!("AssignedRole={}", list(&[1, 2])));
    let row = format!("{ROLE}1.");
    host.ask_as(2, TWO, delete(true, &[&row]));
    assert_eq!(host.value(ROW, "AssignedRole"), list(&[2]));
    assert_eq!(name(&mut host), HIDDEN);
}

#[test]
fn a_request_is_judged_when_it_is_carried_out() {
    let mut host = running(&[&[(0, "Device.", READ)]], &[1]);
    host.wait_for_refresh = true;
    assert_eq!(name(&mut host), "-");
    host.change(ROW, "AssignedRole", "");
    // The first ticket was that of the start.
    host.input(usp_endpoint::agent::io::Input::Refreshed(usp_endpoint::agent::io::Ticket(2)));
    assert_eq!(host.answer("q1"), HIDDEN);
}

/// A role made by messages alone.
#[test]
fn roles_are_made_by_controllers() {
    let mut host = running(&[], &[]);
    let rows = host.ask_as(2, TWO, add(true, &[(ROLE, &["!Name=new", "Enable=true", "Alias=new"])]));
    assert_eq!(rows, format!("{ROLE} => {ROLE}10.[Alias=new,Name=new]"));
    let table = format!("{ROLE}10.Permission.");
    let values: &[&str] =
        &["Alias=one", "Order=1", "Enable=true", "Targets=Device.Info.", "Param=r---", "Obj=r---"];
    assert_eq!(
        host.ask_as(2, TWO, add(true, &[(&table, values)])),
        format!("{table} => {table}1.[Alias=one,Order=1]")
    );
    put(&mut host, ROW, &format!("AssignedRole={}", list(&[10])));
    assert_eq!(name(&mut host), SHOWN);
    assert_eq!(
        put(&mut host, &format!("{table}1."), "Param=----"),
        format!("{table}1. => {table}1.[Param=----]")
    );
    assert_eq!(name(&mut host), HIDDEN);
}

#[test]
fn tables_take_no_nonsense() {
    let row = format!("{ROLE}1.Permission.1.");
    let mut host = running(&[&[(0, "Device.", READ), (1, "Device.", READ)]], &[1]);
    for (setting, code) in [
        ("Param=rw--", 0),
        ("Param=wr--", 7012),
        ("Param=RW--", 7012),
        ("Obj=rwxnn", 7012),
        ("InstantiatedObj=r", 7012),
        ("CommandEvent=xxxx", 7012),
        ("Targets=", 0),
        ("Targets=Device.Info.,Device.Net.Interface.*.Reset(),Device.Boot!,Device.Unheard.Of", 0),
        ("Targets=Device.Net.Interface.{i}.", 7012),
        ("Targets=Device.Info.,Device.[", 7012),
        ("Targets=Device.LocalAgent.Subscription.1.Recipient+.Alias", 7012),
        // Two rows of one Order: nobody could say which counts.
        ("Order=1", 7025),
        ("Order=2", 0),
    ] {
        let answer = put(&mut host, &row, setting);
        let param = setting.split('=').next().unwrap_or_default();
        let refused = format!("{row} => 7021 {row}!{param} {code}");
        match code {
            0 => assert_eq!(answer, format!("{row} => {row}[{setting}]")),
            _ => assert_eq!(answer, refused, "{setting}"),
        }
    }
    let many = vec!["Device."; usp_endpoint::limits::MAX_ROLE_TARGETS + 1].join(",");
    assert_eq!(put(&mut host, &row, &format!("Targets={many}")), format!("{row} => 7021 {row}!Targets 7005"));
}

#[test]
fn without_a_role_a_controller_is_untrusted() {
    let mut host = device(&[&[(0, "Device.Info.", READ)]], &[]);
    super::start(&mut host);
    assert_eq!(name(&mut host), HIDDEN);
    put(&mut host, TRUST_OBJECT, &format!("UntrustedRole={}", list(&[1])));
    assert_eq!(name(&mut host), SHOWN);
    // Whoever has a role has that one.
    put(&mut host, ROW, &format!("AssignedRole={}", list(&[super::FULL])));
    put(&mut host, &format!("{ROLE}1."), "Enable=false");
    assert_eq!(name(&mut host), SHOWN);
}

#[test]
fn a_banned_controller_is_not_spoken_with() {
    let mut host = running(&[&[(0, "Device.", ALL)], &[]], &[1]);
    put(&mut host, TRUST_OBJECT, &format!("BannedRole={}", list(&[2])));
    let both = format!("AssignedRole={}", list(&[1, 2]));
    assert_eq!(put(&mut host, ROW, &both), format!("{ROW} => 7021 {ROW}!AssignedRole 7012"));
    assert_eq!(name(&mut host), SHOWN);
    host.news();
    put(&mut host, ROW, &format!("AssignedRole={}", list(&[2])));
    assert_eq!(host.closed, [(1, CloseReason::ControllerGone)]);
    host.news();
    host.link(3, ONE);
    assert_eq!(host.ask_as(3, ONE, get(&["Device.Info.Name"], 0)), "-");
    assert_eq!(host.news(), [""; 0]);
    put(&mut host, ROW, &format!("AssignedRole={}", list(&[1])));
    assert_eq!(host.ask_as(3, ONE, get(&["Device.Info.Name"], 0)), SHOWN);
}

/// R-GET.4 and SecuredRoles: permission and one of these roles, both.
#[test]
fn secured_values_need_a_secured_role_and_permission() {
    for (roles, one, secured, expected) in [
        (&[&[(0, "Device.", ALL)][..]][..], &[1][..], &[][..], "Device.Info.[Key=]"),
        (&[&[(0, "Device.", ALL)]], &[1], &[1], "Device.Info.[Key=hunter2]"),
        (&[&[(0, "Device.Info.", READ)]], &[1], &[1], "Device.Info.[Key=hunter2]"),
        (&[&[(0, "Device.Info.", READ)], &[]], &[1], &[2], "Device.Info.[Key=]"),
        (&[&[(0, "Device.Info.", READ)], &[]], &[1, 2], &[2], "Device.Info.[Key=hunter2]"),
        (&[&[(0, "Device.Info.", READ), (1, "Device.Info.Key", NONE)]], &[1], &[1], "7026"),
    ] {
        let mut host = device(roles, one);
        host.fill_more(TRUST_OBJECT, "SecuredRoles", &list(secured));
        super::start(&mut host);
        let answer = host.ask(get(&["Device.Info.Key"], 0));
        assert_eq!(answer, format!("Device.Info.Key => {expected}"), "{roles:?} {one:?} {secured:?}");
    }
}

/// What gives somebody the sight of secured values is for controllers that have it.
#[test]
fn who_does_not_see_secured_values_lets_nobody_see_them() {
    const SEES: &[u32] = &[1];
    const CHALLENGE: &str = "Device.LocalAgent.ControllerTrust.Challenge.";
    let to = |value: &[u32], name: &str| format!("{name}={}", list(value));
    let (first, second) = (format!("{CHALLENGE}1."), format!("{CHALLENGE}2."));
    let cases: [(&str, String, bool); 10] = [
        (TRUST_OBJECT, to(&[super::FULL], "SecuredRoles"), true),
        (TRUST_OBJECT, to(&[], "SecuredRoles"), true),
        (TRUST_OBJECT, to(&[1], "UntrustedRole"), true),
        (TRUST_OBJECT, to(&[2], "UntrustedRole"), false),
        (ROW, to(&[2, 1], "AssignedRole"), true),
        (ROW, to(&[2], "AssignedRole"), false),
        (&first, to(&[1], "Role"), true),
        (&first, to(&[2], "Role"), false),
        (&second, "Value=c2VjcmV0".to_owned(), true),
        (&first, "Value=c2VjcmV0".to_owned(), false),
    ];
    for (secured, is_refused) in [(SEES, true), (&[1, super::FULL], false)] {
        for (row, setting, unlocks) in &cases {
            let mut host = device(&[&[(0, "Device.", ALL)], &[]], &[]);
            host.fill_more(TRUST_OBJECT, "SecuredRoles", &list(secured));
            for (row, alias, role) in [(&first, "one", 2), (&second, "two", 1)] {
                host.fill(row, &[("Alias", alias), ("Role", &list(&[role]))]);
            }
            super::start(&mut host);
            let answer = put(&mut host, row, setting);
            assert_eq!(answer.contains("7006"), is_refused && *unlocks, "{secured:?} {setting}: {answer}");
            assert_eq!(answer.contains("70"), is_refused && *unlocks, "{secured:?} {setting}: {answer}");
        }
    }
}

/// A role with more targets than are evaluated would grant nothing: nobody makes one by the way.
#[test]
fn targets_are_counted_for_the_whole_role() {
    let row = format!("{ROLE}1.Permission.2.");
    let targets = |count: usize| format!("Targets={}", vec!["Device.Info."; count].join(","));
    for (count, taken) in [(255, true), (256, false)] {
        let mut host = running(&[&[(0, "Device.", READ), (1, "Device.Net.", READ)]], &[1]);
        let answer = put(&mut host, &row, &targets(count));
        assert_eq!(!answer.contains("7005"), taken, "{answer:.80}");
        assert_eq!(name(&mut host), SHOWN);
    }
}
