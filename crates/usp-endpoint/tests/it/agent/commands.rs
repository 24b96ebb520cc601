//! Operate.

use dm::operation::Operate;
use dm::{Code, Fault, Operation};
use requirement::requirement;
use usp_endpoint::agent::io::Input;
use usp_endpoint::limits::MAX_RUNNING_COMMANDS;

use super::host::{Host, ONE, TWO};

pub(crate) fn operate(command: &str, key: &str, send_resp: bool, args: &[(&str, &str)]) -> Operation {
    Operation::Operate(Operate {
        command: command.to_owned(),
        command_key: key.to_owned(),
        send_resp,
        args: args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    })
}

/// Ends the oldest command that runs.
fn end(host: &mut Host, result: Result<&[(&str, &str)], u32>) {
    let (ticket, _, _) = host.runs.remove(0);
    let result = result
        .map(|args| args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        .map_err(|code| Fault::new(Code(code), "failed"));
    host.input(Input::CommandEnded { ticket, result });
}

const REQUESTS: &str = "Device.LocalAgent.Request.";

#[test]
#[requirement("R-OPR.1", "R-OPR.5", "R-OPR.6")]
fn a_synchronous_command_is_answered_when_it_ends() {
    let mut host = Host::running();
    assert_eq!(host.ask(operate("Device.Info.Ping()", "k", true, &[("Host", "a"), ("Colour", "red")])), "-");
    let (_, key, call) = &host.runs[0];
    assert_eq!((key.as_str(), call.args.as_slice()), ("k", &[("Host".to_owned(), "a".to_owned())][..]));
    end(&mut host, Ok(&[("Time", "3")]));
    assert_eq!(host.answer("q1"), "Device.Info.Ping() => [Time=3]");
    host.ask(operate("Device.Info.Ping()", "k", true, &[("Host", "a")]));
    end(&mut host, Err(7022));
    assert_eq!(host.answer("q2"), "Device.Info.Ping() => 7022");
    assert_eq!(host.ask(operate("Device.Info.Ping()", "k", true, &[])), "Device.Info.Ping() => 7027");
    assert_eq!(host.rows(REQUESTS), [0; 0], "only asynchronous commands have rows");
}

/// The model's defaults stand in for what was left out; what has none stays away.
#[test]
#[requirement("R-OPR.5", "R-OPR.7")]
fn left_out_arguments_have_their_defaults() {
    for (given, expected) in [
        (&[("Host", "a")][..], "Count=3 Host=a Name="),
        (&[("Host", "a"), ("Count", "0"), ("Port", "7")], "Count=0 Host=a Name= Port=7"),
        (
            &[("Host", "a"), ("Window.1.Start", "5"), ("Window.2.Mode", "x"), ("Window.2.Start", "9")],
            "Count=3 Host=a Name= Window.1.Mode=AnyTime Window.1.Start=5 Window.2.Mode=x Window.2.Start=9",
        ),
        // A default does not replace what must be given.
        (&[], "7027"),
    ] {
        let mut host = Host::running();
        let answer = host.ask(operate("Device.Info.Probe()", "", true, given));
        let shown = match host.runs.pop() {
            Some((_, _, call)) => {
                let mut args: Vec<String> =
                    call.args.iter().map(|(name, value)| format!("{name}={value}")).collect();
                args.sort_unstable();
                args.join(" ")
            }
            None => answer.replace("Device.Info.Probe() => ", ""),
        };
        assert_eq!(shown, expected, "{given:?}");
    }
}

#[test]
fn a_path_to_no_command_fails_as_a_message() {
    let mut host = Host::running();
    for (command, expected) in [
        ("Device.Info.Nothing()", "Error 7026"),
        ("Device.Info.Name", "Error 7026"),
        ("Device.Net.Interface.9.Reset()", "Error 7016"),
        ("Device.Net.Interface..Reset()", "Error 7008"),
        ("Device.Net.Interface.[Name==\"none\"].Reset()", "empty OperateResp"),
    ] {
        assert_eq!(host.ask(operate(command, "", true, &[])), expected, "{command}");
    }
}

#[test]
#[requirement("R-OPR.0", "R-OPR.2")]
fn asynchronous_commands_have_rows_until_they_complete() {
    let mut host = Host::new();
    host.subscribe(1, 1, "OperationComplete", "Device.Net.", &[]);
    host.subscribe(2, 2, "OperationComplete", "Device.Net.Interface.3.Reset()", &[]);
    host.start();
    host.link(1, ONE);
    host.link(2, TWO);
    assert_eq!(
        host.ask(operate("Device.Net.Interface.*.Reset()", "k", true, &[])),
        "Device.Net.Interface.1.Reset() => Device.LocalAgent.Request.1.; \
         Device.Net.Interface.3.Reset() => Device.LocalAgent.Request.2."
    );
    assert_eq!(host.rows(REQUESTS), [1, 2]);
    let row = "Device.LocalAgent.Request.2.";
    let values = ["Originator", "Command", "CommandKey", "Status"].map(|name| host.value(row, name));
    assert_eq!(values, [ONE, "Device.Net.Interface.3.Reset()", "k", "Active"]);
    host.news();
    end(&mut host, Ok(&[]));
    assert_eq!(host.news(), ["1 s1 Device.Net.Interface.1.Reset() k []"]);
    end(&mut host, Err(7022));
    assert_eq!(
        host.news(),
        ["1 s1 Device.Net.Interface.3.Reset() k 7022", "2 s2 Device.Net.Interface.3.Reset() k 7022"]
    );
    assert_eq!(host.rows(REQUESTS), [0; 0]);
}

#[test]
#[requirement("R-OPR.4")]
fn who_wants_no_response_hears_of_failures_only() {
    let mut host = Host::running();
    host.ask(operate("Device.Info.Ping()", "", false, &[("Host", "a")]));
    end(&mut host, Ok(&[]));
    assert_eq!(host.answer("q1"), "-");
    assert_eq!(host.ask(operate("Device.Info.Ping()", "", false, &[])), "Device.Info.Ping() => 7027");
    assert_eq!(host.ask(operate("Device.Info.Scan()", "", false, &[])), "-");
    assert_eq!(host.rows(REQUESTS), [1], "it runs like any other");
}

#[test]
#[requirement("R-OPR.3")]
fn what_runs_is_never_ended_for_something_else() {
    let mut host = Host::running();
    for n in 0..MAX_RUNNING_COMMANDS {
        let answer = host.ask(operate("Device.Info.Scan()", &n.to_string(), true, &[]));
        assert_eq!(answer, format!("Device.Info.Scan() => Device.LocalAgent.Request.{}.", n + 1));
    }
    assert_eq!(host.ask(operate("Device.Info.Scan()", "more", true, &[])), "Device.Info.Scan() => 7005");
    assert!(host.cancelled.is_empty());
    end(&mut host, Ok(&[]));
    assert_eq!(
        host.ask(operate("Device.Info.Scan()", "1", true, &[])),
        "Device.Info.Scan() => 7005",
        "one with the same originator, command and key runs"
    );
    assert_eq!(
        host.ask(operate("Device.Info.Scan()", "0", true, &[])),
        "Device.Info.Scan() => Device.LocalAgent.Request.33."
    );
}

#[test]
fn a_running_command_can_be_cancelled() {
    let mut host = Host::new();
    host.subscribe(1, 1, "OperationComplete", "Device.", &[]);
    host.start();
    host.link(1, ONE);
    let cancel = |row: u32| operate(&format!("Device.LocalAgent.Request.{row}.Cancel()"), "", true, &[]);
    host.ask(operate("Device.Info.Scan()", "k", true, &[]));
    assert_eq!(host.ask(cancel(1)), "Device.LocalAgent.Request.1.Cancel() => []");
    assert_eq!(host.cancelled, [host.runs[0].0]);
    assert_eq!(host.value("Device.LocalAgent.Request.1.", "Status"), "Canceling");
    host.news();
    end(&mut host, Err(7022));
    assert_eq!(host.news(), ["1 s1 Device.Info.Scan() k 7023"]);
    assert_eq!(host.ask(cancel(1)), "Error 7016");
}

/// Rows of commands do not outlive the commands.
#[test]
fn a_restart_forgets_commands() {
    let mut host = Host::running();
    host.ask(operate("Device.Info.Scan()", "k", true, &[]));
    let mut next = Host::with(host.tree.clone(), [8; 32]);
    next.start();
    assert_eq!(next.rows(REQUESTS), [0; 0]);
    assert_eq!(next.wrote.len(), 1);
}
