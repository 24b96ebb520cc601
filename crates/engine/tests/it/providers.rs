//! A provider whose rows, delays and failures the test decides.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dm::model::ModelBuilder;
use dm::path::{Name, ObjectPath, SchemaPath};
use dm::{Code, Fault, Value};
use engine::provider::{
    Call, CommandResult, Committed, Edit, Pending, Prepared, Provider, ProviderError, Report, Row, RowKey,
    Sink, Wanted,
};
use tokio::sync::{Semaphore, watch};

pub(crate) struct Fake {
    name: &'static str,
    subtree: &'static str,
    model: fn(&mut ModelBuilder),
    pub(crate) max_age: Duration,
    pub(crate) pushes: bool,
    /// It reads single parts.
    pub(crate) reads_parts: bool,
    pub(crate) state: Mutex<State>,
    /// Refreshes wait for a permit; closed: they do not wait.
    pub(crate) gate: Semaphore,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) rows: Vec<Row>,
    pub(crate) broken: bool,
    pub(crate) needs_confirm: bool,
    pub(crate) log: Vec<String>,
    /// Calls that fail: `prepare`, `commit`, `abort`.
    pub(crate) fails: BTreeSet<&'static str>,
    /// What it does not prepare.
    pub(crate) refuses: BTreeSet<&'static str>,
    /// Keys for rows that are added: by path.
    pub(crate) new_keys: Vec<(String, String)>,
    pub(crate) sink: Option<Sink>,
}

impl Fake {
    pub(crate) fn new(name: &'static str, subtree: &'static str, model: fn(&mut ModelBuilder)) -> Fake {
        let gate = Semaphore::new(0);
        gate.close();
        let state = Mutex::default();
        let max_age = Duration::ZERO;
        Fake { name, subtree, model, max_age, pushes: false, reads_parts: false, state, gate }
    }

    pub(crate) fn with(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    pub(crate) fn set_rows(&self, rows: Vec<Row>) {
        self.with(|state| state.rows = rows);
    }

    /// What was called since the last time.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().log)
    }

    fn called(&self, call: &str, what: &str) -> Result<(), Fault> {
        let mut state = self.state.lock().unwrap();
        state.log.push(format!("{call} {what}").trim_end().to_owned());
        let fault = Fault::new(Code::INTERNAL_ERROR, format!("{} cannot {call}", self.name));
        if state.fails.contains(call) || state.refuses.contains(what) { Err(fault) } else { Ok(()) }
    }
}

/// A row of the report.
pub(crate) fn row(object: &str, keys: &[&str], values: &[(&str, Value)]) -> Row {
    Row {
        object: SchemaPath::parse(object).unwrap(),
        keys: keys.iter().map(|key| RowKey((*key).into())).collect(),
        values: values.iter().map(|(name, value)| (Name::parse(name).unwrap(), value.clone())).collect(),
    }
}

fn say(edits: &[Edit]) -> String {
    let keys = |keys: &[Option<RowKey>]| {
        let keys: Vec<&str> = keys.iter().map(|key| key.as_ref().map_or("-", |key| &*key.0)).collect();
        keys.join("/")
    };
    let said = edits.iter().map(|edit| match edit {
        Edit::Set { path, keys: of, param, value, .. } => format!("{path}{param}={value} [{}]", keys(of)),
        Edit::Add { path, parents, values, .. } => {
            let values: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("+{path} [{}] {}", keys(parents), values.join(","))
        }
        Edit::Delete { path, keys: of, .. } => format!("-{path} [{}]", keys(of)),
    });
    said.collect::<Vec<_>>().join("; ")
}

