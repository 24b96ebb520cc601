//! Challenges: who answers one gets its role.

use std::time::Duration;

use requirement::requirement;

use super::super::commands::operate;
use super::super::host::{Host, ONE, TWO};
use super::super::reads::get;
use super::{ALL, Permission, READ, TRUST_OBJECT, device, list, start};

const ROW: &str = "Device.LocalAgent.Controller.1.";
const CHALLENGE: &str = "Device.LocalAgent.ControllerTrust.Challenge.";

const UNTRUSTED: Permission = (
    0,
    "Device.LocalAgent.ControllerTrust.RequestChallenge(),Device.LocalAgent.ControllerTrust.ChallengeResponse()",
    ["----", "----", "----", "r-x-"],
);

/// `b3BlbiBzZXNhbWU=` opens challenge 1 for role 2; challenge 2 leads to role 3. [`ONE`] is untrusted.
fn challenged() -> Host {
    let mut host = device(&[&[UNTRUSTED], &[(0, "Device.Info.", READ)], &[(0, "Device.Net.", ALL)]], &[1]);
    host.fill_more(TRUST_OBJECT, "UntrustedRole", &list(&[1]));
    for (row, role, value) in [("1", 2, "b3BlbiBzZXNhbWU="), ("2", 3, "")] {
        let values = [
            ("Alias", row),
            ("Enable", "true"),
            ("Type", "Passphrase"),
            ("Role", &list(&[role])),
            ("Value", value),
            ("ValueType", "text/plain"),
            ("Instruction", "bG9vayBiZWxvdw=="),
            ("InstructionType", "text/plain"),
            ("Retries", "3"),
            ("LockoutPeriod", "60"),
        ];
        host.fill(&format!("{CHALLENGE}{row}."), &values);
    }
    start(&mut host);
    host
}

const REQUEST: &str = "Device.LocalAgent.ControllerTrust.RequestChallenge()";
const RESPONSE: &str = "Device.LocalAgent.ControllerTrust.ChallengeResponse()";
const RIGHT: &str = "b3BlbiBzZXNhbWU=";
const WRONG: &str = "b3BlbiBzZXNhbWE=";

fn request(host: &mut Host, (link, from): (u64, &str), row: u32, expiration: &str) -> String {
    let reference = format!("{CHALLENGE}{row}");
    let args = [("ChallengeRef", reference.as_str()), ("RequestExpiration", expiration)];
    host.ask_as(link, from, operate(REQUEST, "", true, &args))
}

/// The id of a challenge that was granted.
fn id(answer: &str) -> String {
    let rest = answer.strip_prefix("Device.LocalAgent.ControllerTrust.RequestChallenge() => [ChallengeID=");
    rest.and_then(|rest| rest.split(',').next()).unwrap_or(answer).to_owned()
}

/// What an answer comes to: `[]`, or a code.
fn respond(host: &mut Host, (link, from): (u64, &str), id: &str, value: &str) -> String {
    let args = [("ChallengeID", id), ("Value", value)];
    let answer = host.ask_as(link, from, operate(RESPONSE, "", true, &args));
    answer.strip_prefix(&format!("{RESPONSE} => ")).unwrap_or(&answer).to_owned()
}

const FIRST: (u64, &str) = (1, ONE);
const SECOND: (u64, &str) = (2, TWO);

