//! Requests to the API. It knows routes and answers, not what is done with them.

use std::io::{BufReader, Read};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use ureq::http::request::Builder;
use ureq::http::{Method, Request, Response};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::Failure;
use super::login::{self, Credentials};
use crate::cli::ServerArgs;
use crate::output::{list, text};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take beyond the time that the server was asked to wait.
const ANSWER: Duration = Duration::from_secs(30);
/// How long an event stream may say nothing; the server says something every 15 s.
const SILENCE: Duration = Duration::from_secs(60);
/// The longest answer, bytes.
const ANSWER_BYTES: u64 = 256 << 20;
/// The most rows that are asked for at once.
const PAGE: usize = 500;

/// A server, and who we are there.
pub(crate) struct Client {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

/// Names and values of a query.
pub(crate) type Query<'a> = &'a [(&'a str, String)];

impl Client {
    /// The server of the options, the environment, or `cusp login`.
    ///
    /// # Errors
    /// When no server is named, or a file can't be read.
    pub(crate) fn new(server: &ServerArgs) -> Result<Client, Failure> {
        Client::patient(server, Duration::ZERO)
    }

    /// One whose server is asked to hold answers back so long.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn patient(server: &ServerArgs, wait: Duration) -> Result<Client, Failure> {
        let access = login::access(server)?;
        let config = ureq::Agent::config_builder().timeout_recv_response(Some(wait + ANSWER));
        Client::build(config, access)
    }

    /// One for an event stream.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn streaming(server: &ServerArgs) -> Result<Client, Failure> {
        let access = login::access(server)?;
        let config = ureq::Agent::config_builder().timeout_per_read(Some(SILENCE));
        Client::build(config, access)
    }

    /// One for the credentials that `cusp login` is about to try.
    ///
    /// # Errors
    /// When the certificates can't be understood.
    pub(crate) fn with(access: Credentials) -> Result<Client, Failure> {
        Client::build(ureq::Agent::config_builder().timeout_recv_response(Some(ANSWER)), access)
    }

    fn build(
        config: ureq::config::ConfigBuilder<ureq::typestate::AgentScope>,
        access: Credentials,
    ) -> Result<Client, Failure> {
        let mut tls = TlsConfig::builder();
        if let Some(pem) = &access.ca {
            tls = tls.root_certs(roots(pem)?);
        }
        let config = config
            .timeout_connect(Some(CONNECT))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("cusp/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .build();
        let base = base(&access.url)?;
        Ok(Client { agent: config.new_agent(), base, token: access.token })
    }

    /// The server's URL.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Reads.
    ///
    /// # Errors
    /// What the server or the network says.
    pub(crate) fn get(&self, path: &str, query: Query<'_>) -> Result<Value, Failure> {
        read(self.send(Method::GET, path, query, &[], None)?)
    }

    /// Makes or does something.
    ///
    /// # Errors
    /// What the server or the network says.
    pub(crate) fn post(&self, path: &str, query: Query<'_>, body: &Value) -> Result<Value, Failure> {
        read(self.send(Method::POST, path, query, &[], Some(body))?)
    }

    /// [`Client::post`] with headers.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn post_with(
        &self,
        path: &str,
        query: Query<'_>,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Result<Value, Failure> {
        read(self.send(Method::POST, path, query, headers, Some(body))?)
    }

    /// Gives the server a file as it is.
    ///
    /// # Errors
    /// What the server or the network says.
    pub(crate) fn upload(&self, path: &str, media: &str, file: Vec<u8>) -> Result<Value, Failure> {
        let request = self.request(Method::POST, path, &[], &[]).header("Content-Type", media);
        read(self.answer(self.agent.run(request.body(file).map_err(wrong)?))?)
    }

    /// Reads what is not JSON.
    ///
    /// # Errors
    /// What the server or the network says.
    pub(crate) fn text(&self, path: &str, query: Query<'_>) -> Result<String, Failure> {
        let mut response = self.send(Method::GET, path, query, &[], None)?;
        if !response.status().is_success() {
            read(response)?;
            return Err(Failure::new("the server did not answer with a text"));
        }
        let limit = response.body_mut().with_config().limit(ANSWER_BYTES);
        limit
            .read_to_string()
            .map_err(|error| Failure::new("the server's answer ended early").with(error.to_string()))
    }

    /// Sets something.
    ///
    /// # Errors
    /// What the server or the network says.
    pub(crate) fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        read(self.send(Method::PUT, path, &[], &[], Some(body))?)
    }

