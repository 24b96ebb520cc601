//! A small HTTP client: one request per connection.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Whom to ask, and as whom.
pub(crate) struct Client {
    address: SocketAddr,
    pub(crate) token: Option<String>,
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
}

/// What was answered; the body is null when it is no JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// Of a list.
    pub(crate) fn items(&self) -> &[Value] {
        self.body["items"].as_array().unwrap_or_else(|| panic!("no list: {}", self.body))
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Client {
        Client { address, token: None, tls: None }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: Option<Value>) -> Answer {
        let body = body.map_or(String::new(), |body| body.to_string());
        self.call("POST", path, &body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, "").await
    }

    /// A path below `/api/v1`; a body is said to be JSON, whatever it is.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        let answer = self.raw(method, &format!("/api/v1{path}"), body).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Answer { status: status.expect("a status"), body: serde_json::from_str(body).unwrap_or(Value::Null) }
    }

    /// The body of what is answered with 200 at a whole path, whatever it is.
    pub(crate) async fn text(&self, method: &str, path: &str) -> String {
        let answer = self.raw(method, path, "").await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        body.to_owned()
    }

    /// The body of what is answered with 200 at a whole path, in bytes, to whom nobody knows.
    pub(crate) async fn bytes(&self, path: &str) -> Vec<u8> {
        let head = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        let answer = self.exchange(&head, "").await;
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("an HTTP answer");
        answer[end + 4..].to_vec()
    }

    /// What is answered at a whole path, head and all.
    pub(crate) async fn raw(&self, method: &str, path: &str, body: &str) -> String {
        let answer = self.exchange(&self.head(method, path, body), body).await;
        String::from_utf8(answer).expect("an answer in UTF-8")
    }

    async fn exchange(&self, head: &str, body: &str) -> Vec<u8> {
        let socket = TcpStream::connect(self.address).await.expect("the HTTP listener");
        match &self.tls {
            None => exchange(socket, head, body).await,
            Some(tls) => {
                let name = ServerName::from(self.address.ip());
                let connector = TlsConnector::from(Arc::clone(tls));
                exchange(connector.connect(name, socket).await.expect("TLS"), head, body).await
            }
        }
    }

    fn head(&self, method: &str, path: &str, body: &str) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        if let Some(token) = &self.token {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        if !body.is_empty() {
            head.push_str("Content-Type: application/json\r\n");
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        head
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, head: &str, body: &str) -> Vec<u8> {
    stream.write_all(head.as_bytes()).await.expect("the request is taken");
    stream.write_all(body.as_bytes()).await.expect("the body is taken");
    let mut answer = Vec::new();
    // A server that has said everything may break off without a TLS close.
    let _ = stream.read_to_end(&mut answer).await;
    answer
}
