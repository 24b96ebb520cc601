//! `cusp devices`, `device`, `jobs`, `job`.

use serde_json::{Value, json};

use crate::cli::{DeviceArgs, DeviceCommand, DevicesArgs, JobArgs, JobsArgs};
use crate::client::http::encode;
use crate::client::{Client, Failure};
use crate::outcome;
use crate::output::{Output, list, text, yes};
use crate::table::{Table, clean};

/// `cusp devices`.
pub(crate) fn devices(out: &mut Output, client: &Client, args: &DevicesArgs) -> Result<(), Failure> {
    let wanted =
        [("filter", &args.filter), ("q", &args.query), ("sort", &args.sort), ("tenant", &args.tenant)];
    let query: Vec<_> = wanted.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
    let devices = client.rows("/devices", &query, args.limit)?;
    if out.json {
        return out.json(&Value::Array(devices));
    }
    out.table(&table(&devices))
}

fn table(devices: &[Value]) -> Table {
    let mut table =
        Table::new(&["ID", "NAME", "MODEL", "SERIAL", "SOFTWARE", "ONLINE", "LAST SEEN", "ADDRESS"]);
    for device in devices {
        let online = match (yes(device, "online"), yes(device, "proven")) {
            ("yes", "no") => "unproven",
            (online, _) => online,
        };
        let column = |name| text(device, name);
        table.row([
            column("id"),
            column("name"),
            column("model"),
            column("serial"),
            column("software"),
            online,
            column("last_seen"),
            column("address"),
        ]);
    }
    table
}

/// `cusp device`.
pub(crate) fn device(out: &mut Output, client: &Client, args: &DeviceArgs) -> Result<(), Failure> {
    match (&args.command, &args.id) {
        (Some(DeviceCommand::Rm { id }), _) => remove(out, client, id),
        (Some(DeviceCommand::Add { endpoint, connect, tenant }), _) => {
            let mut body = json!({ "endpoint": endpoint, "connect": connect });
            if let Some(tenant) = tenant {
                body["tenant"] = json!(tenant);
            }
            let added = client.post("/devices", &[], &body)?;
            show(out, &added)
        }
        (Some(DeviceCommand::Undial { id }), _) => {
            client.delete(&format!("{}/dial", place(id)))?;
            if out.json {
                out.json(&json!({ "undialled": id }))
            } else {
                out.line(&clean(&format!("{id} is not dialled any more")))
            }
        }
        (Some(DeviceCommand::Rename { id, name }), _) => {
            let changed = client.patch(&place(id), &json!({ "name": name }))?;
            show(out, &changed)
        }
        (Some(DeviceCommand::Move { id, tenant }), _) => {
            let changed = client.patch(&place(id), &json!({ "tenant": tenant }))?;
            show(out, &changed)
        }
        (Some(DeviceCommand::Tag { id, tags }), _) => {
            let changed = client.patch(&place(id), &json!({ "tags": tags }))?;
            show(out, &changed)
        }
        (None, Some(id)) => show(out, &client.get(&place(id), &[])?),
        (None, None) => Err(Failure::usage("which device?")),
    }
}

/// A device's place in the API. The server knows it by any of its names.
pub(crate) fn place(id: &str) -> String {
    format!("/devices/{}", encode(id))
}

/// Removal is by the id alone, so that a name that has come to mean another device removes nothing.
fn remove(out: &mut Output, client: &Client, id: &str) -> Result<(), Failure> {
    let device = client.get(&place(id), &[])?;
    client.delete(&place(text(&device, "id")))?;
    if out.json {
        return out.json(&json!({ "removed": text(&device, "id") }));
    }
    out.line(&clean(&format!("removed {}  {}", text(&device, "id"), text(&device, "name"))))
}

