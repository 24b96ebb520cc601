//! `AddCertificate()`, `AddMyCertificate()`, `Delete()`, `GetFingerprint()`.

use usp_endpoint::agent::io::CloseReason;

use super::super::super::commands::operate;
use super::super::super::host::{Host, ONE, TWO};
use super::super::super::reads::get;
use super::super::super::writes::set;
use super::super::ALL;
use super::*;

const ADD: &str = "Device.LocalAgent.AddCertificate()";
const MINE: &str = "Device.LocalAgent.Controller.1.AddMyCertificate()";

/// [`ONE`] may do everything, and showed this.
fn device(peer: PeerAuth) -> Host {
    let mut host = trusting(&[&[(0, "Device.", ALL)]], &[1]);
    certificate(&mut host, 1, ROOT);
    host.start();
    host.link_as(1, ONE, peer);
    host.link(2, TWO);
    host.news();
    host
}

fn call(host: &mut Host, command: &str, args: &[(&str, &str)]) -> String {
    host.ask(operate(command, "", true, args))
}

fn rows(host: &Host) -> Vec<u32> {
    host.rows(CERTIFICATE)
}

#[test]
fn certificates_are_added_once() {
    let mut host = device(PeerAuth::Unproven);
    let pem = format!("PEM {OTHER}");
    assert_eq!(call(&mut host, ADD, &[("Alias", "mine"), ("Certificate", &pem)]), format!("{ADD} => []"));
    let row = format!("{CERTIFICATE}2.");
    for (param, value) in [
        ("Alias", "mine"),
        ("Enable", "true"),
        ("SerialNumber", "other"),
        ("Issuer", "other"),
        ("X_CUSP_Certificate", &pem),
    ] {
        assert_eq!(host.value(&row, param), value, "{param}");
    }
    assert_eq!(host.wrote.len(), 1, "it is kept");
    for (alias, certificate, code) in [
        ("another", &*pem, 7022),
        ("mine", "PEM third|third||", 7022),
        ("", "third|third||", 7027),
        ("", "PEM third", 7027),
    ] {
        let answer = call(&mut host, ADD, &[("Alias", alias), ("Certificate", certificate)]);
        assert_eq!(answer, format!("{ADD} => {code}"), "{alias} {certificate}");
    }
    assert_eq!(rows(&host), [1, 2]);
    // Nobody is trusted by it yet.
    host.link_as(3, ONE, shown(&["one|other|self::one|"], false));
    assert_eq!(host.ask_as(3, ONE, get(&["Device.Info.Name"], 0)), "-");
}

#[test]
fn there_is_an_end_to_them() {
    let mut host = device(PeerAuth::Unproven);
    for number in 2..=64 {
        let pem = format!("PEM c{number}|c||");
        assert_eq!(call(&mut host, ADD, &[("Certificate", &pem)]), format!("{ADD} => []"), "{number}");
    }
    assert_eq!(call(&mut host, ADD, &[("Certificate", "PEM last|c||")]), format!("{ADD} => 7005"));
    let long = format!("PEM {}|c||", "x".repeat(16 * 1024));
    let mut host = device(PeerAuth::Unproven);
    assert_eq!(call(&mut host, ADD, &[("Certificate", &long)]), format!("{ADD} => 7005"));
}

#[test]
fn a_controller_adds_certificates_for_itself() {
    let mut host = device(PeerAuth::Unproven);
    for (certificate, code) in [
        ("PEM new|new|self::two|", "7027"),
        ("PEM new|new||", "7027"),
        ("PEM new|new|self::one|ca", "7027"),
        ("PEM new|new|self::one|", "[]"),
        ("PEM new|new|self::one|", "7022"),
    ] {
        let answer = call(&mut host, MINE, &[("Certificate", certificate)]);
        assert_eq!(answer, format!("{MINE} => {code}"), "{certificate}");
    }
    assert_eq!(host.value(ROW, "Credential"), "Device.LocalAgent.Certificate.2");
    // TR-181: nobody else may, whatever its permissions.
    let args = [("Certificate", "PEM third|third|self::one|")];
    let answer = host.ask_as(2, TWO, operate(MINE, "", true, &args));
    assert_eq!(answer, format!("{MINE} => 7006"));
    // It is good from now on.
    host.link_as(3, ONE, shown(&["new|new|self::one|"], false));
    assert_eq!(
        host.ask_as(3, ONE, get(&["Device.Info.Name"], 0)),
        "Device.Info.Name => Device.Info.[Name=cusp]"
    );
}

