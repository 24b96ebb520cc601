//! `cusp pending`, `refused`, `approve`, `reject`, `enrol`.

use serde_json::{Value, json};
use server::control::Command;

use crate::admin;
use crate::cli::{ApproveArgs, EnrolCommand, RejectArgs, ServerArgs};
use crate::client::http::encode;
use crate::client::{Client, Failure};
use crate::expected;
use crate::output::{self, Output, text, yes};
use crate::paths;
use crate::table::{Table, clean};

/// `cusp pending`.
pub(crate) fn pending(out: &mut Output, client: &Client) -> Result<(), Failure> {
    let rows = waiting(client)?;
    if out.json {
        return out.json(&Value::Array(rows));
    }
    let mut table = Table::new(&[
        "ENDPOINT",
        "TRANSPORT",
        "PEER",
        "PROVEN",
        "CHANGED",
        "LAST SEEN",
        "ATTEMPTS",
        "FINGERPRINT",
    ]);
    for row in &rows {
        let attempts = row.get("attempts").map(Value::to_string).unwrap_or_default();
        let column = |name| text(row, name);
        table.row([
            column("endpoint"),
            column("transport"),
            column("peer"),
            yes(row, "proven"),
            yes(row, "changed"),
            column("last_seen"),
            &attempts,
            column("fingerprint"),
        ]);
    }
    out.table(&table)
}

/// `cusp refused`.
pub(crate) fn refused(out: &mut Output, client: &Client) -> Result<(), Failure> {
    let page = client.get("/refused", &[])?;
    let rows = output::list(&page, "items");
    if out.json {
        return out.json(&json!(rows));
    }
    let mut table = Table::new(&["AT", "PEER", "ENDPOINT", "REASON"]);
    for row in rows {
        table.row(["at", "peer", "endpoint", "reason"].map(|name| text(row, name)));
    }
    out.table(&table)
}

/// `cusp approve`. What is approved is what the list showed just now, unless the caller names another; who has
/// come with two certificates is left to the caller.
pub(crate) fn approve(out: &mut Output, client: &Client, args: &ApproveArgs) -> Result<(), Failure> {
    if (args.name.is_some() || args.fingerprint.is_some()) && args.ids.len() > 1 {
        return Err(Failure::usage("--name and --fingerprint are for one device"));
    }
    each(out, client, &args.ids, |row| {
        let endpoint = text(row, "endpoint");
        let fingerprint = args.fingerprint.clone().or_else(|| listed(row));
        let body = given(&[("name", &args.name), ("fingerprint", &fingerprint), ("tenant", &args.tenant)]);
        let device = client.post(&format!("/pending/{}/approve", encode(endpoint)), &[], &body)?;
        let line = format!("approved {endpoint} as {}", text(&device, "id"));
        Ok((device, line))
    })
}

/// `cusp reject`.
pub(crate) fn reject(out: &mut Output, client: &Client, args: &RejectArgs) -> Result<(), Failure> {
    each(out, client, &args.ids, |row| {
        let endpoint = text(row, "endpoint");
        client.post(&format!("/pending/{}/reject", encode(endpoint)), &[], &json!({}))?;
        Ok((json!({ "rejected": endpoint }), format!("rejected {endpoint}")))
    })
}

/// What a pending device showed; `None` where that was not always the same.
fn listed(row: &Value) -> Option<String> {
    let changed = row.get("changed").and_then(Value::as_bool).unwrap_or(false);
    let shown = row.get("fingerprint").and_then(Value::as_str).unwrap_or("plain");
    (!changed).then(|| shown.to_owned())
}

/// The fields that were given.
fn given(fields: &[(&str, &Option<String>)]) -> Value {
    let given = fields.iter().filter_map(|(name, value)| Some(((*name).to_owned(), json!(value.as_ref()?))));
    Value::Object(given.collect())
}

fn waiting(client: &Client) -> Result<Vec<Value>, Failure> {
    Ok(output::list(&client.get("/pending", &[])?, "items").to_vec())
}

