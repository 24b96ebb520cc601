//! A server with canned answers. It knows no HTTP but what one client needs.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

/// `METHOD path?query`, and the status and body that it is answered with.
pub(crate) type Canned = (&'static str, u16, &'static str);

/// A running server; it ends with the test process.
pub(crate) struct Fake {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// Answers each request by the first line that begins it; 404 to others.
    pub(crate) fn start(canned: &'static [Canned]) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let log = Arc::clone(&log);
                std::thread::spawn(move || serve(&stream, canned, &log));
            }
        });
        Fake { url, seen }
    }

    /// What was asked, `METHOD path`, then headers of interest, then the body.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no test panics with it").clone()
    }

    /// Runs `cusp` with this server and a token.
    pub(crate) fn cusp(&self, args: &[&str]) -> Ran {
        run(args, &[("CUSP_URL", &self.url), ("CUSP_TOKEN", "cusp_t")], "")
    }
}

fn serve(stream: &TcpStream, canned: &[Canned], log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    while let Some((line, body)) = request(&mut reader) {
        let what = line.split(" HTTP/").next().unwrap_or_default().to_owned();
        let found =
            canned.iter().find(|(wanted, ..)| what == *wanted || what.starts_with(&format!("{wanted}?")));
        log.lock().expect("no test panics with it").push(format!("{what} {body}").trim_end().to_owned());
        let (status, answer) =
            found.map_or((404, r#"{"title":"Not Found"}"#), |(_, status, answer)| (*status, *answer));
        let stream_of_events = what.contains("/events/stream");
        let head = if stream_of_events {
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n".to_owned()
        } else {
            format!(
                "HTTP/1.1 {status} X\r\nset-cookie: cusp_session=s; HttpOnly\r\ncontent-length: {}\r\n\r\n",
                answer.len()
            )
        };
        let mut stream = stream;
        if stream.write_all(format!("{head}{answer}").as_bytes()).is_err() || stream_of_events {
            return;
        }
    }
}

/// The request line, and the headers of interest with the body.
fn request(reader: &mut impl BufRead) -> Option<(String, String)> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let (mut length, mut rest) = (0, Vec::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
        let known = ["authorization", "cookie", "x-cusp-request", "idempotency-key", "last-event-id"];
        if known.iter().any(|name| line.starts_with(name)) {
            rest.push(line);
        }
    }
    rest.sort();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    rest.push(String::from_utf8_lossy(&body).into_owned());
    Some((first.trim_end().to_owned(), rest.join(" ")))
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `cusp` with no environment but this, and this on standard input.
pub(crate) fn run(args: &[&str], environment: &[(&str, &str)], input: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cusp"))
        .args(args)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cusp starts");
    // A command that reads nothing may have closed it.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().expect("cusp ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("cusp prints text");
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}