    /// Changes something.
    ///
    /// # Errors
    /// What the server or the network says.
    pub(crate) fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        read(self.send(Method::PATCH, path, &[], &[], Some(body))?)
    }

    /// Removes something.
    ///
    /// # Errors
    /// What the server or the network says.
    pub(crate) fn delete(&self, path: &str) -> Result<Value, Failure> {
        read(self.send(Method::DELETE, path, &[], &[], None)?)
    }

    /// The rows of a list, over as many requests as it takes.
    ///
    /// # Errors
    /// What the server or the network says.
    pub(crate) fn rows(
        &self,
        path: &str,
        query: Query<'_>,
        most: Option<usize>,
    ) -> Result<Vec<Value>, Failure> {
        let mut rows = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let wanted = most.map_or(PAGE, |most| PAGE.min(most - rows.len()));
            let mut query = query.to_vec();
            query.push(("limit", wanted.to_string()));
            query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let page = self.get(path, &query)?;
            rows.extend(list(&page, "items").iter().cloned());
            let next = text(&page, "next");
            let enough = most.is_some_and(|most| rows.len() >= most);
            // A page without rows would be asked for again and again.
            if next.is_empty() || enough || list(&page, "items").is_empty() {
                rows.truncate(most.unwrap_or(usize::MAX));
                return Ok(rows);
            }
            cursor = Some(next.to_owned());
        }
    }

    /// Opens an event stream after a position.
    ///
    /// # Errors
    /// What the server or the network says.
    pub(crate) fn stream(
        &self,
        path: &str,
        query: Query<'_>,
        last: Option<u64>,
    ) -> Result<BufReader<impl Read + use<>>, Failure> {
        let last = last.map(|last| last.to_string());
        let mut headers = vec![("Accept", "text/event-stream")];
        headers.extend(last.as_deref().map(|last| ("Last-Event-ID", last)));
        let response = self.send(Method::GET, path, query, &headers, None)?;
        if !response.status().is_success() {
            read(response)?;
            return Err(Failure::new("the server did not open an event stream"));
        }
        Ok(BufReader::new(response.into_body().into_with_config().limit(u64::MAX).reader()))
    }

    /// Signs in with a password, and makes a token with the session.
    ///
    /// # Errors
    /// What the server or the network says.
    pub(crate) fn sign_in(&self, user: &str, password: &str, role: Option<&str>) -> Result<String, Failure> {
        let body = serde_json::json!({ "user": user, "password": password });
        let response = self.send(Method::POST, "/auth/login", &[], &[], Some(&body))?;
        let cookie = response.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next()).unwrap_or_default().to_owned();
        let me = read(response)?;
        let own = list(&me, "roles").first().and_then(Value::as_str).unwrap_or("viewer");
        let body =
            serde_json::json!({ "name": format!("command line of {user}"), "role": role.unwrap_or(own) });
        let headers = [("Cookie", cookie.as_str()), ("X-Cusp-Request", "1")];
        let made = self.post_with("/tokens", &[], &headers, &body)?;
        // The session was for this alone.
        let _ = self.send(Method::POST, "/auth/logout", &[], &headers, Some(&serde_json::json!({})));
        Ok(text(&made, "token").to_owned())
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        query: Query<'_>,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Response<ureq::Body>, Failure> {
        let request = self.request(method, path, query, headers);
        self.answer(match body {
            Some(body) => {
                let request = request.header("Content-Type", "application/json");
                self.agent.run(request.body(body.to_string()).map_err(wrong)?)
            }
            None => self.agent.run(request.body(()).map_err(wrong)?),
        })
    }

    fn request(&self, method: Method, path: &str, query: Query<'_>, headers: &[(&str, &str)]) -> Builder {
        let mut uri = format!("{}/api/v1{path}", self.base);
        for (at, (name, value)) in query.iter().enumerate() {
            uri.push(if at == 0 { '?' } else { '&' });
            uri.push_str(&format!("{name}={}", encode(value)));
        }
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request
    }

    fn answer(
        &self,
        sent: Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<Response<ureq::Body>, Failure> {
        sent.map_err(|error| {
            Failure::new(format!("{} does not answer", self.base)).with(error.to_string()).outage()
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn wrong(error: ureq::http::Error) -> Failure {
    Failure::usage(format!("not a request: {error}"))
}

/// The JSON of an answer, or the problem that it tells.
fn read(mut response: Response<ureq::Body>) -> Result<Value, Failure> {
    let status = response.status();
    let limit = response.body_mut().with_config().limit(ANSWER_BYTES);
    let bytes = limit
        .read_to_vec()
        .map_err(|error| Failure::new("the server's answer ended early").with(error.to_string()))?;
    let body = serde_json::from_slice(&bytes);
    if !status.is_success() {
        return Err(Failure::problem(status.as_u16(), &body.unwrap_or(Value::Null)));
    }
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    body.map_err(|error| {
        Failure::new("the server's answer is not JSON: is this a Cusp server?").with(error.to_string())
    })
}

/// A piece of a URL's path, or a query's value.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The URL of a server without what follows the address.
pub(crate) fn base(url: &str) -> Result<String, Failure> {
    let trimmed = url.trim_end_matches('/');
    let address = trimmed.strip_prefix("http://").or_else(|| trimmed.strip_prefix("https://"));
    match address {
        Some(address) if !address.is_empty() && !address.contains(['?', '#', '@', ' ']) => {
            Ok(trimmed.to_owned())
        }
        _ => Err(Failure::usage(format!(
            "{url:?} is not the URL of a server, such as https://cusp.example:8080"
        ))),
    }
}

/// The certificates of a PEM text.
fn roots(pem: &str) -> Result<RootCerts, Failure> {
    let items = parse_pem(pem.as_bytes()).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    let certificates: Result<Vec<_>, _> = items.collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(RootCerts::from(certificates)),
        Ok(_) => Err(Failure::usage("there is no certificate in the CA file")),
        Err(error) => Err(Failure::usage("the CA file is not PEM").with(error.to_string())),
    }
}

/// The text of a CA file.
pub(crate) fn read_ca(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read {}", path.display())).with(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::{base, encode, roots};

    #[test]
    fn what_is_no_name_is_encoded() {
        assert_eq!(encode("os::012345-A/B é"), "os%3A%3A012345-A%2FB%20%C3%A9");
    }

    #[test]
    fn a_server_is_an_address() {
        let check =
            |url: &str, expected: Option<&str>| assert_eq!(base(url).ok().as_deref(), expected, "{url}");
        check("http://127.0.0.1:8080", Some("http://127.0.0.1:8080"));
        check("https://cusp.example/", Some("https://cusp.example"));
        check("https://example/cusp/", Some("https://example/cusp"));
        for wrong in ["", "cusp.example", "ftp://a", "http://", "http://a?b", "http://user:secret@a"] {
            check(wrong, None);
        }
    }

    #[test]
    fn a_ca_file_holds_certificates() {
        assert_eq!(roots("hello").map(drop).map_err(|failure| failure.code), Err(2));
    }
}
