//! Requests to a server that may die in the middle of one.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::http::{Method, Request};

/// No test waits for this long unless something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A status, and a body in JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// Requests with a token.
#[derive(Clone)]
pub(crate) struct Api {
    agent: ureq::Agent,
    base: String,
    token: String,
}

impl Api {
    pub(crate) fn new(address: SocketAddr, token: &str) -> Api {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let config = config.timeout_recv_response(Some(PATIENCE));
        let base = format!("http://{address}");
        Api { agent: config.build().new_agent(), base, token: token.to_owned() }
    }

    /// A path below `/api/v1`; `None` where no whole answer came.
    pub(crate) fn attempt(&self, method: Method, path: &str, body: Option<&Value>) -> Option<Answer> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token));
        let answered = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(body.to_string()).expect("a request"))
            }
            None => self.agent.run(request.body(()).expect("a request")),
        };
        let mut answer = answered.ok()?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().read_to_string().ok()?;
        Some(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::Null) })
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.attempt(Method::GET, path, None).expect("an answer");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.attempt(Method::POST, path, Some(body)).expect("an answer")
    }

    /// Every row of a list.
    pub(crate) fn rows(&self, path: &str) -> Vec<Value> {
        let (mut rows, mut next) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}?limit=500{next}"));
            rows.extend(page["items"].as_array().expect("a list").iter().cloned());
            let Some(cursor) = page["next"].as_str() else { return rows };
            next = format!("&cursor={cursor}");
        }
    }

    /// Asks again until the answer is as wanted.
    pub(crate) fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let Some(found) = self.becomes(path, wanted) else {
            panic!("{path} never was as wanted: {:?}", self.attempt(Method::GET, path, None));
        };
        found
    }

    /// The same, and `None` when patience ends.
    pub(crate) fn becomes(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let answer = self.attempt(Method::GET, path, None);
            if let Some(answer) = answer.filter(|answer| answer.status == 200 && wanted(&answer.body)) {
                return Some(answer.body);
            }
        }
        None
    }

    /// Runs an operation on a device and waits for its end; the job.
    pub(crate) fn operation(&self, device: &str, verb: &str, body: &Value) -> Value {
        let answer = self.post(&format!("/devices/{device}/{verb}?wait=60s"), body);
        assert_eq!(answer.status, 200, "{verb} {body}: {answer:?}");
        answer.body
    }

    /// The one value at a path, as the device has it now.
    pub(crate) fn value(&self, device: &str, path: &str) -> String {
        let job = self.operation(device, "get", &json!({ "paths": [path] }));
        let (_, name) = path.rsplit_once('.').expect("a parameter path");
        let value = &job["outcome"]["results"][0]["objects"][0]["params"][name];
        value.as_str().unwrap_or_else(|| panic!("{job}")).to_owned()
    }

    /// Follows the event log from behind a position on.
    pub(crate) fn follow(&self, after: u64) -> impl Iterator<Item = Value> + use<> {
        let request = Request::builder()
            .uri(format!("{}/api/v1/events/stream", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .header("last-event-id", after.to_string());
        let answer = self.agent.run(request.body(()).expect("a request")).expect("a stream");
        assert_eq!(answer.status(), 200);
        let lines = BufReader::new(answer.into_body().into_reader()).lines().map_while(Result::ok);
        lines.filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim()).ok())
    }
}
