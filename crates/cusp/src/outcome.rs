//! What came of an operation, in words: partial success is shown at every level.

use std::time::Duration;

use serde_json::Value;

use crate::client::Failure;
use crate::output::{Output, list, pairs, text};
use crate::table::{Table, clean};

/// Prints the outcome of a job.
pub(crate) fn print(out: &mut Output, job: &Value) -> Result<(), Failure> {
    let outcome = job.get("outcome").unwrap_or(&Value::Null);
    if let Some(failed) = outcome.get("failed") {
        // `verdict` tells it on standard error.
        return if failed.is_null() { Ok(()) } else { faults(out, failed) };
    }
    if found_nothing(outcome) {
        return out.line("nothing matched");
    }
    let table = match text(outcome, "kind") {
        "get" => values(outcome),
        "instances" => instances(outcome),
        "schema" => schema(outcome),
        "set" => set(outcome),
        "add" => add(outcome),
        "delete" => deleted(outcome),
        "operate" => operated(outcome),
        _ => return out.line(&clean(&format!("job {}: {}", text(job, "id"), text(job, "state")))),
    };
    out.table(&table)
}

/// Whether a write by a search or a wildcard changed nothing, because nothing is there.
fn found_nothing(outcome: &Value) -> bool {
    let empty = |lists: &[&str]| {
        let touched = |result: &Value| {
            error(result).is_some() || lists.iter().any(|name| !list(result, name).is_empty())
        };
        !results(outcome).iter().any(touched)
    };
    match text(outcome, "kind") {
        "set" => empty(&["updated", "failures"]),
        "delete" => empty(&["affected", "unaffected"]),
        _ => false,
    }
}

/// Whether the operation did what was asked, as the command's own end.
pub(crate) fn verdict(job: &Value, waited: Duration) -> Result<(), Failure> {
    let id = text(job, "id");
    let failed = job.get("outcome").and_then(|outcome| outcome.get("failed"));
    let error = failed.or_else(|| job.get("error")).filter(|error| !error.is_null());
    let state = text(job, "state");
    match state {
        "done" | "accepted" => Ok(()),
        "queued" | "sent" if waited.is_zero() => Ok(()),
        "queued" | "sent" => {
            Err(Failure::new(format!("the device has not answered within {}s", waited.as_secs())).with(
                format!("the operation goes on: `cusp job {id}` shows it, `cusp job {id} --cancel` ends it"),
            ))
        }
        "partial" => Err(Failure::new("only a part was done; the table says which")),
        "in_doubt" => {
            Err(Failure::new("it is not known whether the device did it").with(format!("job {id}")))
        }
        _ => Err(match error {
            Some(error) => Failure::new(fault(error)).with(format!("job {id}: {state}")),
            None => Failure::new(format!("job {id}: {state}")),
        }),
    }
}

/// `message (code 7026)`.
fn fault(error: &Value) -> String {
    let message = clean(text(error, "message"));
    match error.get("code").and_then(Value::as_u64) {
        Some(code) => format!("{message} (code {code})"),
        None => message,
    }
}

/// What made a whole message fail.
fn faults(out: &mut Output, failed: &Value) -> Result<(), Failure> {
    let params = list(failed, "params");
    if params.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["PATH", "ERROR"]);
    params.iter().for_each(|param| table.row([text(param, "param"), &fault(param)]));
    out.table(&table)
}

fn results(outcome: &Value) -> &[Value] {
    list(outcome, "results")
}

/// The error of one requested path, if there is one.
fn error(result: &Value) -> Option<String> {
    result.get("error").filter(|error| !error.is_null()).map(fault)
}

fn values(outcome: &Value) -> Table {
    let mut table = Table::new(&["PATH", "VALUE"]);
    for result in results(outcome) {
        if let Some(error) = error(result) {
            table.row([text(result, "requested"), &format!("error: {error}")]);
        }
        for object in list(result, "objects") {
            for (name, value) in pairs(object, "params") {
                table.row([&format!("{}{name}", text(object, "path")), value]);
            }
        }
    }
    table
}

fn instances(outcome: &Value) -> Table {
    let mut table = Table::new(&["INSTANCE", "KEYS"]);
    for result in results(outcome) {
        if let Some(error) = error(result) {
            table.row([text(result, "requested"), &format!("error: {error}")]);
        }
        for row in list(result, "instances") {
            table.row([text(row, "path"), &keys(row)]);
        }
    }
    table
}

