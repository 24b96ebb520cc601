//! `cusp watch`: follows the event stream, and resumes it where it broke.

use std::io::{BufRead, Read};
use std::time::Duration;

use serde_json::Value;

use crate::cli::{ServerArgs, WatchArgs};
use crate::client::{Client, Failure};
use crate::output::{self, Output, pairs, text};
use crate::table::clean;

/// The longest line of a stream, bytes.
const LINE_BYTES: u64 = 4 << 20;
/// The longest event, bytes.
const EVENT_BYTES: usize = 8 << 20;
/// The longest pause before a stream is opened again.
const PAUSE: Duration = Duration::from_secs(30);

/// `cusp watch`.
pub(crate) fn run(out: &mut Output, server: &ServerArgs, args: &WatchArgs) -> Result<(), Failure> {
    let client = Client::streaming(server)?;
    let wanted = [("device", &args.id), ("filter", &args.filter), ("kind", &args.kind)];
    let query: Vec<_> = wanted.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
    let mut last = args.after;
    let mut left = args.count;
    let mut opened = false;
    let mut pause = Duration::from_secs(1);
    loop {
        if left == Some(0) {
            return Ok(());
        }
        match client.stream("/events/stream", &query, last) {
            Ok(mut stream) => {
                opened = true;
                while let Some(event) = next(&mut stream)? {
                    pause = Duration::from_secs(1);
                    last = event.id.or(last);
                    print(out, &event)?;
                    left = left.map(|left| left - 1);
                    if left == Some(0) {
                        return Ok(());
                    }
                }
                output::note(&format!("the stream of {} ended; it is opened again", client.base()));
            }
            // At first, and where the server itself says no, trying again would hide a mistake.
            Err(failure) if !opened || !failure.outage => return Err(failure),
            Err(failure) => output::note(&failure.message),
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(PAUSE);
    }
}

/// One event of a stream.
#[derive(PartialEq, Eq, Debug)]
struct Event {
    id: Option<u64>,
    data: String,
}

/// The next event; `None` when the stream has ended or broken off.
fn next(stream: &mut impl BufRead) -> Result<Option<Event>, Failure> {
    let mut event = Event { id: None, data: String::new() };
    loop {
        let mut line = Vec::new();
        let read = stream.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) || !line.ends_with(b"\n") {
            return if line.len() as u64 == LINE_BYTES { Err(too_long()) } else { Ok(None) };
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches(['\n', '\r']);
        if line.is_empty() {
            if !event.data.is_empty() {
                return Ok(Some(event));
            }
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => event.id = value.parse().ok(),
            "data" => {
                if !event.data.is_empty() {
                    event.data.push('\n');
                }
                event.data.push_str(value);
            }
            _ => {}
        }
        if event.data.len() > EVENT_BYTES {
            return Err(too_long());
        }
    }
}

fn too_long() -> Failure {
    Failure::new("the server sent an event without end")
}

fn print(out: &mut Output, event: &Event) -> Result<(), Failure> {
    let Ok(value) = serde_json::from_str::<Value>(&event.data) else { return Ok(()) };
    if out.json { out.json_line(&value) } else { out.line(&line(&value)) }
}

/// `2026-01-02T03:04:05Z  0a1  value_change  Device.A.B  ParamValue=1`.
fn line(event: &Value) -> String {
    let columns = ["at", "device", "kind", "path"].map(|name| text(event, name));
    let mut line = columns.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("  ");
    for (name, value) in pairs(event, "params") {
        line.push_str(&format!("  {name}={value}"));
    }
    if event.get("duplicate").and_then(Value::as_bool).unwrap_or(false) {
        line.push_str("  (possibly again)");
    }
    clean(&line)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Event, line, next};

    #[test]
    fn a_stream_is_read_event_by_event() {
        let mut stream =
            &b": beat\n\nid: 7\nevent: boot\ndata: {\"a\":1}\n\nid:8\r\ndata:x\r\ndata: y\r\n\r\nid: 9\ndata: cut"[..];
        assert_eq!(next(&mut stream), Ok(Some(Event { id: Some(7), data: "{\"a\":1}".to_owned() })));
        assert_eq!(next(&mut stream), Ok(Some(Event { id: Some(8), data: "x\ny".to_owned() })));
        assert_eq!(next(&mut stream), Ok(None), "an event that was cut off is none");
    }

    #[test]
    fn an_event_is_a_line() {
        let event = json!({"seq": 7, "at": "2026-01-02T03:04:05Z", "device": "0a1", "kind": "value_change",
            "path": "Device.A.B", "params": {"ParamValue": "1\n2"}, "duplicate": true});
        assert_eq!(
            line(&event),
            "2026-01-02T03:04:05Z  0a1  value_change  Device.A.B  ParamValue=1\\n2  (possibly again)"
        );
    }
}
