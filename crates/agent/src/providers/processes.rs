//! `DeviceInfo.ProcessStatus.` from `/proc`: processor use and the table of processes.

use std::sync::{Mutex, PoisonError};

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use engine::provider::{Pending, Provider, ProviderError, Report};

use super::rows::{RowBuilder, object, report};
use super::support::Support;
use crate::config::Policy;
use crate::limits::MAX_PROCESSES;
use crate::system::SystemRoot;

const PROCESS_STATUS: &str = "Device.DeviceInfo.ProcessStatus.";
const PROCESS: &str = "Device.DeviceInfo.ProcessStatus.Process.{i}.";

/// Processor ticks below which two samples are too close for a percentage.
const MIN_TICKS: u64 = 20;

/// The processes, with processor use between two readings.
#[derive(Debug)]
pub struct Processes {
    root: SystemRoot,
    usage: Mutex<Usage>,
}

#[derive(Clone, Copy, Default, Debug)]
struct Usage {
    last: Ticks,
    percent: Option<u64>,
}

/// Processor time since the system started, all processors together.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Ticks {
    /// Ticks spent working.
    pub busy: u64,
    /// All ticks.
    pub total: u64,
}

/// One process, as `/proc/<pid>/stat` tells of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Process {
    /// Its id.
    pub pid: u64,
    /// The name of the executable, cut by the kernel to 15 characters.
    pub command: String,
    /// In the words of TR-181.
    pub state: &'static str,
    /// 0 is highest; real-time processes all have 0.
    pub priority: u64,
    /// Processor time, ticks.
    pub ticks: u64,
    /// Resident memory, pages.
    pub pages: u64,
}

impl Processes {
    /// Reads below `root`; processor use counts from now.
    pub fn new(root: SystemRoot) -> Processes {
        let last = root.text("proc/stat").and_then(|text| ticks(&text)).unwrap_or_default();
        Processes { root, usage: Mutex::new(Usage { last, percent: None }) }
    }

    fn percent(&self) -> Option<u64> {
        let now = ticks(&self.root.text("proc/stat")?)?;
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let total = now.total.saturating_sub(usage.last.total);
        if total >= MIN_TICKS {
            let busy = now.busy.saturating_sub(usage.last.busy).min(total);
            *usage = Usage { last: now, percent: Some((busy * 100 + total / 2) / total) };
        }
        usage.percent
    }

    fn processes(&self) -> Vec<Process> {
        let names = self.root.names("proc");
        let mut pids: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
        pids.sort_unstable();
        pids.truncate(MAX_PROCESSES);
        // A process may end between the listing and the reading.
        pids.iter().filter_map(|pid| process(&self.root.text(&format!("proc/{pid}/stat"))?)).collect()
    }
}

impl Provider for Processes {
    fn name(&self) -> &'static str {
        "processes"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        if self.root.exists("proc/stat") {
            let policy = Policy::default();
            let mut support = Support::new(model, &policy);
            support.object(PROCESS_STATUS, &["CPUUsage", "ProcessNumberOfEntries"]);
            support.object(PROCESS, &["PID", "Command", "Size", "Priority", "CPUTime", "State"]);
        }
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(PROCESS_STATUS)]
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(async {
            let status = RowBuilder::new(PROCESS_STATUS, &[]).maybe_uint("CPUUsage", self.percent());
            let (page, hertz) = (rustix::param::page_size() as u64, rustix::param::clock_ticks_per_second());
            let rows = self.processes().into_iter().map(|process| row(&process, page, hertz));
            Ok(report(std::iter::once(status).chain(rows)))
        })
    }
}

fn row(process: &Process, page: u64, hertz: u64) -> RowBuilder {
    RowBuilder::new(PROCESS, &[&process.pid.to_string()])
        .uint("PID", process.pid)
        .text_up_to("Command", &process.command, 256)
        .uint32("Size", process.pages * page / 1024)
        .uint("Priority", process.priority)
        .uint32("CPUTime", process.ticks * 1000 / hertz.max(1))
        .text("State", process.state)
}

/// The first line of `/proc/stat`.
pub fn ticks(stat: &str) -> Option<Ticks> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace();
    // user nice system idle iowait irq softirq steal; guest time is in user already.
    let fields: Vec<u64> = fields.take(8).map(|field| field.parse().ok()).collect::<Option<_>>()?;
    let total = fields.iter().sum();
    let idle: u64 = fields.iter().skip(3).take(2).sum();
    (fields.len() >= 4).then_some(Ticks { busy: total - idle, total })
}

/// One `/proc/<pid>/stat`. The command stands in parentheses and may hold blanks and parentheses itself.
pub fn process(stat: &str) -> Option<Process> {
    let (pid, rest) = stat.split_once(" (")?;
    let (command, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // Field 3 of proc(5) is the first here.
    let field = |number: usize| fields.get(number - 3)?.parse::<i64>().ok();
    let natural = |number: usize| u64::try_from(field(number)?).ok();
    let state = match *fields.first()? {
        "R" => "Running",
        "S" => "Sleeping",
        "T" | "t" => "Stopped",
        "I" => "Idle",
        "D" => "Uninterruptible",
        "Z" => "Zombie",
        _ => return None,
    };
    Some(Process {
        pid: pid.trim().parse().ok()?,
        command: command.to_owned(),
        state,
        priority: u64::try_from(field(18)?.clamp(0, 99)).ok()?,
        ticks: natural(14)? + natural(15)?,
        pages: natural(24)?,
    })
}
