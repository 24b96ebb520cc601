//! Debian's RabbitMQ with one of its plug-ins.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::{Group, at_last};
use crate::ports::free_port;

/// A running broker. It knows `guest` with the password `guest`.
pub(crate) struct RabbitMq {
    server: Group,
    /// Its name service: the one that it would start otherwise stays for ever.
    _names: Group,
    /// Where it listens on 127.0.0.1: `PORT` in the lines of its configuration.
    pub(crate) port: u16,
    /// The same for `SECURE`, if the lines have that.
    pub(crate) secure_port: u16,
    dist: u16,
    epmd: u16,
    folder: TempDir,
}

impl RabbitMq {
    /// Starts one with its MQTT plug-in. A missing RabbitMQ fails the test: install the package rabbitmq-server.
    pub(crate) fn start() -> RabbitMq {
        RabbitMq::with("rabbitmq_mqtt", "mqtt.listeners.tcp.1 = 127.0.0.1:PORT\n", &[])
    }

    /// Starts one with its STOMP plug-in, and TLS 1.2 with this certificate and key at its secure port.
    pub(crate) fn start_stomp(chain: &str, key: &str) -> RabbitMq {
        let lines = "stomp.listeners.tcp.1 = 127.0.0.1:PORT\nstomp.listeners.ssl.1 = 127.0.0.1:SECURE\n\
                     ssl_options.cacertfile = DIR/cert.pem\nssl_options.certfile = DIR/cert.pem\n\
                     ssl_options.keyfile = DIR/key.pem\nssl_options.versions.1 = tlsv1.2\n";
        RabbitMq::with("rabbitmq_stomp", lines, &[("cert.pem", chain), ("key.pem", key)])
    }

    /// Starts one with its STOMP plug-in, and these users and their rights alone, in the form of its definitions. At
    /// its secure port, with this certificate and key, a client's certificate of that CA is a login, too.
    pub(crate) fn start_stomp_for(definitions: &str, chain: &str, key: &str, ca: &str) -> RabbitMq {
        let lines = "stomp.listeners.tcp.1 = 127.0.0.1:PORT\nstomp.listeners.ssl.1 = 127.0.0.1:SECURE\n\
                     stomp.ssl_cert_login = true\nssl_cert_login_from = common_name\n\
                     ssl_options.cacertfile = DIR/ca.pem\nssl_options.certfile = DIR/cert.pem\n\
                     ssl_options.keyfile = DIR/key.pem\nssl_options.versions.1 = tlsv1.2\n\
                     ssl_options.verify = verify_peer\nload_definitions = DIR/users.json\n";
        let files = [("users.json", definitions), ("cert.pem", chain), ("key.pem", key), ("ca.pem", ca)];
        RabbitMq::with("rabbitmq_stomp", lines, &files)
    }

    /// In the lines `DIR` stands for the folder, into which the files are written.
    fn with(plugin: &str, lines: &str, files: &[(&str, &str)]) -> RabbitMq {
        at_last("rabbitmq-server", |_| RabbitMq::once(plugin, lines, files))
    }

    fn once(plugin: &str, lines: &str, files: &[(&str, &str)]) -> Option<RabbitMq> {
        let folder = TempDir::new().unwrap();
        let [port, secure_port, dist, epmd] = std::array::from_fn(|_| free_port());
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let config = format!("listeners.tcp = none\n{lines}")
            .replace("PORT", &port.to_string())
            .replace("SECURE", &secure_port.to_string())
            .replace("DIR", folder.path().to_str().unwrap());
        std::fs::write(folder.path().join("plugins"), format!("[{plugin}].")).unwrap();
        std::fs::write(folder.path().join("rabbit.conf"), config).unwrap();
        let mut epmd_command = Command::new("epmd");
        let names = Group::spawn(
            epmd_command.args(["-port", &epmd.to_string(), "-address", "127.0.0.1"]),
            "erlang-base",
        );
        let server = launch(&folder, port, dist, epmd)?;
        Some(RabbitMq { server, _names: names, port, secure_port, dist, epmd, folder })
    }

    /// Kills it, and starts it again at the same place.
    pub(crate) fn restart(&mut self) {
        self.server.kill();
        self.server = at_last("rabbitmq-server", |_| launch(&self.folder, self.port, self.dist, self.epmd));
    }
}

fn launch(folder: &TempDir, port: u16, dist: u16, epmd: u16) -> Option<Group> {
    let path = |name: &str| folder.path().join(name);
    let mut command = Command::new(program());
    command
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .env("ERL_CRASH_DUMP", path("crash"))
        .env("ERL_EPMD_PORT", epmd.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_NODENAME", format!("test{port}@localhost"))
        .env("RABBITMQ_DIST_PORT", dist.to_string())
        .env("RABBITMQ_MNESIA_BASE", path("db"))
        .env("RABBITMQ_LOG_BASE", path("log"))
        .env("RABBITMQ_LOGS", "-")
        .env("RABBITMQ_PID_FILE", path("pid"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins"))
        .env("RABBITMQ_CONFIG_FILE", path("rabbit.conf"));
    Group::spawn_until(&mut command, "rabbitmq-server", "Server startup complete")
}

/// The script behind Debian's wrapper, which would change the user.
fn program() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib/rabbitmq/lib").into_iter().flatten().flatten();
    let scripts = folders.map(|folder| folder.path().join("sbin/rabbitmq-server"));
    scripts.filter(|script| script.exists()).last().unwrap_or_else(|| "rabbitmq-server".into())
}