impl Provider for Fake {
    fn name(&self) -> &'static str {
        self.name
    }

    fn supported(&self, model: &mut ModelBuilder) {
        (self.model)(model);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![SchemaPath::parse(self.subtree).unwrap()]
    }

    fn max_age(&self) -> Duration {
        self.max_age
    }

    fn refresh<'a>(&'a self, want: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(async move {
            let want: Vec<&str> = want.iter().map(SchemaPath::as_str).collect();
            self.with(|state| state.log.push(format!("refresh {}", want.join(" "))));
            if let Ok(permit) = self.gate.acquire().await {
                permit.forget();
            }
            let state = self.state.lock().unwrap();
            if state.broken {
                return Err(ProviderError("it is broken".to_owned()));
            }
            Ok(Report { rows: state.rows.clone() })
        })
    }

    fn reads_parts(&self) -> bool {
        self.reads_parts
    }

    fn read<'a>(&'a self, want: &'a [Wanted]) -> Pending<'a, Result<Report, ProviderError>> {
        let say = |Wanted { object, keys, param }: &Wanted| {
            let keys: Vec<&str> = keys.iter().map(|key| &*key.0).collect();
            let param = param.as_ref().map_or("", Name::as_str);
            format!("read {object}{param} [{}]", keys.join("/"))
        };
        self.with(|state| state.log.extend(want.iter().map(say)));
        let rows = self.state.lock().unwrap().rows.clone();
        Box::pin(async { Ok(Report { rows }) })
    }

    fn watch(&self, sink: Sink) -> bool {
        self.with(|state| state.sink = Some(sink));
        self.pushes
    }

    fn prepare<'a>(&'a self, changes: &'a [Edit]) -> Pending<'a, Result<Prepared, Fault>> {
        Box::pin(async move {
            self.called("prepare", &say(changes))?;
            Ok(Prepared(Box::new(say(changes))))
        })
    }

    fn commit<'a>(&'a self, prepared: &'a mut Prepared) -> Pending<'a, Result<Committed, Fault>> {
        Box::pin(async move {
            let what = prepared.0.downcast_ref::<String>().unwrap();
            assert!(!what.is_empty());
            self.called("commit", "")?;
            let mut state = self.state.lock().unwrap();
            let keys = std::mem::take(&mut state.new_keys).into_iter();
            let key = |(path, key): (String, String)| {
                (ObjectPath::parse(&path).unwrap(), RowKey(key.as_str().into()))
            };
            let (keys, needs_confirm) = (keys.map(key).collect(), state.needs_confirm);
            Ok(Committed { keys, needs_confirm, ..Committed::default() })
        })
    }

    fn abort(&self, prepared: Prepared) -> Pending<'_, Result<(), Fault>> {
        Box::pin(async move { self.called("abort", prepared.0.downcast_ref::<String>().unwrap()) })
    }

    fn operate(&self, call: Call, mut cancelled: watch::Receiver<bool>) -> Pending<'_, CommandResult> {
        Box::pin(async move {
            let keys: Vec<String> = call.keys.iter().flatten().map(|key| key.0.to_string()).collect();
            self.called("operate", &format!("{} {}", call.path, keys.join("/")))?;
            match call.args.first().map(|(_, value)| value.as_str()) {
                Some("wait") => {
                    let _ = cancelled.wait_for(|cancelled| *cancelled).await;
                    Err(Fault::new(Code::COMMAND_CANCELED, "stopped"))
                }
                Some("hang") => std::future::pending().await,
                Some("panic") => panic!("the test wants it"),
                Some(of) if of.starts_with("Device.") => Ok(vec![("Via".to_owned(), of.to_owned())]),
                _ => Ok(vec![("Result".to_owned(), "done".to_owned())]),
            }
        })
    }
}

/// Two providers of one device: network interfaces, and processes whose numbers nobody remembers.
pub(crate) fn net() -> Arc<Fake> {
    Arc::new(Fake::new("net", "Device.Net.", crate::world::net_model))
}

pub(crate) fn process() -> Arc<Fake> {
    Arc::new(Fake::new("process", "Device.Proc.", crate::world::process_model))
}

/// `eth0` and its kin, up and with these bytes.
pub(crate) fn interface(name: &str, bytes: u64) -> Vec<Row> {
    let own = [("Name", Value::text(name)), ("Enable", Value::Bool(true)), ("Mtu", Value::Uint(1500))];
    let stats = [("Bytes", Value::Uint(bytes))];
    vec![
        row("Device.Net.Interface.{i}.", &[name], &own),
        row("Device.Net.Interface.{i}.Stats.", &[name], &stats),
    ]
}

pub(crate) fn interfaces(names: &[&str]) -> Vec<Row> {
    names.iter().flat_map(|name| interface(name, 7)).collect()
}
