//! Debian's mosquitto_pub and mosquitto_sub as clients of the embedded broker.

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};

use mtp::mqtt::broker::{Denied, Offence};
use requirement::requirement;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::world::free;
use crate::mqtt::embedded::Embedded;
use crate::support::PATIENCE;

const VERSIONS: [&str; 2] = ["mqttv5", "mqttv311"];

fn program(name: &str, addr: SocketAddr, arguments: &[&str]) -> Command {
    // What they print is wanted line by line.
    let mut command = Command::new("stdbuf");
    command.args(["-oL", name]).args(["-h", "127.0.0.1", "-p", &addr.port().to_string()]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    command
}

/// A missing program fails the test: install the package mosquitto-clients.
fn start(name: &str, addr: SocketAddr, arguments: &[&str]) -> Child {
    program(name, addr, arguments).spawn().expect("mosquitto-clients is installed")
}

async fn publish(addr: SocketAddr, arguments: &[&str]) -> ExitStatus {
    let mut child = start("mosquitto_pub", addr, arguments);
    timeout(PATIENCE, child.wait()).await.expect("in time").expect("it ends")
}

/// mosquitto_sub, once it says that it has subscribed.
async fn subscribed(addr: SocketAddr, arguments: &[&str]) -> (Child, BufReader<ChildStdout>) {
    let mut child = start("mosquitto_sub", addr, &[&["-d", "-F", "<%t> %q %p"], arguments].concat());
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    until(&mut out, "Subscribed").await;
    (child, out)
}

/// The next line that has this in it.
async fn until(out: &mut BufReader<ChildStdout>, what: &str) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        let read = timeout(PATIENCE, out.read_line(&mut line)).await.expect("in time").expect("text");
        assert!(read > 0, "it ended without {what}");
        if line.contains(what) {
            return line.trim_end().to_owned();
        }
    }
}

#[tokio::test]
#[requirement("R-MQTT.39", "R-MQTT.40", "R-MQTT.46")]
async fn messages_travel_between_foreign_clients() {
    let broker = Embedded::start(|facts, _| Ok(free(&facts.client_id))).await;
    for from in VERSIONS {
        for to in VERSIONS {
            for qos in ["0", "1", "2"] {
                let (_child, mut out) = subscribed(broker.addr, &["-V", to, "-q", qos, "-t", "a/+"]).await;
                let sent = publish(broker.addr, &["-V", from, "-q", qos, "-t", "a/b", "-m", "hello"]).await;
                assert!(sent.success(), "{from} {to} {qos}");
                assert_eq!(until(&mut out, "<a/b>").await, format!("<a/b> {qos} hello"));
            }
        }
    }
}

#[tokio::test]
async fn a_megabyte_and_a_retained_message() {
    let broker = Embedded::start(|facts, _| Ok(free(&facts.client_id))).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("megabyte");
    std::fs::write(&file, vec![b'x'; 1_000_000]).unwrap();
    for version in VERSIONS {
        let file = file.to_str().unwrap();
        let sent = publish(broker.addr, &["-V", version, "-q", "1", "-r", "-t", "big", "-f", file]).await;
        assert!(sent.success());
        let mut child =
            start("mosquitto_sub", broker.addr, &["-V", version, "-q", "1", "-t", "big", "-C", "1", "-N"]);
        let mut received = Vec::new();
        let reading = child.stdout.as_mut().expect("piped").read_to_end(&mut received);
        timeout(PATIENCE, reading).await.expect("in time").expect("bytes");
        assert!(received == vec![b'x'; 1_000_000], "{}", received.len());
    }
}

#[tokio::test]
async fn the_will_of_a_killed_client() {
    let broker = Embedded::start(|facts, _| Ok(free(&facts.client_id))).await;
    for version in VERSIONS {
        let (_child, mut out) = subscribed(broker.addr, &["-V", version, "-t", "wills"]).await;
        let will = ["-V", version, "-t", "x", "--will-topic", "wills", "--will-payload", "gone"];
        let (mut mortal, _out) = subscribed(broker.addr, &will).await;
        mortal.kill().await.expect("it is ours");
        assert_eq!(until(&mut out, "<wills>").await, "<wills> 0 gone");
    }
}

#[tokio::test]
#[requirement("R-MQTT.42", "R-MQTT.43")]
async fn what_is_not_allowed_fails() {
    let mut broker = Embedded::start(|facts, _| {
        if facts.password.as_deref() != Some(b"right") {
            return Err(Denied::Credentials);
        }
        let mut rights = free("me");
        rights.subscribe = vec!["own/#".parse().unwrap()];
        rights.publish = vec!["own/#".parse().unwrap()];
        Ok(rights)
    })
    .await;
    for version in VERSIONS {
        let login =
            |password, topic| ["-V", version, "-u", "me", "-P", password, "-q", "1", "-t", topic, "-m", "x"];
        assert!(publish(broker.addr, &login("right", "own/a")).await.success());
        assert!(!publish(broker.addr, &login("wrong", "own/a")).await.success());
        assert_eq!(broker.told().await.what, Offence::Refused(0x86));
        let listen = ["-V", version, "-u", "me", "-P", "right", "-t", "others/#", "-C", "1"];
        let mut child = start("mosquitto_sub", broker.addr, &listen);
        // It leaves when nothing was granted.
        timeout(PATIENCE, child.wait()).await.expect("in time").expect("it ends");
        assert_eq!(broker.told().await.what, Offence::ForbiddenFilter("others/#".to_owned()));
    }
}
