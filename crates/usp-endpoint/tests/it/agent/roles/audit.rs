//! What the audit log is told.

use std::time::Duration;

use usp_endpoint::agent::audit::{Audit, Deed};

use super::super::commands::operate;
use super::super::host::{Host, ONE, TWO};
use super::super::reads::get;
use super::super::writes::{add, delete, set};
use super::{READ, ROLE, TRUST_OBJECT, list, running};

const ROW: &str = "Device.LocalAgent.Controller.1.";
const CHALLENGE: &str = "Device.LocalAgent.ControllerTrust.Challenge.";

/// What was told since the last call.
fn told(host: &mut Host) -> Vec<String> {
    let line = |Audit { by, deed, subject, detail }: Audit| {
        let by = by.as_ref().map_or("agent", |by| by.as_str()).to_owned();
        format!("{by} {} {subject} {detail}", deed.name()).trim_end().to_owned()
    };
    std::mem::take(&mut host.audited).into_iter().map(line).collect()
}

/// [`ONE`] may read, and [`TWO`] may do everything.
fn device() -> Host {
    let mut host = running(&[&[(0, "Device.", READ)], &[]], &[1]);
    told(&mut host);
    host
}

#[test]
fn changes_of_trust_are_told() {
    let mut host = device();
    let wants = |host: &mut Host, request: dm::Operation, expected: &[&str]| {
        host.ask_as(2, TWO, request);
        assert_eq!(told(host), expected);
    };
    let assigned = format!("!AssignedRole={}", list(&[2]));
    let line = format!("{TWO} set {ROW}AssignedRole {}", list(&[2]));
    wants(&mut host, set(true, &[(ROW, &[&assigned])]), &[&line]);
    let values: &[&str] = &["!Name=new", "Enable=true", "Alias=new"];
    let line = format!("{TWO} create {ROLE}10. Alias=new Enable=true Name=new");
    wants(&mut host, add(true, &[(ROLE, values)]), &[&line]);
    // Secrets are not: neither in a new row nor in an old one.
    let values: &[&str] = &["Alias=new", "Value=c2VjcmV0", "!LockoutPeriod=7"];
    let line = format!("{TWO} create {CHALLENGE}1. Alias=new LockoutPeriod=7 Retries=0 Value=(secret)");
    host.fill_more(TRUST_OBJECT, "SecuredRoles", &list(&[9]));
    wants(&mut host, add(true, &[(CHALLENGE, values)]), &[&line]);
    let row = format!("{CHALLENGE}1.");
    let line = format!("{TWO} set {row}Value (secret)");
    wants(&mut host, set(true, &[(&row, &["!Value=aGlkZGVu"])]), &[&line]);
    wants(&mut host, delete(true, &[&row]), &[&format!("{TWO} delete {row}")]);
    // What the agent itself does, is its own.
    host.input(usp_endpoint::agent::io::Input::LinkDown(usp_proto::link::LinkId(1)));
    wants(&mut host, set(true, &[("Device.Info.", &["!Name=other"])]), &[]);
    wants(&mut host, get(&["Device."], 0), &[]);
}

#[test]
fn refusals_are_told() {
    let mut host = device();
    let ask = |host: &mut Host, request: dm::Operation| {
        host.ask(request);
        told(host)
    };
    for (request, path) in [
        (set(true, &[("Device.Info.", &["!Name=x"])]), "Device.Info.Name"),
        (set(false, &[("Device.Info.", &["!Name=x"])]), "Device.Info.Name"),
        (add(true, &[(ROLE, &["!Name=x"])]), ROLE),
        (delete(true, &["Device.Net.Interface.1."]), "Device.Net.Interface.1."),
        (operate("Device.Info.Scan()", "", true, &[]), "Device.Info.Scan()"),
    ] {
        let lines = ask(&mut host, request.clone());
        let start = format!("{ONE} refused {path} 7006");
        assert_eq!(lines.len(), 1, "{request:?} {lines:?}");
        assert!(lines[0].starts_with(&start), "{lines:?}");
    }
    // A stranger is, whatever it wants; a wrong path is no refusal.
    host.link(3, "self::stranger");
    host.ask_as(3, "self::stranger", get(&["Device."], 0));
    assert_eq!(told(&mut host), ["self::stranger refused Get it is not served"]);
    assert_eq!(ask(&mut host, set(true, &[("Device.Nowhere.", &["!Name=x"])])), [""; 0]);
}

#[test]
fn commands_that_change_the_device_are_told() {
    let mut host = device();
    host.change(ROW, "AssignedRole", &list(&[9]));
    told(&mut host);
    host.ask(operate(
        "Device.LocalAgent.ControllerTrust.ChallengeResponse()",
        "",
        true,
        &[("ChallengeID", "x"), ("Value", "c2VjcmV0")],
    ));
    host.ask(operate("Device.Info.Scan()", "", true, &[]));
    assert_eq!(told(&mut host), [format!("{ONE} run Device.LocalAgent.ControllerTrust.ChallengeResponse()")]);
}

/// Whoever says that it is somebody else is told of, and does not flood the log.
#[test]
fn impostors_are_told_in_measure() {
    let mut host = device();
    let lie = |host: &mut Host| {
        assert_eq!(host.ask_as(1, TWO, get(&["Device."], 0)), "-");
        told(host)
    };
    assert_eq!(lie(&mut host), [format!("{TWO} not-believed Record the connection is another controller's")]);
    let lines: usize = (0..39).map(|_| lie(&mut host).len()).sum();
    assert_eq!(lines, 31);
    host.pass(Duration::from_secs(60));
    let line = format!("{TWO} not-believed Record the connection is another controller's; and 8 more before");
    assert_eq!(lie(&mut host), [line]);
    assert_eq!(Deed::FirstUse.name(), "first-use");
}
