//! What the tests share: the fixture tree, and reports as lines of text.

use std::path::Path;
use std::sync::Arc;

use agent::config::Policy;
use agent::system::SystemRoot;
use engine::provider::{Provider, Report, Row};

/// A small router's files.
pub(crate) fn router() -> SystemRoot {
    SystemRoot::at(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/router"))
}

pub(crate) fn read_only() -> Arc<Policy> {
    Arc::new(Policy::default())
}

/// One line per value, `path[keys] name = value`.
pub(crate) fn lines(rows: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    for row in rows {
        let keys: Vec<&str> = row.keys.iter().map(|key| &*key.0).collect();
        let object = row.object.as_str().trim_start_matches("Device.");
        for (name, value) in &row.values {
            lines.push(format!("{object}[{}] {name} = {value}", keys.join("; ")));
        }
    }
    lines
}

pub(crate) fn report_lines(report: &Report) -> Vec<String> {
    lines(&report.rows)
}

/// What a provider that never waits reports.
pub(crate) async fn refreshed(provider: &dyn Provider) -> Vec<String> {
    report_lines(&provider.refresh(&provider.subtrees()).await.expect("it reports"))
}
