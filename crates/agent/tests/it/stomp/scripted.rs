//! What the agent says to a STOMP server made of literal frames, which names destinations and fails as Debian's don't.

use requirement::requirement;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use usp_proto::{Record, RecordType};

use super::{CONNECTION, STATUS, hurry, local};
use crate::peer::Program;

/// The frames that an Endpoint sends: no transactions, and no acknowledgements.
const ALLOWED: [&str; 4] = ["STOMP", "SUBSCRIBE", "SEND", "DISCONNECT"];

/// The server's end of a connection.
struct Peer(BufReader<TcpStream>);

impl Peer {
    async fn accept(listener: &TcpListener) -> Peer {
        Peer(BufReader::new(listener.accept().await.expect("a connection").0))
    }

    async fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).await.expect("the agent reads");
    }

    /// The next frame: its head in one text, and its body.
    async fn frame(&mut self) -> (String, Vec<u8>) {
        let mut head = String::new();
        while !head.ends_with("\n\n") {
            self.0.read_line(&mut head).await.expect("a line");
            assert!(!head.is_empty(), "the end of the connection");
            // A heart-beat.
            if head == "\n" {
                head.clear();
            }
        }
        let command = head.lines().next().unwrap_or_default();
        assert!(ALLOWED.contains(&command), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length = length.map_or(0, |length| length.parse().expect("a length"));
        let mut body = vec![0; length + 1];
        self.0.read_exact(&mut body).await.expect("a whole frame");
        assert_eq!(body.pop(), Some(0));
        (head, body)
    }

    /// The next frame says exactly this.
    async fn hears(&mut self, head: &str) {
        assert_eq!(self.frame().await.0, head);
    }

    /// Lets the agent in, and confirms its subscription to this destination.
    async fn admit(&mut self, connected: &str, destination: &str) {
        self.say(&format!("CONNECTED\nversion:1.2\n{connected}\n\0")).await;
        self.hears(&format!("SUBSCRIBE\nid:0\ndestination:{destination}\nack:auto\nreceipt:subscribed\n\n"))
            .await;
        self.say("RECEIPT\nreceipt-id:subscribed\n\n\0").await;
    }

    /// The agent greets its controller, and names this destination as its own in both places.
    async fn is_greeted(&mut self, destination: &str) {
        let (head, body) = self.frame().await;
        let length = body.len();
        assert_eq!(
            head,
            format!(
                "SEND\ndestination:/queue/theirs\ncontent-length:{length}\n\
                 content-type:application/vnd.bbf.usp.msg\nreply-to-dest:{destination}\n\n"
            )
        );
        let record = Record::decode(body.into()).expect("a Record");
        let expected = RecordType::StompConnect { subscribed_destination: destination.to_owned() };
        assert_eq!(record.record_type, expected);
    }
}

const PLAIN: &str = "STOMP\naccept-version:1.2\nhost:vhost\nlogin:user\npasscode:secret\n\
                     endpoint-id:proto\\clab\\cagent\n\n";
const BEATING: &str = "STOMP\naccept-version:1.2\nhost:vhost\nlogin:user\npasscode:secret\n\
                       endpoint-id:proto\\clab\\cagent\nheart-beat:1000,2000\n\n";

#[requirement(
    "R-STOMP.0",
    "R-STOMP.1",
    "R-STOMP.5",
    "R-STOMP.6",
    "R-STOMP.7",
    "R-STOMP.8",
    "R-STOMP.9",
    "R-STOMP.10",
    "R-STOMP.14",
    "R-STOMP.15",
    "R-STOMP.16",
    "R-STOMP.22",
    "R-STOMP.25",
    "R-STOMP.26",
    "R-STOMP.27",
    "R-STOMP.29"
)]
#[tokio::test]
async fn it_says_what_the_tables_say_and_tries_again_whatever_happens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    let folder = tempfile::tempdir().expect("a folder");
    let (mut local, text) = local().await;
    let text = format!(
        "{text}[[controller]]\nendpoint = \"proto::remote\"\n[controller.stomp]\n\
         server = \"stomp://127.0.0.1:{port}\"\ndestination = \"/queue/theirs\"\n\
         own_destination = \"/queue/own\"\nhost = \"vhost\"\nusername = \"user\"\npassword = \"secret\"\n\
         outgoing_heartbeat = 1000\nincoming_heartbeat = 2000\n"
    );
    let _program = Program::start_with(&[], folder.path(), &text);
    local.connected().await;
    hurry(&mut local).await;
    let mut peer = Peer::accept(&listener).await;
    peer.hears(BEATING).await;
    peer.admit("subscribe-dest:/queue/given\n", "/queue/given").await;
    peer.is_greeted("/queue/given").await;
    let given = "Device.LocalAgent.MTP.1.STOMP.DestinationFromServer";
    local.until(STATUS, "Enabled").await;
    local.until(given, "/queue/given").await;
    assert_eq!(local.value("Device.LocalAgent.MTP.1.STOMP.Destination").await, "/queue/own");

    // Heart-beats hold from the next connection on; the server makes that by its ERROR.
    local.set(CONNECTION, "EnableHeartbeats", "false").await;
    peer.say("ERROR\nmessage:enough\n\n\0").await;
    let mut peer = Peer::accept(&listener).await;
    peer.hears(PLAIN).await;
    peer.admit("", "/queue/own").await;
    peer.is_greeted("/queue/own").await;
    local.until(given, "").await;

    // Without a destination from the server, one that changes is subscribed to, and the controller is told.
    local.set("Device.LocalAgent.MTP.1.STOMP.", "Destination", "/queue/moved").await;
    peer.hears("DISCONNECT\nreceipt:last\n\n").await;
    peer.say("RECEIPT\nreceipt-id:last\n\n\0").await;
    let mut peer = Peer::accept(&listener).await;
    peer.hears(PLAIN).await;
    peer.admit("", "/queue/moved").await;
    peer.is_greeted("/queue/moved").await;

    // With none at all it leaves, and tries again.
    local.set("Device.LocalAgent.MTP.1.STOMP.", "Destination", "").await;
    peer.hears("DISCONNECT\nreceipt:last\n\n").await;
    drop(peer);
    for _ in 0..2 {
        let mut peer = Peer::accept(&listener).await;
        peer.hears(PLAIN).await;
        peer.say("CONNECTED\nversion:1.2\n\n\0").await;
        peer.hears("DISCONNECT\n\n").await;
    }
    local.until(STATUS, "Error_Misconfigured").await;
}
