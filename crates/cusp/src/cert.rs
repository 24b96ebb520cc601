//! `cusp cert list` and `cusp cert revoke`.

use serde_json::{Value, json};

use crate::cli::{CertCommand, ServerArgs};
use crate::client::http::encode;
use crate::client::{Client, Failure};
use crate::output::{Output, text, yes};
use crate::table::Table;

/// `cusp cert`.
pub(crate) fn run(out: &mut Output, server: &ServerArgs, command: &CertCommand) -> Result<(), Failure> {
    let client = Client::new(server)?;
    match command {
        CertCommand::List { device, revoked } => list(out, &client, device.as_deref(), *revoked),
        CertCommand::Revoke { fingerprints, reason } => revoke(out, &client, fingerprints, reason),
    }
}

fn list(out: &mut Output, client: &Client, device: Option<&str>, revoked: bool) -> Result<(), Failure> {
    let mut query = Vec::new();
    if let Some(device) = device {
        let found = client.get(&format!("/devices/{}", encode(device)), &[])?;
        query.push(("device", text(&found, "id").to_owned()));
    }
    if revoked {
        query.push(("revoked", true.to_string()));
    }
    let rows = client.rows("/certificates", &query, None)?;
    if out.json {
        return out.json(&Value::Array(rows));
    }
    let mut table =
        Table::new(&["DEVICE", "FINGERPRINT", "KIND", "ORIGIN", "SINCE", "EXPIRES", "REVOKED", "REASON"]);
    for row in &rows {
        let column = |name| text(row, name);
        table.row([
            column("name"),
            column("fingerprint"),
            column("kind"),
            column("origin"),
            column("since"),
            column("expires"),
            yes(row, "revoked"),
            column("reason"),
        ]);
    }
    out.table(&table)
}

/// All are looked up first, so that a slip in one changes nothing.
fn revoke(out: &mut Output, client: &Client, fingerprints: &[String], reason: &str) -> Result<(), Failure> {
    let rows = client.rows("/certificates", &[("revoked", false.to_string())], None)?;
    let known: Vec<&str> = rows.iter().map(|row| text(row, "fingerprint")).collect();
    let meant: Vec<&str> = fingerprints.iter().map(|given| find(&known, given)).collect::<Result<_, _>>()?;
    for fingerprint in &meant {
        client.post(&format!("/certificates/{fingerprint}/revoke"), &[], &json!({ "reason": reason }))?;
    }
    if out.json {
        return out.json(&json!({ "revoked": meant }));
    }
    meant.iter().try_for_each(|fingerprint| out.line(&format!("revoked {fingerprint}")))
}

/// The certificate that a text begins, with or without colons, in either case.
fn find<'a>(known: &[&'a str], given: &str) -> Result<&'a str, Failure> {
    let start = given.replace(':', "").to_ascii_lowercase();
    let matching: Vec<&str> = known.iter().copied().filter(|one| one.starts_with(&start)).collect();
    match matching.as_slice() {
        [] => Err(Failure::new(format!("no certificate that still counts begins with {given:?}"))),
        [one] => Ok(one),
        _ => Err(Failure {
            detail: matching.iter().map(|one| (*one).to_owned()).collect(),
            ..Failure::usage(format!("{given:?} may be several certificates"))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn the_beginning_of_a_fingerprint_is_enough_if_no_other_has_it() {
        let known = ["ab01ff", "ab02ff"];
        let check = |given: &str, expected: Result<&str, u8>| {
            assert_eq!(find(&known, given).map_err(|failure| failure.code), expected, "{given}");
        };
        check("AB:01", Ok("ab01ff"));
        check("ab02ff", Ok("ab02ff"));
        check("ab", Err(2));
        check("ff", Err(1));
    }
}
