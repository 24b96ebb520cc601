//! `cusp demo`: the server and a small simulated fleet in this process, and an agent for this machine
//! beside it.
//!
//! They dial in over loopback without TLS, so no certificate proves them: the demo approves its own
//! endpoints itself, and nothing else.

use std::fs::File;
use std::future::Future;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::sim::usp::Options;
use anyhow::Context;
use server::control::Command as Control;
use server::data_dir::DataDir;
use server::{Config, Server};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::cli::DemoArgs;
use crate::client::Failure;
use crate::client::http::{Client, encode};
use crate::client::login::Credentials;
use crate::output::{list, note, text};
use crate::{admin, serve, sim};

/// How many devices are simulated.
const FLEET: usize = 5;
/// How often the demo looks whether its agent asks to be let in.
const LOOK: Duration = Duration::from_millis(500);
/// How long the agent may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// `cusp demo`.
pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let config = Config::load(None, Some(&args.data))?;
    serve::log("warn")?;
    serve::runtime()?.block_on(async {
        let stop = serve::stop()?;
        let server = serve::start(&config).await?;
        let demo = Demo::new(&config, &server)?;
        let (told, stopping) = watch::channel(false);
        tokio::spawn(async move {
            stop.await;
            told.send_replace(true);
        });
        let serving = server.run_until(stopped(stopping.clone()));
        let agent = demo.agent()?;
        let fleet = tokio::spawn(fleet(demo.clone(), stopped(stopping)));
        let helper = tokio::spawn(demo.let_in());
        note("Ctrl-C stops everything");
        serving.await;
        helper.abort();
        // It was told to stop by the same signal.
        if tokio::time::timeout(PATIENCE, fleet).await.is_err() {
            tracing::debug!("the fleet is cut off");
        }
        if let Some(agent) = agent {
            end(agent).await;
        }
        Ok(())
    })
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // Nobody is left to say so where the sender is gone.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// The simulated devices.
async fn fleet(demo: Demo, stop: impl Future<Output = ()>) {
    let mut options = Options::new(FLEET, demo.url.clone());
    options.controller = Some(demo.controller.clone());
    options.journals = Some(demo.folder.join("fleet"));
    options.approve = Some(Arc::new(move |endpoints: Vec<String>| match demo.client() {
        Ok(client) => sim::approve(&client, &endpoints),
        Err(failure) => note(&format!("the simulated devices were not approved: {}", failure.message)),
    }));
    if let Err(error) = ::sim::usp::run(options, stop).await {
        note(&format!("the demo goes on without simulated devices: {error:#}"));
    }
}

/// What the demo knows of its server and its agent.
#[derive(Clone)]
struct Demo {
    data: PathBuf,
    folder: PathBuf,
    controller: String,
    url: String,
    page: String,
    endpoint: String,
    /// Held while the demo's token is looked up, so that one is made and not two.
    looking: Arc<Mutex<()>>,
}

impl Demo {
    fn new(config: &Config, server: &Server) -> Result<Demo, Failure> {
        let data = std::path::absolute(config.data())?;
        let controller = DataDir::open(&data)?.endpoint(config.usp.endpoint.as_deref())?;
        let folder = data.join("demo");
        std::fs::create_dir_all(&folder)?;
        let scheme = if config.http.tls.is_some() { "https" } else { "http" };
        Ok(Demo {
            data,
            folder,
            controller: controller.as_str().to_owned(),
            url: format!("ws://{}{}", server.listeners.usp_websocket, config.websocket_path()),
            page: format!("{scheme}://{}", server.listeners.http),
            endpoint: format!("self::cusp-agent-{}", host()),
            looking: Arc::default(),
        })
    }

