//! A client that measures: HTTP/1.1 over one connection that stays open, JSON in, status out.

use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    head: String,
}

impl Connection {
    /// To the API at `address`, for the owner of `token`.
    pub(crate) async fn open(address: &str, token: &str) -> Connection {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket");
        let head =
            format!("Host: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        Connection { stream: BufReader::new(stream), head }
    }

    /// Posts, and gives the body of the answer, whose status must be 200 or 202.
    pub(crate) async fn post(&mut self, place: &str, body: &str) -> Vec<u8> {
        let request = format!(
            "POST /api/v1{place} HTTP/1.1\r\n{}Content-Length: {}\r\n\r\n{body}",
            self.head,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await.expect("it is written");
        let mut line = String::new();
        self.stream.read_line(&mut line).await.expect("an answer");
        let is_good = ["HTTP/1.1 200 ", "HTTP/1.1 202 "].iter().any(|good| line.starts_with(good));
        let status = line.clone();
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line).await.expect("a header");
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().expect("a number");
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.expect("the body");
        assert!(is_good, "{status}{}", String::from_utf8_lossy(&body));
        body
    }
}

/// What a number of requests took.
pub(crate) struct Run {
    seconds: f64,
    latencies: Vec<Duration>,
}

impl Run {
    /// So many requests, over so many connections at once; `request` gives place and body by number.
    pub(crate) async fn new(
        connections: Vec<Connection>,
        count: usize,
        request: impl Fn(usize) -> (String, String) + Clone + Send + 'static,
    ) -> (Run, Vec<Connection>) {
        let began = Instant::now();
        let step = connections.len();
        let tasks = connections.into_iter().enumerate().map(|(first, mut connection)| {
            let request = request.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::with_capacity(count / step + 1);
                for number in (first..count).step_by(step) {
                    let (place, body) = request(number);
                    let began = Instant::now();
                    connection.post(&place, &body).await;
                    latencies.push(began.elapsed());
                }
                (connection, latencies)
            })
        });
        let (mut back, mut latencies) = (Vec::new(), Vec::new());
        for task in tasks.collect::<Vec<_>>() {
            let (connection, own) = task.await.expect("no panic");
            back.push(connection);
            latencies.extend(own);
        }
        let seconds = began.elapsed().as_secs_f64();
        latencies.sort_unstable();
        (Run { seconds, latencies }, back)
    }

    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.seconds
    }

    /// The time that so many of a hundred stay under, ms.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len() - 1);
        self.latencies[at].as_secs_f64() * 1000.0
    }
}
