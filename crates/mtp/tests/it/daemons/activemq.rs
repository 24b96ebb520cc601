//! Debian's ActiveMQ with a STOMP connector.

use std::process::Command;

use tempfile::TempDir;

use super::{Group, at_last};
use crate::ports::free_port;

/// What Debian's package activemq starts.
const JAR: &str = "/usr/share/activemq/bin/activemq.jar";
const CONFIG: &str = r#"<beans xmlns="http://www.springframework.org/schema/beans"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans
  http://www.springframework.org/schema/beans/spring-beans-2.0.xsd
  http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
  <broker xmlns="http://activemq.apache.org/schema/core" brokerName="test" dataDirectory="DIR/data"
      persistent="false" useJmx="false">
    <plugins><simpleAuthenticationPlugin><users>
      <authenticationUser username="guest" password="guest" groups="users"/>
    </users></simpleAuthenticationPlugin></plugins>
    <transportConnectors>
      <transportConnector name="stomp" uri="stomp://127.0.0.1:PORT"/>
    </transportConnectors>
  </broker>
</beans>
"#;
const LOG: &str = "log4j.rootLogger=INFO, stdout\nlog4j.appender.stdout=org.apache.log4j.ConsoleAppender\n\
                   log4j.appender.stdout.layout=org.apache.log4j.SimpleLayout\n";

/// A running broker. It knows `guest` with the password `guest`, and keeps nothing over a restart.
pub(crate) struct ActiveMq {
    server: Group,
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    folder: TempDir,
}

impl ActiveMq {
    /// Starts one. A missing ActiveMQ fails the test: install the package activemq.
    pub(crate) fn start() -> ActiveMq {
        at_last("activemq", |_| ActiveMq::once())
    }

    fn once() -> Option<ActiveMq> {
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let dir = folder.path().to_str().unwrap();
        let config = CONFIG.replace("PORT", &port.to_string()).replace("DIR", dir);
        std::fs::write(folder.path().join("activemq.xml"), config).unwrap();
        std::fs::write(folder.path().join("log4j.properties"), LOG).unwrap();
        Some(ActiveMq { server: launch(&folder)?, port, folder })
    }

    /// Kills it, and starts it again at the same place.
    pub(crate) fn restart(&mut self) {
        self.server.kill();
        self.server = at_last("activemq", |_| launch(&self.folder));
    }
}

fn launch(folder: &TempDir) -> Option<Group> {
    let dir = folder.path().to_str().unwrap();
    let mut command = Command::new("java");
    command
        .args(["-Xmx192m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"])
        .args([
            format!("-Djava.io.tmpdir={dir}"),
            format!("-Dlog4j.configuration=file:{dir}/log4j.properties"),
        ])
        .args(["base", "conf", "data"].map(|what| format!("-Dactivemq.{what}={dir}")))
        .args(["-Dactivemq.home=/usr/share/activemq", "-jar", JAR, "start"])
        .arg(format!("xbean:file:{dir}/activemq.xml"));
    // "Apache ActiveMQ 5.17.2 (test, ID:…) started", and before that the same with its connector.
    Group::spawn_until(&mut command, "activemq", ") started")
}