/// Does it for each, and fails at the end if any failed. All are looked up first, so that a slip in one
/// changes nothing.
fn each(
    out: &mut Output,
    client: &Client,
    ids: &[String],
    act: impl Fn(&Value) -> Result<(Value, String), Failure>,
) -> Result<(), Failure> {
    let rows = waiting(client)?;
    let known: Vec<&str> = rows.iter().map(|row| text(row, "endpoint")).collect();
    let meant: Vec<&str> = ids.iter().map(|id| find(&known, id)).collect::<Result<_, _>>()?;
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for endpoint in meant {
        let row = rows.iter().find(|row| text(row, "endpoint") == endpoint).expect("it was found among them");
        match act(row) {
            Ok((value, line)) => {
                if !out.json {
                    out.line(&clean(&line))?;
                }
                done.push(value);
            }
            Err(failure) => failed.push(clean(&format!("{endpoint}: {}", failure.message))),
        }
    }
    if out.json {
        out.json(&Value::Array(done))?;
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure { detail: failed, ..Failure::new("not all of it was done") })
}

/// The pending endpoint that a text means: itself, or the only one that it is a part of.
fn find<'a>(known: &[&'a str], id: &str) -> Result<&'a str, Failure> {
    if let Some(exact) = known.iter().find(|endpoint| **endpoint == id) {
        return Ok(exact);
    }
    let matching: Vec<&str> = known.iter().copied().filter(|endpoint| endpoint.contains(id)).collect();
    match matching.as_slice() {
        [] => Err(Failure::new(format!("no pending device goes by {id:?}"))),
        [one] => Ok(one),
        several => {
            let detail = several.iter().map(|endpoint| clean(endpoint)).collect();
            Err(Failure { detail, ..Failure::usage(format!("{id:?} may be several pending devices")) })
        }
    }
}

/// `cusp enrol`.
pub(crate) fn enrol(out: &mut Output, server: &ServerArgs, command: &EnrolCommand) -> Result<(), Failure> {
    match command {
        EnrolCommand::Token { ttl, uses, group, endpoint, tenant, data: Some(data) } => {
            let (group, endpoint, tenant) = (group.clone(), endpoint.clone(), tenant.clone());
            let made =
                Command::EnrolToken { ttl_seconds: ttl.as_secs(), uses: *uses, group, endpoint, tenant };
            admin::secret(out, &admin::ask_at(data, &made)?)
        }
        EnrolCommand::Token { ttl, uses, group, endpoint, tenant, data: None } => {
            let mut body = given(&[("group", group), ("endpoint", endpoint), ("tenant", tenant)]);
            body["ttl"] = json!(paths::print(*ttl));
            body["uses"] = json!(uses);
            let made = Client::new(server)?.post("/enrolments", &[], &body)?;
            admin::secret(out, &made)
        }
        EnrolCommand::Login { endpoint, name, tenant } => {
            let mut body = given(&[("name", name), ("tenant", tenant)]);
            body["endpoint"] = json!(endpoint);
            let made = Client::new(server)?.post("/logins", &[], &body)?;
            if out.json {
                return out.json(&made);
            }
            // As `[controller.mqtt]` of cusp-agent takes them.
            ["username", "password"]
                .iter()
                .try_for_each(|key| out.line(&format!("{key} = {:?}", text(&made, key))))
        }
        EnrolCommand::List => {
            let rows = Client::new(server)?.rows("/enrolments", &[], None)?;
            if out.json {
                return out.json(&Value::Array(rows));
            }
            let mut table = Table::new(&["ID", "NAME", "USES", "EXPIRES", "GROUP", "ENDPOINT"]);
            for row in &rows {
                let uses = row.get("uses").map(Value::to_string).unwrap_or_default();
                let column = |name| text(row, name);
                table.row([
                    column("id"),
                    column("name"),
                    &uses,
                    column("expires"),
                    column("group"),
                    column("endpoint"),
                ]);
            }
            out.table(&table)
        }
        EnrolCommand::Import { file, group, ttl, tenant } => {
            let list = expected::List { file, group: group.as_deref(), tenant: tenant.as_deref() };
            expected::import(out, &Client::new(server)?, &list, *ttl)
        }
        EnrolCommand::Expected => expected::list(out, &Client::new(server)?),
        EnrolCommand::Unexpect { value } => expected::remove(out, &Client::new(server)?, value),
        EnrolCommand::Rm { id } => admin::revoke(out, server, "enrolments", id),
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn a_part_of_an_endpoint_id_is_enough_if_no_other_has_it() {
        let known = ["os::012345-A1", "os::012345-A12", "self::lab"];
        let check = |id: &str, expected: Result<&str, u8>| {
            assert_eq!(find(&known, id).map_err(|failure| failure.code), expected, "{id}");
        };
        check("os::012345-A1", Ok("os::012345-A1"));
        check("A12", Ok("os::012345-A12"));
        check("lab", Ok("self::lab"));
        check("os::", Err(2));
        check("nowhere", Err(1));
    }
}
