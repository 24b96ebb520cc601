//! The agent as USP Broker: the real program, USP Services at its socket, and a controller at another one.

mod fake;
mod hostile;
#[path = "../../../examples/lamp/service.rs"]
mod lamp;
mod news;
mod shared;
mod writes;

use std::path::{Path, PathBuf};

use dm::operation::Get;
use dm::{Code, Operation, Outcome};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::peer::{CONTROLLER, Controller, Heard, Program};

/// The program as Broker, and a controller of this host.
struct Device {
    folder: TempDir,
    controller: Controller,
    _program: Program,
}

impl Device {
    async fn start() -> Device {
        Device::start_with("").await
    }

    /// With these lines more in `[services]`.
    async fn start_with(lines: &str) -> Device {
        let folder = tempfile::tempdir().expect("a folder");
        let mut controller = Controller::listen_at(&folder.path().join("controller.sock"));
        let text = format!(
            "[[controller]]\nendpoint = {CONTROLLER:?}\nsocket = {:?}\n[services]\nsocket = {:?}\n{lines}",
            folder.path().join("controller.sock"),
            folder.path().join("broker.sock"),
        );
        let program = Program::start_with(&[], folder.path(), &text);
        controller.connected().await;
        let said = controller.hear().await;
        assert!(matches!(said, Heard::LocalConnect), "{said:?}");
        Device { folder, controller, _program: program }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("broker.sock")
    }

    /// What Get says of one path: values by name, or the code of the failure.
    async fn get(&mut self, path: &str) -> Result<Vec<(String, String)>, Code> {
        let get = Get { paths: vec![path.to_owned()], max_depth: 0 };
        let Outcome::Get(results) = self.controller.ask(Operation::Get(get)).await else { panic!("{path}") };
        let objects = results.into_iter().next().expect("one result").result.map_err(|fault| fault.code)?;
        let params = |object: dm::operation::ObjectValues| {
            let path = object.path;
            object.params.into_iter().map(move |(name, value)| (format!("{path}{name}"), value))
        };
        Ok(objects.into_iter().flat_map(params).collect())
    }

    /// Asks until Get says this of a path.
    async fn until(&mut self, path: &str, expected: Result<&[(&str, &str)], Code>) {
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        };
        let expected = expected.map(owned);
        while self.get(path).await != expected {}
    }
}

/// The lamp of the examples, as a task.
fn lamp(socket: &Path) -> JoinHandle<()> {
    let socket = socket.to_owned();
    tokio::spawn(async move { lamp::serve(&socket, "proto::lamp").await.expect("the broker is there") })
}
