//! `cusp tenant`.

use serde_json::{Value, json};
use server::control::Command;

use crate::admin::ask_at;
use crate::cli::{ServerArgs, TenantCommand};
use crate::client::{Client, Failure};
use crate::output::{Output, text};
use crate::table::Table;

/// `cusp tenant`.
///
/// # Errors
/// What the server says.
pub(crate) fn run(out: &mut Output, server: &ServerArgs, command: &TenantCommand) -> Result<(), Failure> {
    match command {
        TenantCommand::Create { name, data: Some(data) } => {
            let made = ask_at(data, &Command::TenantCreate { name: name.clone() })?;
            created(out, &made)
        }
        TenantCommand::Create { name, data: None } => {
            let made = Client::new(server)?.post("/tenants", &[], &json!({ "name": name }))?;
            created(out, &made)
        }
        TenantCommand::List => {
            let rows = Client::new(server)?.rows("/tenants", &[], None)?;
            if out.json {
                return out.json(&Value::Array(rows));
            }
            let mut table = Table::new(&["NAME", "ID", "CREATED"]);
            for row in &rows {
                table.row(["name", "id", "created"].map(|name| text(row, name)));
            }
            out.table(&table)
        }
    }
}

fn created(out: &mut Output, made: &Value) -> Result<(), Failure> {
    if out.json { out.json(made) } else { out.line(&format!("made the tenant {}", text(made, "name"))) }
}
