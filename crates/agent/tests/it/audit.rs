//! The audit log as a file: lines, pages, and a row of the model.

use std::sync::Arc;

use agent::audit::{AuditLog, line, old};
use agent::config::Policy;
use agent::limits::MAX_AUDIT_BYTES;
use agent::providers::vendor_log::VendorLog;
use agent::system::SystemRoot;
use dm::{Mono, Now, UtcTime};
use engine::{Audit, Auditor, Deed};
use mtp::EndpointId;

use crate::support::refreshed;

/// 2026-01-31T12:00:00Z.
const NOON: Now = Now { mono: Mono(7), utc: Some(UtcTime(1_769_860_800_000_000)) };

fn entry(by: Option<&str>, deed: Deed, subject: &str, detail: &str) -> Audit {
    let by = by.map(|by| EndpointId::receive(by).expect("an id"));
    Audit { by, deed, subject: subject.to_owned(), detail: detail.to_owned() }
}

#[test]
fn an_entry_is_one_line_whatever_is_in_it() {
    let path = "Device.LocalAgent.Controller.1.Enable";
    for (now, entry, expected) in [
        (
            NOON,
            entry(Some("proto::one"), Deed::Set, path, "true"),
            "2026-01-31T12:00:00Z proto::one set Device.LocalAgent.Controller.1.Enable \"true\"\n",
        ),
        (
            Now { utc: None, ..NOON },
            entry(None, Deed::Delete, path, ""),
            "- agent delete Device.LocalAgent.Controller.1.Enable\n",
        ),
        (
            NOON,
            entry(None, Deed::Refused, "", "a\n\"b\"\u{1b}"),
            "2026-01-31T12:00:00Z agent refused - \"a\\n\\\"b\\\"\\u{1b}\"\n",
        ),
    ] {
        assert_eq!(line(now, &entry), expected);
    }
}

#[test]
fn a_full_page_makes_room_for_the_next_and_one_old_one_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.log");
    let entry = entry(None, Deed::Set, &"x".repeat(998), "");
    let length = line(NOON, &entry).len() as u64;
    let per_page = MAX_AUDIT_BYTES / length;
    let read = |path: &std::path::Path| std::fs::read_to_string(path).expect("a page");
    // Two and a half pages, by two lives.
    for lines in [per_page + 1, per_page + per_page / 2 - 1] {
        let log = AuditLog::open(&path).expect("a log");
        for _ in 0..lines {
            // Nothing waits here: the queue is longer than what a page holds.
            log.note(NOON, entry.clone());
        }
        log.close();
        log.note(NOON, entry.clone());
    }
    let pages = [read(&path), read(&old(&path))];
    let lines = pages.map(|page| page.lines().count() as u64);
    assert_eq!(lines, [per_page / 2, per_page]);
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&path).expect("a page").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn it_is_a_log_file_of_the_device() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.log");
    let policy = Arc::new(Policy { audit_log: Some(path.clone()), ..Policy::default() });
    let tls = Arc::new(|| anyhow::bail!("no uploads here"));
    let provider = VendorLog::new(SystemRoot::at(&folder.path().join("root")), policy, tls);
    assert_eq!(refreshed(&provider).await, [""; 0]);
    AuditLog::open(&path).expect("a log").close();
    let name = path.display().to_string();
    let shown: String = name.chars().take(64).collect();
    let expected = [
        format!("DeviceInfo.VendorLogFile.{{i}}.[{name}] Name = {shown}"),
        format!("DeviceInfo.VendorLogFile.{{i}}.[{name}] MaximumSize = 262144"),
    ];
    assert_eq!(refreshed(&provider).await, expected);
}
