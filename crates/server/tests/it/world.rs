//! A server in a thread of its own, with a folder that outlives it: it can be stopped, and killed.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use server::config::PolicyName;
use server::control::{Command, request};
use server::usp::Inspect;
use server::{Config, Listeners, Server};
use tokio::sync::oneshot;
use usp_endpoint::controller::io::Input;
use usp_proto::EndpointId;

use crate::http::{Answer, Client};

pub(crate) const CONTROLLER: &str = "self::controller";
pub(crate) const AGENT: &str = "os::00256D-0001";
/// No test waits for this long unless something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).expect("a test's endpoint id is valid")
}

/// A folder and a configuration.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) config: Config,
    /// Looks at what sessions are given.
    pub(crate) inspect: Inspector,
}

impl World {
    /// With this enrolment policy; listens in plaintext on loopback.
    pub(crate) fn new(policy: PolicyName) -> World {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = Config { data: Some(folder.path().join("data")), ..Config::default() };
        config.usp.endpoint = Some(CONTROLLER.to_owned());
        config.enrolment.policy = policy;
        World::with(folder, config)
    }

    /// With any configuration; its listeners get free ports on loopback.
    pub(crate) fn with(folder: tempfile::TempDir, mut config: Config) -> World {
        let free = "127.0.0.1:0".parse().expect("an address");
        config.http.listen = Some(free);
        config.usp.websocket.listen = Some(free);
        World { folder, config, inspect: None }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.config.data()
    }

    /// Starts a server on the folder.
    pub(crate) async fn serve(&self) -> Running {
        let (started, starting) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let config = self.config.clone();
        let inspect = self.inspect.clone();
        let thread = std::thread::spawn(move || host(&config, inspect, started, ended));
        let (listeners, sign_in) =
            starting.await.expect("the server's thread lives").expect("the server starts");
        let mut running = Running {
            listeners,
            sign_in,
            data: self.data(),
            api: Client::new(listeners.http),
            end: Some(end),
            thread: Some(thread),
        };
        let name = format!("test-{}", std::process::id());
        let made =
            running.control(Command::TokenCreate { name, role: "owner".to_owned(), tenant: None }).await;
        let token = made.expect("a token")["token"].as_str().expect("a text").to_owned();
        running.api.token = Some(token);
        running
    }
}

enum End {
    Stop,
    Kill,
}

type Inspector = Option<Arc<dyn Fn(&EndpointId, &Input) + Send + Sync>>;
type Started = anyhow::Result<(Listeners, Option<String>)>;

/// Runs a server. What it still does when it is killed is dropped where it stands, like the process.
fn host(config: &Config, inspect: Inspector, started: oneshot::Sender<Started>, end: oneshot::Receiver<End>) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let inspect = inspect.map(|inspect| -> Inspect { Box::new(move |eid, input| inspect(eid, input)) });
        let server = match Server::start_inspected(config, inspect).await {
            Ok(server) => server,
            Err(error) => return drop(started.send(Err(error))),
        };
        let _ = started.send(Ok((server.listeners, server.sign_in.clone())));
        let (stop, stopped) = oneshot::channel::<()>();
        let running = Box::pin(server.run_until(async move {
            let _ = stopped.await;
        }));
        let ending = async move {
            if matches!(end.await, Ok(End::Stop)) {
                let _ = stop.send(());
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = running => {}
            () = ending => {}
        }
    });
}

/// A server that runs.
pub(crate) struct Running {
    pub(crate) listeners: Listeners,
    pub(crate) sign_in: Option<String>,
    pub(crate) api: Client,
    data: PathBuf,
    end: Option<oneshot::Sender<End>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// As after SIGTERM.
    pub(crate) async fn stop(self) {
        self.finish(End::Stop).await;
    }

    /// As after SIGKILL.
    pub(crate) async fn kill(self) {
        self.finish(End::Kill).await;
    }

    async fn finish(mut self, end: End) {
        let _ = self.end.take().expect("ended once").send(end);
        let thread = self.thread.take().expect("ended once");
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        joined.expect("the join itself").expect("the server's thread ends in peace");
    }

    /// Over the control socket.
    pub(crate) async fn control(&self, command: Command) -> anyhow::Result<Value> {
        let data = self.data.clone();
        tokio::task::spawn_blocking(move || request(&data, &command)).await.expect("no panic")
    }

    /// Asks again until the answer is as wanted.
    pub(crate) async fn until(&self, path: &str, wanted: impl Fn(&Answer) -> bool) -> Value {
        let asking = async {
            loop {
                let answer = self.api.get(path).await;
                if wanted(&answer) {
                    return answer.body;
                }
            }
        };
        match tokio::time::timeout(PATIENCE, asking).await {
            Ok(body) => body,
            Err(_) => panic!("{path} never was as wanted: {:?}", self.api.get(path).await),
        }
    }

    /// The id of the device that goes by this endpoint, once there is one.
    pub(crate) async fn device(&self, endpoint: &str) -> String {
        let is_it = |item: &Value| item["endpoints"][0] == endpoint;
        let found = self.until("/devices", |answer| answer.items().iter().any(is_it)).await;
        let items = found["items"].as_array().cloned().unwrap_or_default();
        let device = items.into_iter().find(is_it).expect("just seen");
        device["id"].as_str().expect("an id").to_owned()
    }

    /// Lets an endpoint in once it waits; the device's id.
    pub(crate) async fn approve(&self, endpoint: &str) -> String {
        self.until("/pending", |answer| answer.items().iter().any(|item| item["endpoint"] == endpoint)).await;
        let answer = self.api.post(&format!("/pending/{endpoint}/approve"), None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["id"].as_str().expect("an id").to_owned()
    }

    /// Waits for a refusal whose reason holds this text.
    pub(crate) async fn refusal(&self, text: &str) {
        let told = |item: &Value| item["reason"].as_str().is_some_and(|reason| reason.contains(text));
        self.until("/refused", |answer| answer.items().iter().any(told)).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
