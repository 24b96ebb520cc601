//! How a command fails: one line first, then detail; and the exit code.

use std::io;
use std::process::ExitCode;

use serde_json::Value;

use crate::output::{self, list, text};
use crate::table::clean;

/// Why a command failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// 1 failed, 2 used wrongly; 0 for a reader that had enough.
    pub(crate) code: u8,
    /// One line.
    pub(crate) message: String,
    /// What else there is to know, a line each.
    pub(crate) detail: Vec<String>,
    /// Nobody answered: another attempt may succeed.
    pub(crate) outage: bool,
}

impl Failure {
    /// It failed.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Failure { code: 1, message: message.into(), detail: Vec::new(), outage: false }
    }

    /// It was used wrongly.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Failure { code: 2, message: message.into(), detail: Vec::new(), outage: false }
    }

    /// With more to know.
    pub(crate) fn with(mut self, line: impl Into<String>) -> Self {
        self.detail.push(line.into());
        self
    }

    /// With the remark that another attempt may succeed.
    pub(crate) fn outage(mut self) -> Self {
        self.outage = true;
        self
    }

    /// From a problem that the server told.
    pub(crate) fn problem(status: u16, problem: &Value) -> Self {
        let detail = clean(text(problem, "detail"));
        let title = clean(text(problem, "title"));
        let mut message = if detail.is_empty() { title } else { detail };
        if message.is_empty() {
            message = format!("the server answered {status}");
        }
        if let Some(code) = problem.get("code").and_then(Value::as_u64) {
            message.push_str(&format!(" (code {code})"));
        }
        let mut failure = Failure::new(message);
        failure.outage = status >= 500;
        if status == 401 {
            failure.detail.push("sign in with `cusp login URL`, or set CUSP_TOKEN".to_owned());
        }
        let candidates = list(problem, "candidates");
        if text(problem, "type") == "urn:cusp:error:ambiguous" || !candidates.is_empty() {
            failure.code = 2;
        }
        failure.detail.extend(candidates.iter().map(|candidate| {
            let endpoint = text(candidate, "endpoint");
            clean(format!("{}  {}  {endpoint}", text(candidate, "id"), text(candidate, "name")).trim_end())
        }));
        failure.detail.extend(list(problem, "params").iter().map(|param| {
            let code = param.get("code").and_then(Value::as_u64).unwrap_or(0);
            clean(&format!("{}: {} (code {code})", text(param, "param"), text(param, "message")))
        }));
        failure
    }

    /// Says it on standard error.
    pub(crate) fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            output::note(&format!("cusp: {}", self.message));
        }
        for line in &self.detail {
            output::note(&format!("  {line}"));
        }
        ExitCode::from(self.code)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let mut causes = error.chain().map(|cause| clean(cause.to_string().trim_end()));
        let mut failure = Failure::new(causes.next().unwrap_or_default());
        failure.detail.extend(causes);
        failure
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            // `cusp devices | head`: the reader has what it wanted.
            return Failure { code: 0, message: String::new(), detail: Vec::new(), outage: false };
        }
        Failure::new(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Failure;

    #[test]
    fn problems_are_told_in_one_line_then_in_detail() {
        let check = |status: u16, problem: serde_json::Value, code: u8, message: &str, detail: &[&str]| {
            let failure = Failure::problem(status, &problem);
            let detail = detail.iter().map(|line| (*line).to_owned()).collect();
            assert_eq!(failure, Failure { code, message: message.to_owned(), detail, outage: status == 502 });
        };
        check(
            404,
            json!({"title": "Not Found", "detail": "there is no such device"}),
            1,
            "there is no such device",
            &[],
        );
        check(400, json!({"title": "Bad Request", "code": 7008}), 1, "Bad Request (code 7008)", &[]);
        check(502, json!(null), 1, "the server answered 502", &[]);
        check(
            401,
            json!({"title": "Unauthorized"}),
            1,
            "Unauthorized",
            &["sign in with `cusp login URL`, or set CUSP_TOKEN"],
        );
        check(
            409,
            json!({"type": "urn:cusp:error:ambiguous", "detail": "several devices go by that name",
                "candidates": [{"id": "0a", "name": "attic", "endpoint": "os::1"}, {"id": "0b", "name": "attic"}]}),
            2,
            "several devices go by that name",
            &["0a  attic  os::1", "0b  attic"],
        );
        check(
            400,
            json!({"detail": "the model says no", "code": 7012,
                "params": [{"param": "Device.A.B", "code": 7012, "message": "not a number"}]}),
            1,
            "the model says no (code 7012)",
            &["Device.A.B: not a number (code 7012)"],
        );
    }

    #[test]
    fn every_cause_has_its_line() {
        let error = anyhow::anyhow!("no such file").context("cannot read cusp.toml");
        let failure = Failure::from(error);
        assert_eq!(
            (failure.message.as_str(), failure.detail),
            ("cannot read cusp.toml", vec!["no such file".to_owned()])
        );
    }
}
