//! What is done on the server's own machine: `init`, `config`, `backup`, `restore`, `audit`, `user`, `token`.
//!
//! It asks the server of the data folder over its control socket, or opens the store where none runs.

use std::path::Path;

use serde_json::{Value, json};
use server::Config;
use server::control::{Command, request};

use crate::cli::{
    AuditCommand, BackupArgs, ConfigCommand, InitArgs, LocalArgs, RestoreArgs, ServerArgs, TokenCommand,
    UserCommand,
};
use crate::client::http::encode;
use crate::client::{Client, Failure};
use crate::output::{Output, text};
use crate::table::Table;

/// `cusp init`.
pub(crate) fn init(out: &mut Output, args: &InitArgs) -> Result<(), Failure> {
    let written = server::init(&args.folder, args.data.as_deref())?;
    let written: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    if out.json {
        return out.json(&json!({ "written": written }));
    }
    written.iter().try_for_each(|path| out.line(&format!("wrote {path}")))
}

/// `cusp config`.
pub(crate) fn config(out: &mut Output, command: &ConfigCommand) -> Result<(), Failure> {
    let (ConfigCommand::Check(local) | ConfigCommand::Show(local) | ConfigCommand::Reload(local)) = command;
    let config = load(local)?;
    match command {
        ConfigCommand::Check(_) if out.json => out.json(&json!({ "ok": true })),
        ConfigCommand::Check(_) => out.line("the configuration is sound"),
        ConfigCommand::Show(_) if out.json => {
            let shown: Value = toml::from_str(&config.show()).map_err(anyhow::Error::from)?;
            out.json(&shown)
        }
        ConfigCommand::Show(_) => out.line(config.show().trim_end()),
        ConfigCommand::Reload(_) => {
            ask_at(&config.data(), &Command::Reload)?;
            if out.json { out.json(&json!({ "ok": true })) } else { out.line("the files were read again") }
        }
    }
}

/// The configuration: the file that is named, else `./cusp.toml` if it is there, else the defaults.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn load(local: &LocalArgs) -> Result<Config, Failure> {
    let usual = Path::new("cusp.toml");
    let named = local.config.as_deref().or_else(|| usual.exists().then_some(usual));
    Ok(Config::load(named, local.data.as_deref())?)
}

/// Asks the server of a data folder.
fn ask(local: &LocalArgs, command: &Command) -> Result<Value, Failure> {
    let data = load(local)?.data();
    ask_at(&data, command)
}

/// A folder that is not there is a mistake in its name: nothing is made by asking.
pub(crate) fn ask_at(data: &Path, command: &Command) -> Result<Value, Failure> {
    if !data.is_dir() {
        return Err(Failure::new(format!("there is no data folder {}", data.display()))
            .with("name it with --data DIR, or the configuration with --config FILE"));
    }
    Ok(request(data, command)?)
}

/// `cusp backup`.
pub(crate) fn backup(out: &mut Output, args: &BackupArgs) -> Result<(), Failure> {
    // The server may run in another folder.
    let file = std::path::absolute(&args.file)?;
    ask(&args.local, &Command::Backup { file: file.clone() })?;
    if out.json {
        return out.json(&json!({ "written": file.display().to_string() }));
    }
    out.line(&format!("wrote {}", file.display()))
}

/// `cusp restore`.
pub(crate) fn restore(out: &mut Output, args: &RestoreArgs) -> Result<(), Failure> {
    let data = load(&args.local)?.data();
    server::restore(&args.file, &data)?;
    if out.json {
        return out.json(&json!({ "restored": data.display().to_string() }));
    }
    out.line(&format!("restored {}", data.display()))
}

/// `cusp audit`.
pub(crate) fn audit(out: &mut Output, command: &AuditCommand) -> Result<(), Failure> {
    let AuditCommand::Verify(local) = command;
    let answer = ask(local, &Command::AuditVerify)?;
    let sound = answer.get("ok").and_then(Value::as_bool).unwrap_or(false);
    if out.json {
        out.json(&answer)?;
    } else if sound {
        let rows = answer.get("rows").map(Value::to_string).unwrap_or_default();
        out.line(&format!("the audit log is whole: {rows} rows"))?;
    }
    if sound {
        Ok(())
    } else {
        Err(Failure::new("the audit log was tampered with").with(text(&answer, "detail")))
    }
}

/// `cusp user`.
pub(crate) fn user(out: &mut Output, command: &UserCommand) -> Result<(), Failure> {
    let (local, request) = match command {
        UserCommand::Add { name, role, local } => {
            (local, Command::UserAdd { name: name.clone(), role: role.clone() })
        }
        UserCommand::Link { name, local } => (local, Command::UserLink { name: name.clone() }),
    };
    let answer = ask(local, &request)?;
    let link = format!("{}/sign-in?link={}", page(&load(local)?), encode(text(&answer, "link")));
    if out.json { out.json(&json!({ "link": link })) } else { out.line(&link) }
}

/// Where people find the page: as configured, else where the server of this folder listens.
fn page(config: &Config) -> String {
    if let Some(url) = &config.http.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let listeners = std::fs::read_to_string(config.data().join("listeners.json")).unwrap_or_default();
    let listeners: Value = serde_json::from_str(&listeners).unwrap_or_default();
    let address = match text(&listeners, "http").parse() {
        Ok(address) => address,
        Err(_) => config.http_listen(),
    };
    let scheme = if config.http.tls.is_some() { "https" } else { "http" };
    if address.ip().is_unspecified() {
        return format!("{scheme}://localhost:{}", address.port());
    }
    format!("{scheme}://{address}")
}

/// `cusp token`.
pub(crate) fn token(out: &mut Output, server: &ServerArgs, command: &TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Create { role, name, tenant, local } => {
            let (name, role, tenant) = (name.clone(), role.clone(), tenant.clone());
            let made = ask(local, &Command::TokenCreate { name, role, tenant })?;
            secret(out, &made)
        }
        TokenCommand::List => {
            let rows = Client::new(server)?.rows("/tokens", &[], None)?;
            if out.json {
                return out.json(&Value::Array(rows));
            }
            let mut table = Table::new(&["ID", "NAME", "ROLE", "TENANT", "CREATED", "EXPIRES"]);
            for row in &rows {
                table.row(["id", "name", "role", "tenant", "created", "expires"].map(|name| text(row, name)));
            }
            out.table(&table)
        }
        TokenCommand::Rm { id } => revoke(out, server, "tokens", id),
    }
}

/// Prints a token alone, so that a script can take it.
///
/// # Errors
/// When there is none.
pub(crate) fn secret(out: &mut Output, made: &Value) -> Result<(), Failure> {
    if out.json {
        return out.json(made);
    }
    match text(made, "token") {
        "" => Err(Failure::new("the server made no token")),
        token => out.line(token),
    }
}

/// Revokes a token of a kind.
///
/// # Errors
/// What the server says.
pub(crate) fn revoke(out: &mut Output, server: &ServerArgs, kind: &str, id: &str) -> Result<(), Failure> {
    Client::new(server)?.delete(&format!("/{kind}/{}", encode(id)))?;
    if out.json { out.json(&json!({ "revoked": id })) } else { out.line(&format!("revoked {id}")) }
}