fn show(out: &mut Output, device: &Value) -> Result<(), Failure> {
    if out.json {
        return out.json(device);
    }
    let mut table = Table::new(&["FIELD", "VALUE"]);
    for (name, value) in device.as_object().into_iter().flatten() {
        table.row([name.as_str(), &plain(value)]);
    }
    out.table(&table)
}

/// A value in words.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        Value::String(value) => value.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// `cusp jobs`.
pub(crate) fn jobs(out: &mut Output, client: &Client, args: &JobsArgs) -> Result<(), Failure> {
    let wanted = [("device", &args.device), ("state", &args.state)];
    let query: Vec<_> = wanted.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
    let jobs = client.rows("/jobs", &query, Some(args.limit))?;
    if out.json {
        return out.json(&Value::Array(jobs));
    }
    let mut table = Table::new(&["ID", "DEVICE", "KIND", "STATE", "ACTOR", "UPDATED", "WHAT"]);
    for job in &jobs {
        let column = |name| text(job, name);
        let what = what(job);
        table.row([
            column("id"),
            column("device"),
            column("kind"),
            column("state"),
            column("actor"),
            column("updated"),
            &what,
        ]);
    }
    out.table(&table)
}

/// The first path that a job is about, and how many more.
fn what(job: &Value) -> String {
    let request = job.get("request").unwrap_or(&Value::Null);
    let paths = list(request, "paths").iter().filter_map(Value::as_str);
    let objects = list(request, "objects").iter().map(|object| text(object, "path"));
    let mut all = paths.chain(objects);
    match (all.next(), all.count()) {
        (None, _) => text(request, "command").to_owned(),
        (Some(first), 0) => first.to_owned(),
        (Some(first), more) => format!("{first} and {more} more"),
    }
}

/// `cusp job`.
pub(crate) fn job(out: &mut Output, client: &Client, args: &JobArgs) -> Result<(), Failure> {
    let place = format!("/jobs/{}", encode(&args.id));
    if args.cancel {
        client.delete(&place)?;
    }
    let job = client.get(&place, &[])?;
    if out.json {
        return out.json(&job);
    }
    out.line(&clean(&format!(
        "{} {} of {}: {}, asked for by {} at {}",
        text(&job, "kind"),
        text(&job, "id"),
        text(&job, "device"),
        text(&job, "state"),
        text(&job, "actor"),
        text(&job, "created")
    )))?;
    outcome::print(out, &job)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{plain, table, what};

    #[test]
    fn devices_are_told_in_columns() {
        let devices = [
            json!({"id": "0a1", "name": "attic", "model": "X", "serial": "S1", "software": "1.0",
                "online": true, "proven": true, "last_seen": "2026-01-02T03:04:05Z", "address": "192.0.2.1:4"}),
            json!({"id": "0b2", "name": "os::2", "model": null, "online": true, "proven": false}),
            json!({"id": "0c3", "name": "gone", "online": false, "proven": true}),
        ];
        assert_eq!(
            table(&devices).render(None),
            "ID   NAME   MODEL  SERIAL  SOFTWARE  ONLINE    LAST SEEN             ADDRESS\n\
             0a1  attic  X      S1      1.0       yes       2026-01-02T03:04:05Z  192.0.2.1:4\n\
             0b2  os::2                           unproven\n\
             0c3  gone                            no\n"
        );
    }

    #[test]
    fn values_are_told_in_words() {
        assert_eq!(plain(&json!(["a", "b"])), "a, b");
        assert_eq!(plain(&json!(null)), "");
        assert_eq!(plain(&json!(true)), "yes");
    }

    #[test]
    fn a_job_is_about_its_paths() {
        assert_eq!(what(&json!({"request": {"paths": ["Device.A.", "Device.B."]}})), "Device.A. and 1 more");
        assert_eq!(what(&json!({"request": {"objects": [{"path": "Device.A."}]}})), "Device.A.");
        assert_eq!(what(&json!({"request": {"command": "Device.Reboot()"}})), "Device.Reboot()");
    }
}
