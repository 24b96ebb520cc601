//! `cusp sim`: prints what a simulated fleet tells, and has its devices approved.

use std::sync::Arc;
use std::time::Duration;

use ::sim::usp::{Comeback, Notice, Options, PowerCut, Report};
use serde_json::{Value, json};

use crate::cli::{self, ServerArgs, SimCommand, SimUspArgs};
use crate::client::http::{encode, read_ca};
use crate::client::{Client, Failure};
use crate::output::{Output, note};
use crate::serve;
use crate::table::Table;

/// How often a device is asked to be approved that is not shown as pending yet.
const ATTEMPTS: u32 = 25;
/// The time between two such attempts.
const PAUSE: Duration = Duration::from_millis(200);

/// `cusp sim`.
pub(crate) fn run(out: &mut Output, server: &ServerArgs, command: &SimCommand) -> Result<(), Failure> {
    let SimCommand::Usp(args) = command;
    let options = options(server, args)?;
    serve::log("warn")?;
    let report = serve::runtime()?.block_on(async {
        let stop = serve::stop()?;
        Ok::<Report, Failure>(::sim::usp::run(options, stop).await?)
    })?;
    let value = serde_json::to_value(&report).map_err(anyhow::Error::from)?;
    if out.json {
        out.json(&value)?;
    } else {
        out.table(&table(&value))?;
    }
    if report.connects == 0 { Err(Failure::new("no agent could connect")) } else { Ok(()) }
}

fn options(server: &ServerArgs, args: &SimUspArgs) -> Result<Options, Failure> {
    let mut options = Options::new(args.count, args.to.clone());
    options.duration = args.duration;
    options.first = args.first;
    options.rate = args.rate;
    options.move_every = Some(args.move_every);
    options.notify_every = Some(args.notify_every);
    options.journals = args.journals.clone();
    options.controller = args.controller.clone();
    options.certificates = args.certificates.clone();
    let comeback = match args.comeback {
        cli::Comeback::Schedule => Comeback::Schedule,
        cli::Comeback::AtOnce => Comeback::AtOnce,
    };
    options.power_cut = args.power_cut.map(|after| PowerCut { after, comeback });
    options.ca_pem = server.ca.as_deref().map(read_ca).transpose()?.map(String::into_bytes);
    options.tell = Some(Arc::new(|notice: &Notice| note(&notice.to_string())));
    // A server that `cusp login` remembers is not meant here: approving is asked for by the environment.
    let named =
        ["CUSP_URL", "CUSP_TOKEN"].iter().all(|name| std::env::var_os(name).is_some_and(|it| !it.is_empty()));
    if named || server.server_url.is_some() {
        let client = Client::new(server)?;
        options.approve = Some(Arc::new(move |endpoints| approve(&client, &endpoints)));
    }
    Ok(options)
}

/// Has agents approved, once they are shown as pending.
pub(crate) fn approve(client: &Client, endpoints: &[String]) {
    for endpoint in endpoints {
        if let Err(failure) = approve_one(client, endpoint) {
            note(&format!("{endpoint} was not approved: {}", failure.message));
        }
    }
}

fn approve_one(client: &Client, endpoint: &str) -> Result<(), Failure> {
    let place = format!("/pending/{}/approve", encode(endpoint));
    let mut attempt = 0;
    loop {
        let Err(failure) = client.post(&place, &[], &json!({})) else { return Ok(()) };
        // It may be known from an earlier run, or let in by the policy.
        if client.get(&format!("/devices/{}", encode(endpoint)), &[]).is_ok() {
            return Ok(());
        }
        attempt += 1;
        if attempt == ATTEMPTS {
            return Err(failure);
        }
        std::thread::sleep(PAUSE);
    }
}

/// The report, a figure a line.
fn table(report: &Value) -> Table {
    let mut table = Table::new(&["FIGURE", "VALUE"]);
    rows(&mut table, "", report);
    table
}

fn rows(table: &mut Table, above: &str, report: &Value) {
    for (name, value) in report.as_object().into_iter().flatten() {
        match value {
            Value::Object(_) => rows(table, &format!("{above}{name}."), value),
            value => table.row([format!("{above}{name}"), figure(value)]),
        }
    }
}

/// A number with at most one digit after the point.
fn figure(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Number(number) if number.is_f64() => format!("{:.1}", number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::table;

    #[test]
    fn a_report_is_a_figure_a_line() {
        let inner = json!({"back": 5, "latency": {"p50_ms": 1.5}});
        let report = json!({"agents": 5, "cut": inner, "elapsed_s": 30.25, "pss_bytes": null});
        assert_eq!(
            table(&report).render(None),
            "FIGURE              VALUE\nagents              5\ncut.back            5\ncut.latency.p50_ms  1.5\n\
             elapsed_s           30.2\npss_bytes           -\n"
        );
    }
}
