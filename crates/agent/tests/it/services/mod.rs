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
use fake::{Fake, Mood};
use requirement::requirement;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::peer::{CONTROLLER, Controller, Heard, PATIENCE, Program};

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
        let mut last = None;
        let asking = async {
            while last.as_ref() != Some(&expected) {
                last = Some(self.get(path).await);
            }
        };
        if timeout(PATIENCE, asking).await.is_err() {
            panic!("{path} is {last:?} and not {expected:?} after {PATIENCE:?}");
        }
    }
}

/// The lamp of the examples, as a task.
fn lamp(socket: &Path) -> JoinHandle<()> {
    let socket = socket.to_owned();
    tokio::spawn(async move { lamp::serve(&socket, "proto::lamp").await.expect("the broker is there") })
}

#[requirement("R-UDS.1")]
#[tokio::test]
async fn the_tables_say_where_services_connect_and_which_controllers_are_parts_of_one() {
    let mut device = Device::start().await;
    let sockets = "Device.UnixDomainSockets.";
    let row = |number: u32, name: &str| format!("{sockets}UnixDomainSocket.{number}.{name}");
    let (controller, broker) = (device.folder.path().join("controller.sock"), device.socket());
    let shown = [
        (format!("{sockets}UnixDomainSocketNumberOfEntries"), "2".to_owned()),
        (row(1, "Mode"), "Connect".to_owned()),
        (row(1, "Path"), controller.display().to_string()),
        (row(2, "Alias"), "cpe-usp-services".to_owned()),
        (row(2, "Mode"), "Listen".to_owned()),
        (row(2, "Path"), broker.display().to_string()),
    ];
    for (path, value) in shown {
        device.until(&path, Ok(&[(&path, &value)])).await;
    }
    let uds = "Device.LocalAgent.Controller.1.MTP.1.UDS.";
    let (socket, service) = (format!("{uds}UnixDomainSocketRef"), format!("{uds}USPServiceRef"));
    device.until(&socket, Ok(&[(&socket, "Device.UnixDomainSockets.UnixDomainSocket.1")])).await;
    device.until(&service, Ok(&[(&service, "")])).await;
    // Its agent has the endpoint id of the controller, and another service another one.
    let other = Fake::serving(&broker, "proto::other", "Device.X_OTHER.", Mood::Willing).await;
    let entries = "Device.USPServices.USPServiceNumberOfEntries";
    device.until(entries, Ok(&[(entries, "1")])).await;
    let own = Fake::serving(&broker, CONTROLLER, "Device.X_OWN.", Mood::Willing).await;
    device.until(&service, Ok(&[(&service, "Device.USPServices.USPService.2")])).await;
    own.abort();
    device.until(&service, Ok(&[(&service, "")])).await;
    other.abort();
}

/// The configuration holds at every start.
#[tokio::test]
async fn the_row_of_the_broker_s_socket_follows_the_configuration() {
    let Device { folder, mut controller, _program: program } = Device::start().await;
    program.terminate();
    assert_eq!(program.ended().code(), Some(0));
    controller.gone().await;
    for (lines, expected) in [("[services]\nsocket = \"DIR/moved.sock\"\n", "1 Listen"), ("", "0")] {
        let dir = folder.path().display().to_string();
        let text = format!(
            "[[controller]]\nendpoint = {CONTROLLER:?}\nsocket = \"{dir}/controller.sock\"\n{}",
            lines.replace("DIR", &dir)
        );
        let program = Program::start_with(&[], folder.path(), &text);
        controller.connected().await;
        let said = controller.hear().await;
        assert!(matches!(said, Heard::LocalConnect), "{said:?}");
        let get = Get { paths: vec!["Device.UnixDomainSockets.".to_owned()], max_depth: 0 };
        let Outcome::Get(found) = controller.ask(Operation::Get(get)).await else { panic!("values") };
        let rows = found[0].result.as_ref().expect("they are there");
        let own = |name: &str, value: &str| {
            rows.iter()
                .flat_map(|row| &row.params)
                .filter(|param| param.0 == name && param.1 == value)
                .count()
        };
        let moved = own("Path", &format!("{dir}/moved.sock"));
        let listening = if own("Mode", "Listen") == 1 { " Listen" } else { "" };
        assert_eq!(format!("{moved}{listening}"), expected);
        program.terminate();
        assert_eq!(program.ended().code(), Some(0));
        controller.gone().await;
    }
}
