//! Sending a file by HTTP PUT: one request, one answer, HTTP/1.1, with or without TLS.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dm::{Code, Fault};
use pki::ClientTls;
use rustls_pki_types::ServerName;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::limits::{MAX_HTTP_HEAD, UPLOAD_IDLE};

/// Where a file goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// `https`.
    pub secure: bool,
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path and query, from the slash on.
    pub path: String,
}

/// User name and password.
pub type Login<'a> = Option<(&'a str, &'a str)>;

const PIECE: usize = 16 * 1024;

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// 7027 when it is no `http` or `https` URL.
    pub fn parse(url: &str) -> Result<Target, Fault> {
        let wrong = |why: &str| Fault::new(Code::INVALID_COMMAND_ARGUMENTS, format!("URL: {why}"));
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("only printable ASCII is allowed"));
        }
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("no scheme"))?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(wrong("http and https are supported")),
        };
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(wrong("the user name has its own argument"));
        }
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, after)) => (host, after.strip_prefix(':')),
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let usual = if secure { 443 } else { 80 };
        let port = port.map_or(Ok(usual), |port| port.parse().map_err(|_| wrong("no port number")))?;
        if host.is_empty() {
            return Err(wrong("no host"));
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Target { secure, host: host.to_owned(), port, path })
    }

    fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.secure { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    /// The head of the request.
    pub fn head(&self, length: u64, login: Login<'_>) -> String {
        let login = login.map_or_else(String::new, |(user, password)| {
            format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")))
        });
        format!(
            "PUT {path} HTTP/1.1\r\nHost: {host}\r\n{login}Content-Type: application/octet-stream\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n",
            path = self.path,
            host = self.authority(),
        )
    }
}

/// Sends a file.
///
/// # Errors
/// 7022 with the reason.
pub async fn put(
    file: &Path,
    target: &Target,
    login: Login<'_>,
    tls: Option<ClientTls>,
) -> Result<(), Fault> {
    let mut file = File::open(file).await.map_err(|error| failed("the file", &error))?;
    let length = file.metadata().await.map_err(|error| failed("the file", &error))?.len();
    let connecting = TcpStream::connect((target.host.as_str(), target.port));
    let socket = in_time(connecting).await?.map_err(|error| failed("connecting", &error))?;
    let head = target.head(length, login);
    let status = match tls {
        None => exchange(socket, &head, &mut file, length).await?,
        Some(tls) => {
            let name = ServerName::try_from(target.host.clone());
            let name = name.map_err(|_| Fault::new(Code::INVALID_COMMAND_ARGUMENTS, "URL: no host name"))?;
            let shaking = TlsConnector::from(tls.config().clone()).connect(name, socket);
            let stream = in_time(shaking).await?.map_err(|error| failed("TLS", &error))?;
            exchange(stream, &head, &mut file, length).await?
        }
    };
    if (200..300).contains(&status) {
        return Ok(());
    }
    Err(Fault::new(Code::COMMAND_FAILURE, format!("the server answered with status {status}")))
}

/// Sends head and body, and reads the status. The body is as long as the head says, even if the log
/// grows meanwhile.
async fn exchange<S>(mut stream: S, head: &str, file: &mut File, length: u64) -> Result<u16, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let broken = |error: std::io::Error| failed("sending", &error);
    in_time(stream.write_all(head.as_bytes())).await?.map_err(broken)?;
    let mut piece = vec![0; PIECE];
    let mut body = file.take(length);
    let mut sent = 0;
    loop {
        let read = body.read(&mut piece).await.map_err(|error| failed("the file", &error))?;
        if read == 0 {
            break;
        }
        sent += read as u64;
        in_time(stream.write_all(&piece[..read])).await?.map_err(broken)?;
    }
    if sent < length {
        return Err(Fault::new(Code::COMMAND_FAILURE, "the file became shorter meanwhile"));
    }
    in_time(stream.flush()).await?.map_err(broken)?;
    status(&mut stream).await
}

async fn status<S: AsyncRead + Unpin>(stream: &mut S) -> Result<u16, Fault> {
    let mut head = Vec::new();
    while !head.contains(&b'\n') && head.len() < MAX_HTTP_HEAD {
        let read =
            in_time(stream.read_buf(&mut head)).await?.map_err(|error| failed("the answer", &error))?;
        if read == 0 {
            break;
        }
    }
    status_of(&head).ok_or_else(|| Fault::new(Code::COMMAND_FAILURE, "the answer is not HTTP"))
}

/// The status of the first line of an answer.
pub fn status_of(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\n').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok().filter(|status| (100..600).contains(status))
}

async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, Fault> {
    let late = |_| Fault::new(Code::COMMAND_FAILURE, "the server does not answer");
    timeout(UPLOAD_IDLE, work).await.map_err(late)
}

fn failed(what: &str, error: &std::io::Error) -> Fault {
    Fault::new(Code::COMMAND_FAILURE, format!("{what}: {error}"))
}
