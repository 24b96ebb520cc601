//! Operate: which commands a path names, and their arguments.

use dm::operation::Operate;
use dm::tree::Requester;
use requirement::requirement;

use super::tree;

fn call(command: &str, args: &[(&str, &str)]) -> String {
    let args = args.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let operate = Operate { command: command.to_owned(), args, ..Operate::default() };
    match tree().commands(&operate, &Requester::full()) {
        Err(fault) => format!("Error {}", fault.code),
        Ok(calls) => {
            let show = |(path, verdict): &(String, Result<dm::tree::CommandCall, dm::Fault>)| match verdict {
                Ok(call) => format!("{path} {:?}", call.args),
                Err(fault) => format!("{path} failed {}", fault.code),
            };
            calls.iter().map(show).collect::<Vec<_>>().join("; ")
        }
    }
}

#[test]
#[requirement("R-OPR.5", "R-OPR.6")]
fn arguments_are_checked_and_unknown_ones_ignored() {
    for (args, expected) in [
        (&[][..], "Device.Ping() failed 7027"),
        (&[("Host", "a")], "Device.Ping() [(\"Host\", \"a\")]"),
        (&[("Host", "a"), ("Colour", "red")], "Device.Ping() [(\"Host\", \"a\")]"),
        (&[("Host", "a"), ("Count", "11")], "Device.Ping() failed 7027"),
        (&[("Host", "a"), ("Count", "x")], "Device.Ping() failed 7027"),
    ] {
        assert_eq!(call("Device.Ping()", args), expected, "{args:?}");
    }
}

#[test]
fn a_search_makes_one_call_per_object() {
    assert_eq!(
        call("Device.Net.Interface.*.Reset()", &[]),
        "Device.Net.Interface.1.Reset() []; Device.Net.Interface.3.Reset() []"
    );
    assert_eq!(call("Device.Net.Interface.[Mtu==1].Reset()", &[]), "");
}

#[test]
fn paths_that_name_no_command_are_errors_of_the_message() {
    for (path, expected) in [
        ("Device.Info.Name", "Error 7026"),
        ("Device.Nope()", "Error 7026"),
        ("Device.Net.Interface.2.Reset()", "Error 7016"),
        ("Device.(", "Error 7008"),
    ] {
        assert_eq!(call(path, &[]), expected, "{path}");
    }
}
