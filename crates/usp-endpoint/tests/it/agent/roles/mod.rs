//! Roles and permissions, through the messages of two controllers.

mod audit;
mod challenges;
mod consent;
mod requests;
mod tables;
mod targets;
mod told;
mod trust;

use super::host::{Host, MODEL, ONE, TWO};

const TRUST: &str = "\
Device.LocalAgent.ControllerTrust. object usp=2.0
Device.LocalAgent.ControllerTrust.BannedRole param usp=2.0 access=readWrite type=string ref=strong:row:Device.LocalAgent.ControllerTrust.Role.{i}.
Device.LocalAgent.ControllerTrust.SecuredRoles param usp=2.0 access=readWrite type=string list=0: ref=strong:row:Device.LocalAgent.ControllerTrust.Role.{i}.
Device.LocalAgent.ControllerTrust.UntrustedRole param usp=2.0 access=readWrite type=string list=0:1 ref=strong:row:Device.LocalAgent.ControllerTrust.Role.{i}.
Device.LocalAgent.ControllerTrust.ChallengeResponse() command usp=2.0
Device.LocalAgent.ControllerTrust.ChallengeResponse() in ChallengeID usp=2.0 mandatory type=string
Device.LocalAgent.ControllerTrust.ChallengeResponse() in Value usp=2.0 mandatory type=base64
Device.LocalAgent.ControllerTrust.RequestChallenge() command usp=2.0
Device.LocalAgent.ControllerTrust.RequestChallenge() in ChallengeRef usp=2.0 mandatory type=string
Device.LocalAgent.ControllerTrust.RequestChallenge() in RequestExpiration usp=2.0 type=int range=0: units=seconds
Device.LocalAgent.ControllerTrust.RequestChallenge() out ChallengeID usp=2.0 type=string
Device.LocalAgent.ControllerTrust.Challenge.{i}. object usp=2.0 access=readWrite entries=0: enable=Enable key=Alias
Device.LocalAgent.ControllerTrust.Challenge.{i}.Alias param usp=2.0 access=writeOnceReadOnly type=string size=0:64
Device.LocalAgent.ControllerTrust.Challenge.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.ControllerTrust.Challenge.{i}.Instruction param usp=2.0 access=readWrite type=base64
Device.LocalAgent.ControllerTrust.Challenge.{i}.InstructionType param usp=2.0 access=readWrite type=string
Device.LocalAgent.ControllerTrust.Challenge.{i}.LockoutPeriod param usp=2.0 access=readWrite type=int range=0: default=object:30
Device.LocalAgent.ControllerTrust.Challenge.{i}.Retries param usp=2.0 access=readWrite type=unsignedInt
Device.LocalAgent.ControllerTrust.Challenge.{i}.Role param usp=2.0 access=readWrite type=string list=0: ref=strong:row:Device.LocalAgent.ControllerTrust.Role.{i}.
Device.LocalAgent.ControllerTrust.Challenge.{i}.Type param usp=2.0 access=readWrite type=string
Device.LocalAgent.ControllerTrust.Challenge.{i}.Value param usp=2.0 access=readWrite secured type=base64
Device.LocalAgent.ControllerTrust.Challenge.{i}.ValueType param usp=2.0 access=readWrite type=string
Device.LocalAgent.ControllerTrust.Role.{i}. object usp=2.0 access=readWrite entries=0: enable=Enable functional=Name key=Alias
Device.LocalAgent.ControllerTrust.Role.{i}.Alias param usp=2.0 access=writeOnceReadOnly type=string size=0:64
Device.LocalAgent.ControllerTrust.Role.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.ControllerTrust.Role.{i}.Name param usp=2.0 access=readWrite type=string
Device.LocalAgent.ControllerTrust.Role.{i}.Permission.{i}. object usp=2.0 access=readWrite entries=0: enable=Enable functional=Order key=Alias
Device.LocalAgent.ControllerTrust.Role.{i}.Permission.{i}.Alias param usp=2.0 access=writeOnceReadOnly type=string size=0:64
Device.LocalAgent.ControllerTrust.Role.{i}.Permission.{i}.CommandEvent param usp=2.0 access=readWrite type=string size=4:4 default=object:----
Device.LocalAgent.ControllerTrust.Role.{i}.Permission.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.ControllerTrust.Role.{i}.Permission.{i}.InstantiatedObj param usp=2.0 access=readWrite type=string size=4:4 default=object:----
Device.LocalAgent.ControllerTrust.Role.{i}.Permission.{i}.Obj param usp=2.0 access=readWrite type=string size=4:4 default=object:----
Device.LocalAgent.ControllerTrust.Role.{i}.Permission.{i}.Order param usp=2.0 access=readWrite type=unsignedInt default=object:0
Device.LocalAgent.ControllerTrust.Role.{i}.Permission.{i}.Param param usp=2.0 access=readWrite type=string size=4:4 default=object:----
Device.LocalAgent.ControllerTrust.Role.{i}.Permission.{i}.Targets param usp=2.0 access=readWrite type=string list=0:
";

