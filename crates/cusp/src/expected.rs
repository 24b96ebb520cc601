//! `cusp enrol import`, `expected` and `unexpect`: devices that are let in at first contact.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Map, Value, json};

use crate::client::http::encode;
use crate::client::{Client, Failure};
use crate::output::{Output, text};
use crate::paths;
use crate::table::Table;

/// Columns that a file may have.
const COLUMNS: [&str; 5] = ["endpoint", "serial", "name", "group", "token"];
/// Devices in one request.
const AT_ONCE: usize = 1000;

/// A list of devices.
pub(crate) struct List<'a> {
    /// Where it is.
    pub(crate) file: &'a Path,
    /// A tag for every device that has none in the file.
    pub(crate) group: Option<&'a str>,
    /// Whose they will be.
    pub(crate) tenant: Option<&'a str>,
}

/// `cusp enrol import`. The file is read as a whole before anything is sent; the server takes each thousand of
/// it or none of them.
pub(crate) fn import(
    out: &mut Output,
    client: &Client,
    list: &List<'_>,
    ttl: Duration,
) -> Result<(), Failure> {
    let List { file, group, tenant } = *list;
    let content = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let rows = parse(&content, group)
        .map_err(|error| Failure::new(format!("{}: {}", file.display(), error.message)))?;
    let mut taken = 0;
    for piece in rows.chunks(AT_ONCE) {
        let mut body = json!({ "devices": piece, "ttl": paths::print(ttl) });
        if let Some(tenant) = tenant {
            body["tenant"] = json!(tenant);
        }
        let answer = client.post("/expected", &[], &body).map_err(|mut failure| {
            failure.detail.push(format!("{taken} of {} are expected", rows.len()));
            failure
        })?;
        taken += answer.get("expected").and_then(Value::as_u64).unwrap_or(0);
    }
    if out.json {
        out.json(&json!({ "expected": taken }))
    } else {
        out.line(&format!("{taken} devices are expected"))
    }
}

/// `cusp enrol expected`.
pub(crate) fn list(out: &mut Output, client: &Client) -> Result<(), Failure> {
    let rows = client.rows("/expected", &[], None)?;
    if out.json {
        return out.json(&Value::Array(rows));
    }
    let mut table = Table::new(&["KIND", "VALUE", "NAME", "GROUP", "SINCE"]);
    for row in &rows {
        table.row(["kind", "value", "name", "group", "since"].map(|name| text(row, name)));
    }
    out.table(&table)
}

/// `cusp enrol unexpect`.
pub(crate) fn remove(out: &mut Output, client: &Client, value: &str) -> Result<(), Failure> {
    client.delete(&format!("/expected/{}", encode(value)))?;
    if out.json { out.json(&json!({ "removed": value })) } else { out.line(&format!("removed {value}")) }
}

/// Comma-separated values under a line of names. A group of the command line is that of rows without one.
fn parse(content: &str, group: Option<&str>) -> Result<Vec<Value>, Failure> {
    let content = content.strip_prefix('\u{feff}').unwrap_or(content);
    let mut lines = content.lines().enumerate().filter(|(_, line)| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#')
    });
    let (_, head) = lines.next().ok_or_else(|| Failure::new("there is nothing in it"))?;
    let names: Vec<String> = head.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    if let Some(unknown) = names.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
        let known = COLUMNS.join(", ");
        return Err(Failure::new(format!("line 1: there is no column {unknown:?}, only {known}")));
    }
    lines.map(|(number, line)| row(&names, line, group).map_err(|why| wrong(number + 1, why))).collect()
}

fn row(names: &[String], line: &str, group: Option<&str>) -> Result<Value, &'static str> {
    if line.contains('"') {
        return Err("quotation marks are not understood");
    }
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    if fields.len() != names.len() {
        return Err("it has another number of fields than the first line");
    }
    let mut row: Map<String, Value> = names
        .iter()
        .zip(fields)
        .filter(|(_, field)| !field.is_empty())
        .map(|(name, field)| (name.clone(), json!(field)))
        .collect();
    if row.contains_key("endpoint") {
        // The serial number is in it.
        row.remove("serial");
    } else if !row.contains_key("serial") {
        return Err("it has neither an endpoint id nor a serial number");
    }
    if let Some(group) = group
        && !row.contains_key("group")
    {
        row.insert("group".to_owned(), json!(group));
    }
    Ok(Value::Object(row))
}

fn wrong(line: usize, why: &str) -> Failure {
    Failure::new(format!("line {line}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_what_is_wrong_is_named() {
        let check = |content: &str, expected: Result<Value, &str>| {
            let found = parse(content, Some("van")).map(Value::Array);
            assert_eq!(
                found.map_err(|failure| failure.message),
                expected.map_err(str::to_owned),
                "{content}"
            );
        };
        check(
            "\u{feff}Endpoint, serial,name,group,token\r\n\r\n# made in May\r\nos::00256D-1,1, Attic ,,cet_1\n,A2,,pilot,\n",
            Ok(json!([
                { "endpoint": "os::00256D-1", "name": "Attic", "group": "van", "token": "cet_1" },
                { "serial": "A2", "group": "pilot" },
            ])),
        );
        check("", Err("there is nothing in it"));
        check("id\n1\n", Err("line 1: there is no column \"id\", only endpoint, serial, name, group, token"));
        check("serial,name\n1\n", Err("line 2: it has another number of fields than the first line"));
        check("serial,name\n\n,x\n", Err("line 3: it has neither an endpoint id nor a serial number"));
        check("serial\n\"1\"\n", Err("line 2: quotation marks are not understood"));
    }
}
