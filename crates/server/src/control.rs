//! The control socket: what is done on the server's own machine without signing in.
//!
//! `DATA/control.sock` is for the folder's owner alone (0600). One JSON request per line, one JSON answer
//! per line. Where no server runs, [`request`] opens the store itself, under its lock.

use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use fleet::access::{Caller, Role};
use fleet::audit::Chain;
use fleet::ids::TenantId;
use fleet::port::Store as _;
use fleet::{Reach, service};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::SqliteStore;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::data_dir::DataDir;
use crate::trust::Reload;

/// How long the socket rests when the system can't give it another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Longest request, bytes.
const MAX_REQUEST: u64 = 16 * 1024;

/// What can be asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// An API token; answers `{"token": …}`.
    TokenCreate {
        /// What it is called.
        name: String,
        /// `owner`, `operator` or `viewer`.
        role: String,
        /// The tenant that it is for; every one if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tenant: Option<String>,
    },
    /// A tenant; answers `{"id": …, "name": …}`.
    TenantCreate {
        /// What it is called.
        name: String,
    },
    /// A user without a password; answers `{"user": …, "link": …}`.
    UserAdd {
        /// The name.
        name: String,
        /// `owner`, `operator` or `viewer`.
        role: String,
    },
    /// A one-time sign-in link; answers `{"link": …}` (the secret; the caller knows the URL).
    UserLink {
        /// Whose.
        name: String,
    },
    /// A one-time enrolment token; answers `{"token": …}`.
    EnrolToken {
        /// How long it works.
        ttl_seconds: u64,
        /// How many devices it lets in.
        uses: u32,
        /// A tag that each of them gets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<String>,
        /// The one endpoint that it is for, which may have a certificate already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
        /// Whose the devices will be; the default tenant's if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tenant: Option<String>,
    },
    /// A copy of the store; answers `{}`.
    Backup {
        /// A file that does not exist yet.
        file: PathBuf,
    },
    /// Reads certificates, CAs and lists of revoked certificates again; answers `{}`. Only a running server
    /// can.
    Reload,
    /// Checks the chain of the audit log; answers `{"ok": …, "detail": …}`.
    AuditVerify,
}

/// Asks the server of this data folder, or its store where no server runs.
///
/// # Errors
/// What went wrong, in words.
pub fn request(data: &Path, command: &Command) -> anyhow::Result<Value> {
    let socket = data.join("control.sock");
    match std::os::unix::net::UnixStream::connect(&socket) {
        Ok(stream) => ask(stream, command),
        Err(_) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let folder = DataDir::open(data)?;
                let options =
                    store::Options { seal: Arc::new(folder.sealer()?), ..store::Options::default() };
                let store = SqliteStore::open(folder.path(), &options)?;
                carry_out(&store, &Clock::start(), None, command).await
            })
        }
    }
}

fn ask(mut stream: std::os::unix::net::UnixStream, command: &Command) -> anyhow::Result<Value> {
    stream.set_read_timeout(Some(Duration::from_secs(600)))?;
    let mut line = serde_json::to_string(command)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).context("the server did not answer")?;
    let answer: Value = serde_json::from_str(&answer).context("the server's answer")?;
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => bail!("{error}"),
        None => Ok(answer),
    }
}

/// Answers on the socket until `stop`.
///
/// # Errors
/// When the socket can't be made.
pub(crate) async fn serve(
    folder: &DataDir,
    store: SqliteStore,
    clock: Clock,
    reload: Reload<SqliteStore>,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let path = folder.control_socket();
    // The store's lock says that no other server runs here: what is left over is from a dead one.
    let _ = std::fs::remove_file(&path);
    let listener =
        UnixListener::bind(&path).with_context(|| format!("cannot listen on {}", path.display()))?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let Ok((stream, _)) = accepted else {
                // Out of descriptors, most likely: trying again at once would only burn the processor.
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let (store, reload) = (store.clone(), reload.clone());
            tokio::spawn(async move {
                if let Err(error) = one(stream, &store, &clock, &reload).await {
                    tracing::debug!(%error, "control connection");
                }
            });
        }
        let _ = std::fs::remove_file(&path);
    });
    Ok(())
}

