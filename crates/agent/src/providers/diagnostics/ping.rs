//! `IP.Diagnostics.IPPing()`.

use std::io;
use std::time::Duration;

use engine::provider::CommandResult;
use tokio::time::{Instant, timeout_at};

use super::{Args, Outputs, bad};
use crate::limits::{MAX_ECHO_BYTES, MAX_REPETITIONS, PING_INTERVAL};
use crate::providers::icmp::{Heard, Icmp, Manner};
use crate::state::random;

/// What the requests met.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// Round trips of the answered ones.
    pub times: Vec<Duration>,
    /// How many were not answered.
    pub failures: u64,
}

/// Sends the requests one after another.
///
/// # Errors
/// 7027 for arguments that can't be served, 7002 when the system gives no socket.
pub async fn run(args: Args<'_>) -> CommandResult {
    let host = args.required("Host")?;
    let repetitions = args.number("NumberOfRepetitions", 3, 1..=MAX_REPETITIONS)?;
    let patience = args.timeout("Timeout", 1000)?;
    let length = args.number("DataBlockSize", 56, 1..=MAX_ECHO_BYTES as u64)?;
    let dscp = args.number("DSCP", 0, 0..=63)?;
    let interface = args.interface()?;
    let Ok(target) = args.resolve(host).await else {
        return Outputs::status("Error_CannotResolveHostName").done();
    };
    let manner = Manner { interface: interface.as_deref(), dscp: u32::try_from(dscp).ok() };
    let id = u16::from_be_bytes(random().map_err(|error| bad(error.to_string()))?);
    let icmp = Icmp::open(target, manner, id)?;
    let length = usize::try_from(length).unwrap_or(MAX_ECHO_BYTES);
    let (status, tally) = match measure(&icmp, repetitions, patience, length).await {
        Ok(tally) => ("Complete", tally),
        Err(error) if no_route(&error) => ("Error_NoRouteToHost", Tally::default()),
        Err(_) => ("Error_Other", Tally::default()),
    };
    let mut outputs = tally.outputs(status);
    outputs.set("IPAddressUsed", target);
    outputs.done()
}

async fn measure(icmp: &Icmp, repetitions: u64, patience: Duration, length: usize) -> io::Result<Tally> {
    let mut tally = Tally::default();
    for round in 0..repetitions {
        // Sequence numbers go round; an answer is waited for only until the next request.
        let seq = u16::try_from(round & 0xffff).unwrap_or(0);
        let sent = Instant::now();
        icmp.send(seq, length)?;
        let answered = match timeout_at(sent + patience, answer(icmp, seq)).await {
            Ok(answered) => answered?,
            Err(_) => false,
        };
        if answered {
            tally.times.push(sent.elapsed());
        } else {
            tally.failures += 1;
        }
        if round + 1 < repetitions {
            tokio::time::sleep_until(sent + PING_INTERVAL).await;
        }
    }
    Ok(tally)
}

/// Whether the request of this number was answered; false when somebody said that it was not delivered.
async fn answer(icmp: &Icmp, wanted: u16) -> io::Result<bool> {
    loop {
        match icmp.hear().await? {
            Heard::Reply { seq } if seq == wanted => return Ok(true),
            Heard::Refused { seq, .. } if seq == wanted => return Ok(false),
            Heard::Reply { .. } | Heard::Refused { .. } => {}
        }
    }
}

fn no_route(error: &io::Error) -> bool {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable};
    matches!(error.kind(), NetworkUnreachable | HostUnreachable | io::ErrorKind::NotConnected)
        || error.raw_os_error() == Some(libc::EDESTADDRREQ)
}

impl Tally {
    /// The output arguments; times are zero when nothing was answered, as TR-181 has it.
    pub fn outputs(&self, status: &str) -> Outputs {
        let count = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        let total: Duration = self.times.iter().sum();
        let average = total.checked_div(count).unwrap_or_default();
        let least = self.times.iter().min().copied().unwrap_or_default();
        let most = self.times.iter().max().copied().unwrap_or_default();
        let mut outputs = Outputs::status(status);
        outputs.set("SuccessCount", count);
        outputs.set("FailureCount", self.failures);
        for (name, time) in [("Average", average), ("Minimum", least), ("Maximum", most)] {
            // Rounded up, so that a fast answer is not no time at all.
            let milliseconds = time.as_micros().div_ceil(1000);
            outputs.set(format!("{name}ResponseTime"), milliseconds);
            outputs.set(format!("{name}ResponseTimeDetailed"), time.as_micros());
        }
        outputs
    }
}