/// With the first certificate in the tables, CAs of the system count no longer: who was let in by one keeps what it
/// has.
#[test]
fn nobody_locks_itself_out_with_its_next_certificate() {
    let mut host = device(shown(&["web|web|self::one|"], true));
    assert_eq!(call(&mut host, MINE, &[("Certificate", "PEM new|new|self::one|")]), format!("{MINE} => []"));
    assert_eq!(
        host.value(ROW, "Credential"),
        "Device.LocalAgent.Certificate.2,Device.LocalAgent.Certificate.3"
    );
    assert_eq!(host.value(&format!("{CERTIFICATE}3."), "X_CUSP_Certificate"), "PEM web|web|self::one|");
    assert_eq!(host.closed, []);
    host.link_as(3, ONE, shown(&["stranger|web|self::one|"], true));
    assert_eq!(host.closed.last(), Some(&(3, CloseReason::Untrusted)));
}

#[test]
fn a_certificate_goes_with_what_refers_to_it() {
    let mut host = trusting(&[&[(0, "Device.", ALL)]], &[1]);
    certificate(&mut host, 1, ROOT);
    certificate(&mut host, 2, OTHER);
    credential(&mut host, 1, "MTP-and-USP", &[]);
    let both = "Device.LocalAgent.Certificate.1,Device.LocalAgent.Certificate.2";
    host.fill_more(ROW, "Credential", both);
    host.start();
    host.link_as(1, ONE, shown(&[LEAF], true));
    host.link(2, TWO);
    let delete = format!("{CERTIFICATE}1.Delete()");
    // Its own way in: it is answered, then cut off.
    assert_eq!(call(&mut host, &delete, &[]), format!("{delete} => []"));
    assert_eq!(host.closed, [(1, CloseReason::Untrusted)]);
    assert_eq!(rows(&host), [2]);
    assert_eq!(host.value(ROW, "Credential"), "Device.LocalAgent.Certificate.2");
    assert_eq!(host.value(&format!("{CREDENTIAL}1."), "Credential"), "");
}

/// What lets somebody in with a role that sees secured values is for controllers that see them.
#[test]
fn who_does_not_see_secured_values_lets_nobody_in_who_does() {
    let (row, two) = (format!("{CREDENTIAL}1."), "Device.LocalAgent.Controller.2.");
    let other = format!("{CERTIFICATE}2");
    let pin = "00".repeat(32);
    // TWO has role 9, and the row gives it.
    let cases = [
        (&*row, format!("Role={}", list(&[9]))),
        (&*row, format!("Credential={other}")),
        (&*row, "AllowedUses=MTP-only".to_owned()),
        (&*row, "Enable=false".to_owned()),
        (two, format!("Credential={other}")),
        (two, format!("X_CUSP_Pin={pin}")),
        (two, "EndpointID=self::three".to_owned()),
        // The certificate that the row refers to, and one that a controller with that role has.
        (&format!("{CERTIFICATE}1."), "Enable=true".to_owned()),
        (&format!("{CERTIFICATE}3."), "Enable=true".to_owned()),
    ];
    for (secured, refused) in [(&[9][..], true), (&[1, 9], false)] {
        for (path, setting) in &cases {
            let mut host = trusting(&[&[(0, "Device.", ALL)]], &[1]);
            certificate(&mut host, 1, ROOT);
            certificate(&mut host, 2, OTHER);
            certificate(&mut host, 3, SELF);
            host.fill_more(two, "Credential", &format!("{CERTIFICATE}3"));
            credential(&mut host, 1, "MTP-and-USP", &[9]);
            host.fill_more(TRUST_OBJECT, "SecuredRoles", &list(secured));
            host.start();
            host.link(1, ONE);
            let answer = host.ask(set(true, &[(path, &[&format!("!{setting}")])]));
            assert_eq!(answer.contains("7006"), refused, "{path} {setting}: {answer}");
            // What nothing refers to lets nobody in.
            let unused = format!("{CERTIFICATE}2.");
            let answer = host.ask(set(true, &[(&unused, &["!Enable=false"])]));
            assert!(!answer.contains("7006"), "{answer}");
            // Its own way in is its own business.
            let own = format!("X_CUSP_Pin={pin}");
            let answer = host.ask(set(true, &[(ROW, &[&format!("!{own}")])]));
            assert!(!answer.contains("7006"), "{answer}");
        }
    }
}

#[test]
fn fingerprints_are_told() {
    let mut host = device(PeerAuth::Unproven);
    let command = format!("{CERTIFICATE}1.GetFingerprint()");
    for (algorithm, expected) in [("SHA-256", "[Fingerprint=0D]"), ("MD5", "7027")] {
        let answer = call(&mut host, &command, &[("FingerprintAlgorithm", algorithm)]);
        assert_eq!(answer, format!("{command} => {expected}"));
    }
}