async fn one(
    stream: UnixStream,
    store: &SqliteStore,
    clock: &Clock,
    reload: &Reload<SqliteStore>,
) -> anyhow::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = tokio::io::BufReader::new(read.take(MAX_REQUEST)).lines();
    while let Some(line) = lines.next_line().await? {
        let answer = match serde_json::from_str::<Command>(&line) {
            Ok(command) => carry_out(store, clock, Some(reload), &command).await,
            Err(error) => Err(error.into()),
        };
        let answer = answer.unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
        write.write_all(format!("{answer}\n").as_bytes()).await?;
    }
    Ok(())
}

async fn carry_out(
    store: &SqliteStore,
    clock: &Clock,
    reload: Option<&Reload<SqliteStore>>,
    command: &Command,
) -> anyhow::Result<Value> {
    let caller = Caller::system(Reach::Platform);
    let named = async |name: &Option<String>| service::tenant_named(store, &caller, name.as_deref()).await;
    match command {
        Command::TokenCreate { name, role, tenant } => {
            let role = Role::parse(role)?;
            let reach = named(tenant).await?.map_or(Reach::Platform, |tenant| Reach::Tenant(tenant.id));
            let made =
                api::auth::create_token(store, &caller, clock.stamp(), reach, name, role, None).await?;
            Ok(json!({ "token": made.secret.expose(), "id": made.row.id.to_string() }))
        }
        Command::TenantCreate { name } => {
            let made = service::create_tenant(store, &caller, clock.stamp(), name.parse()?).await?;
            Ok(json!({ "id": made.id.to_string(), "name": made.name.as_str() }))
        }
        Command::UserAdd { name, role } => {
            api::auth::create_user(store, &caller, clock.stamp(), name, Role::parse(role)?).await?;
            let made = api::auth::create_link(store, &caller, clock.utc(), name).await?;
            Ok(json!({ "user": name, "link": made.secret.expose() }))
        }
        Command::UserLink { name } => {
            let made = api::auth::create_link(store, &caller, clock.utc(), name).await?;
            Ok(json!({ "link": made.secret.expose() }))
        }
        Command::EnrolToken { ttl_seconds, uses, group, endpoint, tenant } => {
            let tenant = named(tenant).await?.map_or(TenantId::DEFAULT, |tenant| tenant.id);
            let new = api::auth::NewEnrolment {
                name: String::new(),
                lifetime: Duration::from_secs(*ttl_seconds),
                uses: *uses,
                group: group.clone(),
                endpoint: endpoint.clone(),
            };
            let made = api::auth::create_enrolment(store, &caller, clock.stamp(), tenant, new).await?;
            Ok(json!({ "token": made.secret.expose(), "expires": made.row.expires.to_string() }))
        }
        Command::Backup { file } => {
            store.backup(file).await?;
            Ok(json!({}))
        }
        Command::Reload => {
            reload.context("no server runs in this data folder")?.reload().await?;
            Ok(json!({}))
        }
        Command::AuditVerify => verify_audit(store).await,
    }
}

/// Each tenant has a chain of its own, and so has the platform.
async fn verify_audit(store: &SqliteStore) -> anyhow::Result<Value> {
    let mut rows = 0;
    let tenants = store.tenants().await?.into_iter().map(|tenant| (tenant.id, tenant.name.to_string()));
    for (tenant, name) in tenants.chain([(TenantId::PLATFORM, "platform".to_owned())]) {
        match store.verify_audit(tenant, Chain::default()).await? {
            Ok(tip) => rows += tip.seq.0,
            Err(broken) => {
                return Ok(json!({ "ok": false, "detail": format!("{name}: {broken:?}") }));
            }
        }
    }
    Ok(json!({ "ok": true, "rows": rows }))
}
