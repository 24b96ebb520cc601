//! A peer made of literal bytes: what no well-behaved library would send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::PATIENCE;

/// The example of RFC 6455 section 1.3 as USP would send it.
pub(crate) const GOOD: &str = "GET /usp?eid=os::00256D-0001 HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Protocol: v1.usp\r\n\r\n";

pub(crate) struct Raw(TcpStream);

impl Raw {
    pub(crate) async fn connect(addr: SocketAddr) -> Raw {
        Raw(TcpStream::connect(addr).await.expect("the listener is there"))
    }

    /// Connects and upgrades.
    pub(crate) async fn upgraded(addr: SocketAddr) -> Raw {
        let mut raw = Raw::connect(addr).await;
        raw.send(GOOD.as_bytes()).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
        raw
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("the peer reads");
    }

    /// A head, up to its blank line.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(PATIENCE, self.0.read_u8()).await.expect("in time").expect("a whole head"));
        }
        String::from_utf8(head).expect("a head is text")
    }

    /// Exactly so many bytes.
    pub(crate) async fn take<const N: usize>(&mut self) -> [u8; N] {
        self.take_within(PATIENCE).await
    }

    pub(crate) async fn take_within<const N: usize>(&mut self, patience: Duration) -> [u8; N] {
        let mut bytes = [0; N];
        timeout(patience, self.0.read_exact(&mut bytes)).await.expect("in time").expect("that many bytes");
        bytes
    }

    /// Everything until the peer closes.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.expect("in time").expect("a clean end");
        rest
    }

    /// The code of the close frame that comes next, after which the server closes the connection.
    pub(crate) async fn closed_with(&mut self) -> u16 {
        let [first, length] = self.take().await;
        assert_eq!(first, 0x88, "an unfragmented close frame");
        let code = u16::from_be_bytes(self.take().await);
        assert_eq!(self.rest().await.len(), usize::from(length) - 2);
        code
    }
}

/// A masked frame as a client sends it, the mask being zero: so the payload stays readable.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | u8::try_from(short).unwrap()),
        long @ 126..=0xFFFF => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(long).unwrap().to_be_bytes());
        }
        longer => {
            bytes.push(0x80 | 127);
            bytes.extend((longer as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}