const ASSIGNED: &str = "\
Device.LocalAgent.Controller.{i}.AssignedRole param usp=2.0 access=readWrite type=string list=0: ref=strong:row:Device.LocalAgent.ControllerTrust.Role.{i}.
";

const INHERITED: &str = "\
Device.LocalAgent.Controller.{i}.InheritedRole param usp=2.0 access=readOnly type=string list=0: ref=strong:row:Device.LocalAgent.ControllerTrust.Role.{i}.
";

const ROLE: &str = "Device.LocalAgent.ControllerTrust.Role.";
const TRUST_OBJECT: &str = "Device.LocalAgent.ControllerTrust.";

/// Param, Obj, InstantiatedObj, CommandEvent.
type Strings = [&'static str; 4];
/// Order, Targets, and what they permit.
type Permission = (u32, &'static str, Strings);

const ALL: Strings = ["rwxn"; 4];
const READ: Strings = ["r---"; 4];
const NONE: Strings = ["----"; 4];

/// The row of a role that may do everything, which [`TWO`] has.
const FULL: u32 = 9;

/// A device before its start, whose first roles have these permissions. [`ONE`] has those numbered.
fn device(roles: &[&[Permission]], one: &[u32]) -> Host {
    device_with(&[], roles, one)
}

/// The same with more of the model: what stands before what.
fn device_with(more: &[(&str, &str)], roles: &[&[Permission]], one: &[u32]) -> Host {
    let mut text = MODEL.to_owned();
    let usual = [
        ("Device.LocalAgent.Controller.{i}.Enable param", ASSIGNED),
        ("Device.LocalAgent.Controller.{i}.OnBoardingComplete param", INHERITED),
        ("Device.LocalAgent.Request.{i}. object", TRUST),
    ];
    for (before, more) in usual.iter().chain(more) {
        text.insert_str(text.find(before).expect("it is in the model"), more);
    }
    let mut host = Host::of(&text);
    for (number, permissions) in (1..).zip(roles) {
        role(&mut host, number, permissions);
    }
    role(&mut host, FULL, &[(0, "Device.", ALL)]);
    give(&mut host, 1, one);
    give(&mut host, 2, &[FULL]);
    host
}

/// The same, started and connected as [`Host::running`].
fn running(roles: &[&[Permission]], one: &[u32]) -> Host {
    let mut host = device(roles, one);
    start(&mut host);
    host
}

fn start(host: &mut Host) {
    host.start();
    host.link(1, ONE);
    host.link(2, TWO);
    host.log.clear();
}

fn role(host: &mut Host, number: u32, permissions: &[Permission]) {
    let name = format!("role {number}");
    let path = format!("{ROLE}{number}.");
    host.fill(&path, &[("Alias", &name), ("Name", &name), ("Enable", "true")]);
    for (row, (order, targets, [param, obj, instantiated, command])) in (1..).zip(permissions) {
        let values = [
            ("Alias", format!("p{row}")),
            ("Enable", "true".to_owned()),
            ("Order", order.to_string()),
            ("Targets", (*targets).to_owned()),
            ("Param", (*param).to_owned()),
            ("Obj", (*obj).to_owned()),
            ("InstantiatedObj", (*instantiated).to_owned()),
            ("CommandEvent", (*command).to_owned()),
        ];
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        host.fill(&format!("{path}Permission.{row}."), &values);
    }
}

/// Assigns roles to a row of the Controller table, behind the machine's back.
fn give(host: &mut Host, controller: u32, roles: &[u32]) {
    host.fill_more(&format!("Device.LocalAgent.Controller.{controller}."), "AssignedRole", &list(roles));
}

/// References to roles.
fn list(roles: &[u32]) -> String {
    let roles: Vec<String> =
        roles.iter().map(|role| format!("Device.LocalAgent.ControllerTrust.Role.{role}")).collect();
    roles.join(",")
}
