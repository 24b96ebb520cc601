//! Debian's RabbitMQ with its MQTT plug-in, in a folder of its own. It ends with the test.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

/// A running broker. It knows `guest` with the password `guest`.
pub(crate) struct RabbitMq {
    /// Its name service, and itself.
    children: [Child; 2],
    /// Where it listens for MQTT, on 127.0.0.1.
    pub(crate) port: u16,
    _folder: TempDir,
}

impl RabbitMq {
    /// Starts one. A missing RabbitMQ fails the test: install the package rabbitmq-server.
    pub(crate) fn start() -> RabbitMq {
        let folder = TempDir::new().unwrap();
        let [port, dist, epmd] = [free_port(), free_port(), free_port()];
        let config = format!("listeners.tcp = none\nmqtt.listeners.tcp.1 = 127.0.0.1:{port}\n");
        std::fs::write(folder.path().join("plugins"), "[rabbitmq_mqtt].").unwrap();
        std::fs::write(folder.path().join("rabbit.conf"), config).unwrap();
        let path = |name: &str| folder.path().join(name);
        // Its own name service: the one that it would start otherwise stays for ever.
        let names = Command::new("epmd")
            .args(["-port", &epmd.to_string(), "-address", "127.0.0.1"])
            .process_group(0)
            .spawn()
            .expect("epmd comes with Erlang");
        let mut server = Command::new(program())
            .env("HOME", folder.path())
            .env("ERL_EPMD_PORT", epmd.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODENAME", format!("test{port}@localhost"))
            .env("RABBITMQ_DIST_PORT", dist.to_string())
            .env("RABBITMQ_MNESIA_BASE", path("db"))
            .env("RABBITMQ_LOG_BASE", path("log"))
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_PID_FILE", path("pid"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins"))
            .env("RABBITMQ_CONFIG_FILE", path("rabbit.conf"))
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("rabbitmq-server (Debian package rabbitmq-server) is needed for this test");
        let said = server.stdout.take().expect("piped");
        let broker = RabbitMq { children: [server, names], port, _folder: folder };
        wait_until_complete(BufReader::new(said));
        broker
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        for child in &mut self.children {
            if let Ok(Some(group)) = i32::try_from(child.id()).map(Pid::from_raw) {
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = child.wait();
        }
    }
}

fn wait_until_complete(mut said: BufReader<impl Read + Send + 'static>) {
    let mut line = String::new();
    while said.read_line(&mut line).unwrap_or(0) > 0 {
        if line.contains("Server startup complete") {
            // It stalls when nobody reads what it says.
            std::thread::spawn(move || {
                let mut rest = [0; 4096];
                while said.read(&mut rest).is_ok_and(|n| n > 0) {}
            });
            return;
        }
        line.clear();
    }
    panic!("rabbitmq-server ended while it started");
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The script behind Debian's wrapper, which would change the user.
fn program() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib/rabbitmq/lib").into_iter().flatten().flatten();
    let scripts = folders.map(|folder| folder.path().join("sbin/rabbitmq-server"));
    scripts.filter(|script| script.exists()).last().unwrap_or_else(|| "rabbitmq-server".into())
}