/// `Name=value` of the unique keys.
fn keys(row: &Value) -> String {
    pairs(row, "unique_keys").map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn schema(outcome: &Value) -> Table {
    let mut table = Table::new(&["PATH", "ACCESS", "TYPE"]);
    for result in results(outcome) {
        if let Some(error) = error(result) {
            table.row([text(result, "requested"), "", &format!("error: {error}")]);
        }
        for object in list(result, "objects") {
            let path = text(object, "path");
            table.row([path, text(object, "access"), ""]);
            let full = |item: &Value| format!("{path}{}", text(item, "name"));
            for param in list(object, "params") {
                table.row([&full(param), text(param, "access"), text(param, "type")]);
            }
            for command in list(object, "commands") {
                let runs_on = command.get("async").and_then(Value::as_bool).unwrap_or(false);
                table.row([full(command).as_str(), if runs_on { "async" } else { "sync" }, "command"]);
            }
            for event in list(object, "events") {
                table.row([&full(event), "", "event"]);
            }
        }
    }
    table
}

fn set(outcome: &Value) -> Table {
    let mut table = Table::new(&["PATH", "VALUE", "RESULT"]);
    for result in results(outcome) {
        if let Some(error) = error(result) {
            table.row([text(result, "requested"), "", &format!("error: {error}")]);
        }
        for failure in list(result, "failures") {
            errors(&mut table, failure);
        }
        for updated in list(result, "updated") {
            for (name, value) in pairs(updated, "params") {
                table.row([&format!("{}{name}", text(updated, "path")), value, "set"]);
            }
            errors(&mut table, updated);
        }
    }
    table
}

/// The parameters of one instance that failed.
fn errors(table: &mut Table, instance: &Value) {
    let path = text(instance, "path");
    for error in list(instance, "errors") {
        let param = text(error, "param");
        // A device may tell the name or the whole path.
        let full = if param.starts_with("Device.") { param.to_owned() } else { format!("{path}{param}") };
        table.row([&full, "", &format!("error: {}", fault(error))]);
    }
}

fn add(outcome: &Value) -> Table {
    let mut table = Table::new(&["PATH", "KEYS", "RESULT"]);
    for result in results(outcome) {
        if let Some(error) = error(result) {
            table.row([text(result, "requested"), "", &format!("error: {error}")]);
        }
        if let Some(created) = result.get("created").filter(|created| !created.is_null()) {
            table.row([text(created, "path"), &keys(created), "added"]);
            errors(&mut table, created);
        }
    }
    table
}

fn deleted(outcome: &Value) -> Table {
    let mut table = Table::new(&["PATH", "RESULT"]);
    for result in results(outcome) {
        if let Some(error) = error(result) {
            table.row([text(result, "requested"), &format!("error: {error}")]);
        }
        for path in list(result, "affected").iter().filter_map(Value::as_str) {
            table.row([path, "deleted"]);
        }
        for stayed in list(result, "unaffected") {
            table.row([text(stayed, "path"), &format!("error: {}", fault(stayed))]);
        }
    }
    table
}

fn operated(outcome: &Value) -> Table {
    let mut table = Table::new(&["COMMAND", "RESULT"]);
    for result in results(outcome) {
        let executed = text(result, "executed");
        if let Some(error) = error(result) {
            table.row([executed, &format!("error: {error}")]);
        } else if let Some(request) = result.get("request").and_then(Value::as_str) {
            table.row([executed, &format!("runs on as {request}")]);
        } else {
            table.row([executed, "done"]);
        }
        for (name, value) in pairs(result, "output") {
            table.row([&format!("  {name}"), value]);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::{add, deleted, found_nothing, instances, operated, schema, set, values, verdict};
    use crate::table::Table;

    #[test]
    fn every_level_of_success_is_shown() {
        let check = |print: fn(&Value) -> Table, results: Value, expected: &str| {
            assert_eq!(print(&json!({ "results": results })).render(None), expected);
        };
        check(
            values,
            json!([
                {"requested": "Device.A.", "objects": [{"path": "Device.A.", "params": {"B": "1", "C": ""}}]},
                {"requested": "Device.X.", "error": {"code": 7026, "message": "no such object"}, "objects": []}]),
            "PATH        VALUE\nDevice.A.B  1\nDevice.A.C\nDevice.X.   error: no such object (code 7026)\n",
        );
        check(
            instances,
            json!([{"requested": "Device.A.", "instances": [
                {"path": "Device.A.1.", "unique_keys": {"Alias": "cpe-1", "Name": "x"}}]}]),
            "INSTANCE     KEYS\nDevice.A.1.  Alias=cpe-1 Name=x\n",
        );
        check(
            schema,
            json!([{"requested": "Device.A.", "objects": [{"path": "Device.A.", "access": "readOnly",
                "params": [{"name": "B", "access": "readWrite", "type": "string"}],
                "commands": [{"name": "C()", "async": true}], "events": [{"name": "D!"}]}]}]),
            "PATH          ACCESS     TYPE\nDevice.A.     readOnly\nDevice.A.B    readWrite  string\n\
             Device.A.C()  async      command\nDevice.A.D!              event\n",
        );
        check(
            set,
            json!([
                {"requested": "Device.A.*.", "failures": [], "updated": [
                    {"path": "Device.A.1.", "params": {"B": "1"}, "errors": [
                        {"param": "C", "code": 7012, "message": "not a number"}]}]},
                {"requested": "Device.B.1.", "error": {"code": 7020, "message": "object failure"},
                    "failures": [{"path": "Device.B.1.", "errors": [
                        {"param": "Device.B.1.C", "code": 7006, "message": "not permitted"}]}], "updated": []}]),
            "PATH          VALUE  RESULT\n\
             Device.A.1.B  1      set\n\
             Device.A.1.C         error: not a number (code 7012)\n\
             Device.B.1.          error: object failure (code 7020)\n\
             Device.B.1.C         error: not permitted (code 7006)\n",
        );
        check(
            add,
            json!([{"requested": "Device.A.", "created":
                {"path": "Device.A.2.", "unique_keys": {"Alias": "cpe-2"}, "errors": [
                    {"param": "C", "code": 7012, "message": "not a number"}]}}]),
            "PATH          KEYS         RESULT\n\
             Device.A.2.   Alias=cpe-2  added\n\
             Device.A.2.C               error: not a number (code 7012)\n",
        );
        check(
            deleted,
            json!([{"requested": "Device.A.*.", "affected": ["Device.A.1."],
                "unaffected": [{"path": "Device.A.2.", "code": 7024, "message": "not deletable"}]}]),
            "PATH         RESULT\nDevice.A.1.  deleted\nDevice.A.2.  error: not deletable (code 7024)\n",
        );
        check(
            operated,
            json!([
                {"executed": "Device.A.B()", "output": {"Status": "ok"}},
                {"executed": "Device.A.C()", "request": "Device.LocalAgent.Request.1."},
                {"executed": "Device.A.D()", "error": {"code": 7022, "message": "command failure"}}]),
            "COMMAND       RESULT\n\
             Device.A.B()  done\n  Status      ok\n\
             Device.A.C()  runs on as Device.LocalAgent.Request.1.\n\
             Device.A.D()  error: command failure (code 7022)\n",
        );
    }

    #[test]
    fn a_write_that_matches_nothing_says_so() {
        for (outcome, expected) in [
            (
                json!({"kind": "set", "results": [{"requested": "Device.A.*.", "failures": [], "updated": []}]}),
                true,
            ),
            (
                json!({"kind": "set", "results": [{"failures": [], "updated": [{"path": "Device.A.1."}]}]}),
                false,
            ),
            (
                json!({"kind": "set", "results": [{"error": {"code": 7000, "message": "x"}, "updated": []}]}),
                false,
            ),
            (json!({"kind": "delete", "results": [{"affected": [], "unaffected": []}]}), true),
            (json!({"kind": "delete", "results": []}), true),
            (json!({"kind": "delete", "results": [{"affected": ["Device.A.1."], "unaffected": []}]}), false),
            (json!({"kind": "get", "results": []}), false),
        ] {
            assert_eq!(found_nothing(&outcome), expected, "{outcome}");
        }
    }

    #[test]
    fn the_state_decides_the_exit_code() {
        let check = |job: Value, waited: u64, expected: Result<(), &str>| {
            let verdict = verdict(&job, Duration::from_secs(waited));
            assert_eq!(verdict.map_err(|failure| failure.message), expected.map_err(str::to_owned), "{job}");
        };
        check(json!({"state": "done"}), 30, Ok(()));
        check(json!({"state": "accepted"}), 30, Ok(()));
        check(json!({"state": "queued"}), 0, Ok(()));
        check(json!({"state": "queued"}), 30, Err("the device has not answered within 30s"));
        check(json!({"state": "partial"}), 30, Err("only a part was done; the table says which"));
        check(json!({"state": "in_doubt"}), 30, Err("it is not known whether the device did it"));
        check(
            json!({"state": "failed", "outcome": {"failed": {"code": 7004, "message": "invalid arguments"}}}),
            30,
            Err("invalid arguments (code 7004)"),
        );
        check(json!({"state": "expired", "id": "j", "error": {"message": "too late"}}), 30, Err("too late"));
        check(json!({"state": "cancelled", "id": "j"}), 30, Err("job j: cancelled"));
    }
}
