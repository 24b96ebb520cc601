//! What needs a second controller, or somebody at the device.

use std::time::Duration;

use usp_endpoint::agent::consent::Guard;
use usp_endpoint::agent::io::Input;

use super::super::commands::operate;
use super::super::host::{Host, ONE, TWO};
use super::super::writes::{add, delete, set};
use super::{ALL, READ, ROLE, device, list};

const SCAN: &str = "Device.Info.Scan()";

fn guard(targets: &[&str], role: Option<&str>, local: bool) -> Guard {
    Guard {
        targets: targets.iter().map(|target| (*target).to_owned()).collect(),
        role: role.map(str::to_owned),
        local,
        window: Duration::from_secs(600),
    }
}

/// Both may do everything; [`TWO`] has the role `role 9`, a third only reads.
fn guarded(guards: Vec<Guard>) -> Host {
    let mut host = device(&[&[(0, "Device.", ALL)], &[(0, "Device.", READ)]], &[1]);
    host.machine = host.machine.with_guards(guards);
    let three = [
        ("Alias", "three"),
        ("EndpointID", "self::three"),
        ("Enable", "true"),
        ("OnBoardingComplete", "true"),
        ("AssignedRole", &list(&[1])),
    ];
    host.fill("Device.LocalAgent.Controller.3.", &three);
    super::start(&mut host);
    host.link(3, "self::three");
    host
}

fn scan(host: &mut Host, link: u64) -> bool {
    let from = [ONE, TWO, "self::three"][usize::try_from(link).expect("small") - 1];
    let before = host.runs.len();
    let answer = host.ask_as(link, from, operate(SCAN, &host.runs.len().to_string(), true, &[]));
    let ran = host.runs.len() > before;
    assert_eq!(answer == format!("{SCAN} => 7006"), !ran, "{answer}");
    ran
}

#[test]
fn a_second_controller_consents_by_asking_for_the_same() {
    // Who asks, in order, and whether the command runs; then whether it is all begun anew.
    for (askers, expected) in [
        (&[1, 2][..], &[false, true][..]),
        (&[2, 1], &[false, true]),
        // The same one twice is one; and so are two without the role.
        (&[1, 1, 1], &[false, false, false]),
        (&[2, 2], &[false, false]),
        (&[1, 3, 1], &[false, false, false]),
        (&[1, 3, 2], &[false, false, true]),
        // Consent is used up.
        (&[1, 2, 2, 1, 1], &[false, true, false, true, false]),
    ] {
        let mut host = guarded(vec![guard(&[SCAN], Some("role 9"), false)]);
        let ran: Vec<bool> = askers.iter().map(|asker| scan(&mut host, *asker)).collect();
        assert_eq!(ran, expected, "{askers:?}");
    }
}

#[test]
fn consent_comes_in_time_and_from_a_role_that_counts() {
    let mut host = guarded(vec![guard(&[SCAN], Some("role 9"), false)]);
    assert!(!scan(&mut host, 1));
    host.pass(Duration::from_secs(600));
    assert!(!scan(&mut host, 2));
    host.change(&format!("{ROLE}9."), "Name", "other");
    assert!(!scan(&mut host, 1));
    // Nobody at the device is asked here.
    host.input(Input::Consent(String::new()));
    assert!(!scan(&mut host, 1));
}

#[test]
fn somebody_at_the_device_consents() {
    let mut host = guarded(vec![guard(&[SCAN], None, true)]);
    host.input(Input::Consent(String::new()));
    assert!(!scan(&mut host, 1), "nothing waited");
    assert!(!scan(&mut host, 2), "no controller can");
    host.input(Input::Consent(String::new()));
    assert!(scan(&mut host, 1));
    assert!(!scan(&mut host, 1));
    host.pass(Duration::from_secs(600));
    host.input(Input::Consent(String::new()));
    assert!(!scan(&mut host, 1), "too late");
}

/// The same command with other arguments is another request.
#[test]
fn consent_is_to_the_arguments_too() {
    let mut host = guarded(vec![guard(&["Device.Info."], Some("role 9"), false)]);
    let mut probe = |link, from, target| {
        let before = host.runs.len();
        host.ask_as(link, from, operate("Device.Info.Probe()", "", true, &[("Host", target)]));
        host.runs.len() > before
    };
    let ran = [probe(1, ONE, "here"), probe(2, TWO, "there"), probe(2, TWO, "here"), probe(1, ONE, "there")];
    assert_eq!(ran, [false, false, true, true]);
}

#[test]
fn writes_are_guarded_by_what_they_change() {
    let values: &[&str] = &["!Name=x", "Alias=x"];
    let name = |value: &str| set(true, &[("Device.Info.", &[&format!("!Name={value}")])]);
    for (target, request, other) in [
        ("Device.Info.", name("x"), Some(name("y"))),
        ("Device.Info.Name", name("x"), None),
        (ROLE, add(true, &[(ROLE, values)]), None),
        ("Device.LocalAgent.ControllerTrust.", delete(true, &[&format!("{ROLE}2.")]), None),
        // A search finds it as well.
        ("Device.Net.Interface.{i}.Mtu", set(true, &[("Device.Net.Interface.*.", &["!Mtu=1300"])]), None),
    ] {
        let mut host = guarded(vec![guard(&[target], Some("role 9"), false)]);
        assert_eq!(host.ask(request.clone()), "Error 7006", "{target}");
        if let Some(other) = other {
            assert_eq!(host.ask_as(2, TWO, other), "Error 7006", "it is another request");
        }
        let answer = host.ask_as(2, TWO, request);
        assert!(!answer.contains("70"), "{target}: {answer}");
    }
    let mut host = guarded(vec![guard(&["Device.Info.Key", "Device.Net."], Some("role 9"), false)]);
    assert_eq!(host.ask(name("x")), "Device.Info. => Device.Info.[Name=x]");
}