    /// Starts the agent that lies beside this program; without one, the demo goes on alone.
    fn agent(&self) -> Result<Option<Child>, Failure> {
        let program = std::env::current_exe()?.with_file_name("cusp-agent");
        if !program.is_file() {
            note(&format!("there is no {}: the demo goes on without an agent", program.display()));
            return Ok(None);
        }
        let config = self.folder.join("agent.toml");
        let state = self.folder.join("agent");
        std::fs::write(&config, agent_toml(&state, &self.endpoint, &self.controller, &self.url))?;
        let log = File::create(self.folder.join("agent.log"))?;
        let child = Command::new(&program)
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        note(&format!("The agent's log is {}", self.folder.join("agent.log").display()));
        Ok(Some(child))
    }

    /// Approves the demo's own agent as soon as it asks; ends when it is in.
    async fn let_in(self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let demo = self.clone();
            match tokio::task::spawn_blocking(move || demo.approve()).await {
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => return,
                Ok(Err(failure)) => tracing::debug!(failure.message, "the agent is not let in yet"),
                Err(error) => tracing::warn!(%error, "the agent can't be let in"),
            }
        }
    }

    /// Whether the agent is in; lets it in if it asks.
    fn approve(&self) -> Result<bool, Failure> {
        let client = self.client()?;
        if client.get(&format!("/devices/{}", encode(&self.endpoint)), &[]).is_ok() {
            return Ok(true);
        }
        let pending = client.get("/pending", &[])?;
        if !list(&pending, "items").iter().any(|row| text(row, "endpoint") == self.endpoint) {
            return Ok(false);
        }
        let body = serde_json::json!({ "name": host() });
        client.post(&format!("/pending/{}/approve", encode(&self.endpoint)), &[], &body)?;
        Ok(true)
    }

    /// A client with the demo's own token. It is kept in the data folder: who may read that folder may make
    /// tokens anyway.
    fn client(&self) -> Result<Client, Failure> {
        let _alone = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.folder.join("token");
        if let Ok(token) = std::fs::read_to_string(&file) {
            let known = self.with(token)?;
            if known.get("/me", &[]).is_ok() {
                return Ok(known);
            }
        }
        let wanted =
            Control::TokenCreate { name: "demo".to_owned(), role: "operator".to_owned(), tenant: None };
        let made = admin::ask_at(&self.data, &wanted)?;
        write_private(&file, text(&made, "token"))?;
        self.with(text(&made, "token").to_owned())
    }

    fn with(&self, token: String) -> Result<Client, Failure> {
        Client::with(Credentials { url: self.page.clone(), token: Some(token), ca: None })
    }
}

/// For the owner's eyes alone.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(file)?.write_all(text.as_bytes())
}

/// Asks the agent to end, and ends it where it does not listen.
async fn end(mut agent: Child) {
    let pid = agent.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended already, after the same Ctrl-C.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    if tokio::time::timeout(PATIENCE, agent.wait()).await.is_err() {
        let _ = agent.kill().await;
    }
}

fn agent_toml(state: &Path, endpoint: &str, controller: &str, url: &str) -> String {
    let state = toml::Value::String(state.display().to_string());
    format!(
        "data_dir = {state}\n\n[agent]\nendpoint = \"{endpoint}\"\n\n\
         [[controller]]\nendpoint = \"{controller}\"\nurl = \"{url}\"\n"
    )
}

/// This machine's name, of letters, digits and hyphens.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = name.trim().chars().take(30).map(plain).collect();
    if name.is_empty() { "this-machine".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::agent_toml;

    #[test]
    fn the_agent_is_told_whom_to_obey() {
        assert_eq!(
            agent_toml(
                Path::new("/tmp/a \"b\""),
                "self::cusp-agent-x",
                "self::cusp-1",
                "ws://127.0.0.1:8183/usp"
            ),
            "data_dir = '/tmp/a \"b\"'\n\n[agent]\nendpoint = \"self::cusp-agent-x\"\n\n\
             [[controller]]\nendpoint = \"self::cusp-1\"\nurl = \"ws://127.0.0.1:8183/usp\"\n"
        );
    }
}