#[test]
#[requirement("R-SEC.7")]
fn the_right_answer_gives_the_role() {
    let mut host = challenged();
    let name = |host: &mut Host| host.ask(get(&["Device.Info.Name"], 0));
    assert_eq!(name(&mut host), "Device.Info.Name => 7026");
    let answer = request(&mut host, FIRST, 1, "900");
    let id = id(&answer);
    assert_eq!(id.len(), 32, "{answer}");
    let rest = "Instruction=bG9vayBiZWxvdw==,InstructionType=text/plain,ValueType=text/plain]";
    assert!(answer.ends_with(rest), "{answer}");
    assert_eq!(respond(&mut host, FIRST, &id, WRONG), "7022");
    assert_eq!(name(&mut host), "Device.Info.Name => 7026");
    assert_eq!(respond(&mut host, FIRST, &id, RIGHT), "[]");
    // In the place of the UntrustedRole, at once, and told to the host to keep.
    assert_eq!(host.value(ROW, "AssignedRole"), list(&[2]));
    assert_eq!(name(&mut host), "Device.Info.Name => Device.Info.[Name=cusp]");
    assert_eq!(host.wrote.len(), 1);
    // Its permissions are those of the new role alone.
    assert_eq!(respond(&mut host, FIRST, &id, RIGHT), "7006");
    // Whoever has another role gets this one besides, once.
    for _ in 0..2 {
        let answer = request(&mut host, SECOND, 1, "900");
        assert_eq!(respond(&mut host, SECOND, &self::id(&answer), RIGHT), "[]");
    }
    assert_eq!(host.value("Device.LocalAgent.Controller.2.", "AssignedRole"), list(&[9, 2]));
}

#[test]
fn one_challenge_waits_at_a_time_and_for_its_own_answer() {
    let mut host = challenged();
    let first = id(&request(&mut host, FIRST, 1, "100"));
    assert_eq!(request(&mut host, FIRST, 2, "100"), format!("{REQUEST} => 7002"));
    assert_eq!(request(&mut host, FIRST, 3, "100"), format!("{REQUEST} => 7012"));
    // Of another controller, or of nobody.
    assert_eq!(respond(&mut host, SECOND, &first, RIGHT), "7004");
    assert_eq!(respond(&mut host, FIRST, "0", RIGHT), "7004");
    // The same again has another id.
    let second = id(&request(&mut host, FIRST, 1, "100"));
    assert_ne!(first, second);
    assert_eq!(respond(&mut host, FIRST, &first, RIGHT), "7004");
    // It expires, and makes room for another.
    host.pass(Duration::from_secs(100));
    assert_eq!(respond(&mut host, FIRST, &second, RIGHT), "7004");
    let other = id(&request(&mut host, FIRST, 2, "0"));
    // Nothing answers a challenge without a value; without an expiration it waits.
    host.pass(Duration::from_secs(1_000_000));
    assert_eq!(respond(&mut host, FIRST, &other, ""), "7022");
    host.change(&format!("{CHALLENGE}2."), "Enable", "false");
    assert_eq!(respond(&mut host, FIRST, &other, RIGHT), "7004");
}

/// Three tries, whoever makes them; then a minute of none.
#[test]
#[requirement("R-SEC.16", "R-SEC.17")]
fn wrong_answers_lock_a_challenge_for_everybody() {
    let mut host = challenged();
    let first = id(&request(&mut host, FIRST, 1, "900"));
    let second = id(&request(&mut host, SECOND, 1, "900"));
    assert_eq!(respond(&mut host, FIRST, &first, WRONG), "7022");
    assert_eq!(respond(&mut host, SECOND, &second, WRONG), "7022");
    assert_eq!(respond(&mut host, FIRST, &first, WRONG), "7022");
    assert_eq!(respond(&mut host, FIRST, &first, RIGHT), "7004");
    assert_eq!(respond(&mut host, SECOND, &second, RIGHT), "7004");
    host.pass(Duration::from_secs(59));
    assert_eq!(request(&mut host, SECOND, 1, "900"), format!("{REQUEST} => 7002"));
    host.pass(Duration::from_secs(1));
    // Counted from nothing again; a success counts from nothing too.
    for end in [RIGHT, WRONG] {
        let id = id(&request(&mut host, SECOND, 1, "900"));
        for value in [WRONG, WRONG, end] {
            let expected = if value == RIGHT { "[]" } else { "7022" };
            assert_eq!(respond(&mut host, SECOND, &id, value), expected);
        }
    }
    assert_eq!(request(&mut host, SECOND, 1, "900"), format!("{REQUEST} => 7002"));
}
