//! The verbs of the data model: `get`, `set`, `add`, `delete`, `operate`, `instances`, `schema`.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::cli::{
    AddArgs, DeleteArgs, GetArgs, InstancesArgs, OperateArgs, RunArgs, SchemaArgs, ServerArgs, SetArgs,
};
use crate::client::{Client, Failure};
use crate::output::Output;
use crate::{devices, outcome, paths};

/// `cusp get`.
pub(crate) fn get(out: &mut Output, server: &ServerArgs, args: &GetArgs) -> Result<(), Failure> {
    let body = json!({ "paths": args.paths, "max_depth": args.max_depth });
    run(out, server, &args.id, "get", &args.run, &body)
}

/// `cusp instances`.
pub(crate) fn instances(out: &mut Output, server: &ServerArgs, args: &InstancesArgs) -> Result<(), Failure> {
    let body = json!({ "paths": args.paths, "first_level_only": args.first_level_only });
    run(out, server, &args.id, "instances", &args.run, &body)
}

/// `cusp schema`.
pub(crate) fn schema(out: &mut Output, server: &ServerArgs, args: &SchemaArgs) -> Result<(), Failure> {
    let body = json!({ "paths": args.paths, "first_level_only": args.first_level_only });
    run(out, server, &args.id, "schema", &args.run, &body)
}

/// `cusp set`.
pub(crate) fn set(out: &mut Output, server: &ServerArgs, args: &SetArgs) -> Result<(), Failure> {
    let body = set_body(&args.settings, args.partial)?;
    run(out, server, &args.id, "set", &args.run, &body)
}

/// `cusp add`.
pub(crate) fn add(out: &mut Output, server: &ServerArgs, args: &AddArgs) -> Result<(), Failure> {
    let body = add_body(&args.object, &args.settings, args.partial)?;
    run(out, server, &args.id, "add", &args.run, &body)
}

/// `cusp delete`.
pub(crate) fn delete(out: &mut Output, server: &ServerArgs, args: &DeleteArgs) -> Result<(), Failure> {
    let body = json!({ "paths": args.paths, "allow_partial": args.partial });
    run(out, server, &args.id, "delete", &args.run, &body)
}

/// `cusp operate`.
pub(crate) fn operate(out: &mut Output, server: &ServerArgs, args: &OperateArgs) -> Result<(), Failure> {
    let mut body = operate_body(&args.command, &args.args)?;
    if let Some(key) = &args.command_key {
        body["command_key"] = json!(key);
    }
    run(out, server, &args.id, "operate", &args.run, &body)
}

/// Settings grouped by their object, in the order of the first of each.
fn set_body(settings: &[String], partial: bool) -> Result<Value, Failure> {
    let mut objects: Vec<(&str, Vec<Value>)> = Vec::new();
    for setting in settings {
        let (path, value) = split(setting, "PATH=VALUE")?;
        let Some((object, param)) = paths::parent(path) else {
            return Err(Failure::usage(format!("{path:?} is not the path of a parameter")));
        };
        let param = json!({ "param": param, "value": value, "required": true });
        match objects.iter_mut().find(|(known, _)| *known == object) {
            Some((_, params)) => params.push(param),
            None => objects.push((object, vec![param])),
        }
    }
    let objects: Vec<Value> =
        objects.into_iter().map(|(path, params)| json!({ "path": path, "params": params })).collect();
    Ok(json!({ "objects": objects, "allow_partial": partial }))
}

fn add_body(object: &str, settings: &[String], partial: bool) -> Result<Value, Failure> {
    let mut params = Vec::new();
    for setting in settings {
        let (param, value) = split(setting, "PARAM=VALUE")?;
        params.push(json!({ "param": param, "value": value, "required": !partial }));
    }
    Ok(json!({ "objects": [{ "path": object, "params": params }], "allow_partial": partial }))
}

fn operate_body(command: &str, args: &[String]) -> Result<Value, Failure> {
    let mut map = Map::new();
    for arg in args {
        let (name, value) = split(arg, "ARG=VALUE")?;
        map.insert(name.to_owned(), json!(value));
    }
    Ok(json!({ "command": command, "args": map }))
}

fn split<'a>(text: &'a str, form: &str) -> Result<(&'a str, &'a str), Failure> {
    let split = paths::split(text).filter(|(name, _)| !name.is_empty());
    split.ok_or_else(|| Failure::usage(format!("{text:?} is not {form}")))
}

fn run(
    out: &mut Output,
    server: &ServerArgs,
    id: &str,
    verb: &str,
    args: &RunArgs,
    body: &Value,
) -> Result<(), Failure> {
    let client = Client::patient(server, args.wait)?;
    let mut query = Vec::new();
    if args.wait > Duration::ZERO {
        query.push(("wait", paths::print(args.wait)));
    }
    query.extend(args.expires_in.map(|time| ("expires_in", paths::print(time))));
    if args.force {
        query.push(("force", "true".to_owned()));
    }
    let key = args.idempotency_key.as_deref().map(|key| ("Idempotency-Key", key));
    let headers: Vec<_> = key.into_iter().collect();
    let job = client.post_with(&format!("{}/{verb}", devices::place(id)), &query, &headers, body)?;
    if out.json {
        out.json(&job)?;
    } else {
        outcome::print(out, &job)?;
    }
    outcome::verdict(&job, args.wait)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{add_body, operate_body, set_body};

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn settings_are_grouped_by_object() {
        let body = set_body(&texts(&["Device.A.B=1", "Device.C.D=", r#"Device.A.E=x=y"#]), true);
        assert_eq!(
            body,
            Ok(json!({"allow_partial": true, "objects": [
                {"path": "Device.A.", "params": [
                    {"param": "B", "value": "1", "required": true},
                    {"param": "E", "value": "x=y", "required": true}]},
                {"path": "Device.C.", "params": [{"param": "D", "value": "", "required": true}]}]}))
        );
    }

    #[test]
    fn settings_that_are_none_are_wrong_usage() {
        for wrong in ["Device.A.B", "=1", "Device.A.=1", "B=1"] {
            assert_eq!(set_body(&texts(&[wrong]), false).map_err(|failure| failure.code), Err(2), "{wrong}");
        }
        assert_eq!(add_body("Device.A.", &texts(&["B"]), false).map_err(|failure| failure.code), Err(2));
        assert_eq!(operate_body("Device.A.B()", &texts(&["B"])).map_err(|failure| failure.code), Err(2));
    }

    #[test]
    fn rows_and_commands_take_their_arguments() {
        assert_eq!(
            add_body("Device.A.", &texts(&["B=1"]), true),
            Ok(json!({"allow_partial": true, "objects": [
                {"path": "Device.A.", "params": [{"param": "B", "value": "1", "required": false}]}]}))
        );
        assert_eq!(
            operate_body("Device.IP.Diagnostics.IPPing()", &texts(&["Host=192.0.2.1"])),
            Ok(json!({"command": "Device.IP.Diagnostics.IPPing()", "args": {"Host": "192.0.2.1"}}))
        );
    }
}
