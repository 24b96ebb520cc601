//! A STOMP server made of literal frames.

use mtp::stomp::{Client, Config, ServerAddress, Session};
use mtp::{Error, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::{AGENT, Events, PATIENCE, Recorder, id};

pub(crate) const STOMP: &str = "STOMP\naccept-version:1.2\nhost:/\nendpoint-id:os\\c\\c00256D-0001\n\n\0";
pub(crate) const CONNECTED: &str = "CONNECTED\nversion:1.2\n\n\0";
pub(crate) const SUBSCRIBE: &str =
    "SUBSCRIBE\nid:0\ndestination:/queue/own\nack:auto\nreceipt:subscribed\n\n\0";
pub(crate) const SUBSCRIBED: &str = "RECEIPT\nreceipt-id:subscribed\n\n\0";
pub(crate) const DISCONNECT: &str = "DISCONNECT\nreceipt:last\n\n\0";
pub(crate) const LEFT: &str = "RECEIPT\nreceipt-id:last\n\n\0";

/// A MESSAGE with a body that is text.
pub(crate) fn message(body: &str) -> String {
    format!(
        "MESSAGE\nsubscription:0\nmessage-id:7\ndestination:/queue/own\n\
         content-type:application/vnd.bbf.usp.msg\nreply-to-dest:/queue/them\n\n{body}\0"
    )
}

/// The SEND frame of a Record that is text, for `/queue/them`.
pub(crate) fn send(record: &str) -> String {
    format!(
        "SEND\ndestination:/queue/them\ncontent-length:{}\ncontent-type:application/vnd.bbf.usp.msg\n\
         reply-to-dest:/queue/own\n\n{record}\0",
        record.len()
    )
}

pub(crate) struct Script(TcpListener);

impl Script {
    pub(crate) async fn listen() -> Script {
        Script(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// A client for it, with `/queue/own` as its destination.
    pub(crate) fn client(&self) -> Client {
        let config = Config { destination: Some("/queue/own".to_owned()), ..Config::new(id(AGENT)) };
        let port = self.0.local_addr().unwrap().port();
        let server = ServerAddress { host: "127.0.0.1".to_owned(), port, secure: false };
        Client::new(server, config, Role::Agent)
    }

    pub(crate) async fn accept(&self) -> Peer {
        Peer(timeout(PATIENCE, self.0.accept()).await.expect("in time").unwrap().0)
    }

    /// A client that connects in a task of its own, and what it meets.
    pub(crate) async fn connecting(&self, client: Client) -> (Peer, JoinHandle<Result<Session, Error>>) {
        let connecting = tokio::spawn(async move { client.connect().await });
        (self.accept().await, connecting)
    }

    /// A link that runs in a task of its own, and the server's end of it.
    pub(crate) async fn up(&self, client: Client, connected: &str) -> Up {
        let (handler, events) = Recorder::new();
        let gate = handler.gate.clone();
        let (mut peer, connecting) = self.connecting(client).await;
        peer.skip_frame().await;
        peer.say(connected).await;
        peer.skip_frame().await;
        peer.say(SUBSCRIBED).await;
        let session = connecting.await.unwrap().expect("the server lets us in");
        tokio::spawn(async move { session.run(&*handler).await });
        Up { peer, events, gate }
    }
}

pub(crate) struct Up {
    pub(crate) peer: Peer,
    pub(crate) events: Events,
    pub(crate) gate: std::sync::Arc<tokio::sync::Semaphore>,
}

/// The server's end of a connection.
pub(crate) struct Peer(pub(crate) TcpStream);

impl Peer {
    pub(crate) async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("the client reads");
    }

    /// The client says exactly this next.
    pub(crate) async fn hears(&mut self, text: &str) {
        let mut heard = vec![0; text.len()];
        let got = timeout(PATIENCE, self.0.read_exact(&mut heard)).await;
        got.expect("in time").expect("that many bytes");
        assert_eq!(String::from_utf8_lossy(&heard), text);
    }

    /// Reads up to the end of a frame.
    pub(crate) async fn skip_frame(&mut self) {
        while timeout(PATIENCE, self.0.read_u8()).await.expect("in time").expect("a whole frame") != 0 {}
    }

    /// Everything up to the end of the connection.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = String::new();
        timeout(PATIENCE, self.0.read_to_string(&mut rest)).await.expect("in time").expect("a clean end");
        rest
    }

    /// Nothing comes any more but the end of the connection.
    pub(crate) async fn hears_the_end(&mut self) {
        assert_eq!(self.rest().await, "");
    }
}