/// Two guards of one request: neither is content with half of it.
#[test]
fn each_guard_has_to_be_content() {
    let guards = vec![guard(&[SCAN], Some("role 9"), false), guard(&["Device.Info."], None, true)];
    let mut host = guarded(guards);
    assert!(!scan(&mut host, 1));
    assert!(!scan(&mut host, 2));
    host.input(Input::Consent(String::new()));
    assert!(!scan(&mut host, 1), "a second controller is missing");
    assert!(scan(&mut host, 2));
}

/// Whoever fills the list loses the oldest, and nobody's consent is made of it.
#[test]
fn few_requests_wait() {
    let mut host = guarded(vec![guard(&["Device.Info."], Some("role 9"), false)]);
    let name = |value: usize| set(true, &[("Device.Info.", &[&format!("!Name={value}")])]);
    for value in 0..=16 {
        assert_eq!(host.ask(name(value)), "Error 7006");
    }
    assert_eq!(host.ask_as(2, TWO, name(0)), "Error 7006");
    assert_eq!(host.ask_as(2, TWO, name(16)), "Device.Info. => Device.Info.[Name=16]");
}

/// The name of the request that was refused last, as the log says it.
fn named(host: &Host) -> String {
    let notice = host.noticed.last().expect("somebody is asked");
    let (_, name) = notice.split_once("the request ").expect("it has a name");
    name[..32].to_owned()
}

#[test]
fn somebody_at_the_device_consents_to_what_is_named() {
    let mut host = guarded(vec![guard(&["Device.Info."], None, true)]);
    let ask = |host: &mut Host, value: &str| {
        host.ask(set(true, &[("Device.Info.", &[&format!("!Name={value}")])])) != "Error 7006"
    };
    assert!(!ask(&mut host, "wanted"));
    let wanted = named(&host);
    assert!(!ask(&mut host, "sneaked in"));
    assert_ne!(named(&host), wanted);
    // Two wait: without a name, nobody knows which is meant.
    host.input(Input::Consent(String::new()));
    assert!(!ask(&mut host, "wanted") && !ask(&mut host, "sneaked in"));
    host.input(Input::Consent(wanted[..8].to_owned()));
    assert!(!ask(&mut host, "wanted") && !ask(&mut host, "sneaked in"));
    host.input(Input::Consent(format!("yes: {wanted}\n")));
    assert!(!ask(&mut host, "sneaked in") && ask(&mut host, "wanted"));
}

/// Nobody makes itself a second controller: neither one that was not there when the first asked, nor by a new row, by
/// another identity or role of a row, or by whom CAs let in.
#[test]
fn a_second_controller_is_not_made_by_the_first() {
    let new: &[&str] = &["!EndpointID=self::new", "Alias=new"];
    let controller = "Device.LocalAgent.Controller.";
    let third = "Device.LocalAgent.Controller.3.";
    let role = format!("AssignedRole={}", list(&[9]));
    for (request, guarded_too) in [
        (add(true, &[(controller, new)]), true),
        (set(true, &[(third, &["!EndpointID=self::mine"])]), true),
        (set(true, &[(third, &["!Enable=false"])]), true),
        (set(true, &[(third, &[&role])]), true),
        (set(true, &[(&format!("{ROLE}9."), &["!Name=other"])]), true),
        (add(true, &[(ROLE, &["!Name=x", "Alias=x"])]), true),
        (set(true, &[(third, &["!PeriodicNotifInterval=60"])]), false),
        (delete(true, &[third]), false),
    ] {
        let mut host = guarded(vec![guard(&[SCAN], Some("role 9"), false)]);
        let answer = host.ask(request.clone());
        assert_eq!(answer == "Error 7006", guarded_too, "{answer}");
        if guarded_too {
            let answer = host.ask_as(2, TWO, request);
            assert_ne!(answer, "Error 7006", "two of them may");
        }
        // Where no other controller can consent, there is none to be made.
        let mut host = guarded(vec![guard(&[SCAN], None, true)]);
        assert_ne!(host.ask(add(true, &[(controller, new)])), "Error 7006");
    }
    // Somebody who comes later did not hear the first.
    let mut host = guarded(vec![guard(&[SCAN], Some("role 9"), false)]);
    host.change("Device.LocalAgent.Controller.2.", "Enable", "false");
    assert!(!scan(&mut host, 1));
    host.change("Device.LocalAgent.Controller.2.", "Enable", "true");
    host.link(2, TWO);
    assert!(!scan(&mut host, 2));
}
