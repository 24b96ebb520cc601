//! `cusp trace`.

use serde_json::json;

use crate::cli::TraceArgs;
use crate::client::{Client, Failure};
use crate::devices::place;
use crate::output::Output;

/// `cusp trace`.
pub(crate) fn run(out: &mut Output, client: &Client, args: &TraceArgs) -> Result<(), Failure> {
    let trace = format!("{}/trace", place(&args.id));
    if args.on || args.off {
        client.put(&trace, &json!({ "enabled": args.on }))?;
        return if out.json { out.json(&json!({ "enabled": args.on })) } else { Ok(()) };
    }
    if out.json {
        return out.json(&client.get(&trace, &[])?);
    }
    let recording = client.text(&trace, &[("format", "jsonl".to_owned())])?;
    recording.lines().try_for_each(|line| out.line(line))
}
