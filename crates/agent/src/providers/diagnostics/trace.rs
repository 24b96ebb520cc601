//! `IP.Diagnostics.TraceRoute()`, by echo requests that may pass ever more routers.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use engine::provider::CommandResult;
use tokio::time::{Instant, timeout_at};

use super::{Args, Outputs, bad};
use crate::limits::MAX_ECHO_BYTES;
use crate::providers::icmp::{Heard, Icmp, Manner};
use crate::state::random;

/// One router on the way, or the host at the end.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Hop {
    /// Who answered.
    pub from: Option<IpAddr>,
    /// Round trips; none for a request that was not answered.
    pub times: Vec<Option<Duration>>,
    /// The code of the ICMP message that came back.
    pub code: u8,
    /// Nobody is beyond.
    pub last: bool,
}

/// Looks for the way to a host.
///
/// # Errors
/// 7027 for arguments that can't be served, 7002 when the system gives no socket.
pub async fn run(args: Args<'_>) -> CommandResult {
    let host = args.required("Host")?;
    let tries = args.number("NumberOfTries", 3, 1..=3)?;
    let patience = args.timeout("Timeout", 5000)?;
    let length = args.number("DataBlockSize", 38, 1..=MAX_ECHO_BYTES as u64)?;
    let dscp = args.number("DSCP", 0, 0..=63)?;
    let most = args.number("MaxHopCount", 30, 1..=64)?;
    let interface = args.interface()?;
    let Ok(target) = args.resolve(host).await else {
        return Outputs::status("Error_CannotResolveHostName").done();
    };
    let manner = Manner { interface: interface.as_deref(), dscp: u32::try_from(dscp).ok() };
    let id = u16::from_be_bytes(random().map_err(|error| bad(error.to_string()))?);
    let icmp = Icmp::open(target, manner, id)?;
    let length = usize::try_from(length).unwrap_or(MAX_ECHO_BYTES);
    let mut hops = Vec::new();
    for number in 1..=most {
        match hop(&icmp, target, number, tries, patience, length).await {
            Ok(hop) => hops.push(hop),
            Err(_) => return outputs("Error_NoRouteToHost", target, &hops).done(),
        }
        if hops.last().is_some_and(|hop| hop.last) {
            break;
        }
    }
    let arrived = hops.last().is_some_and(|hop| hop.last && hop.from == Some(target));
    let status = match hops.last() {
        Some(_) if arrived => "Complete",
        Some(hop) if hop.last => "Error_NoRouteToHost",
        _ => "Error_MaxHopCountExceeded",
    };
    outputs(status, target, &hops).done()
}

async fn hop(
    icmp: &Icmp,
    target: IpAddr,
    number: u64,
    tries: u64,
    patience: Duration,
    length: usize,
) -> io::Result<Hop> {
    let mut hop = Hop::default();
    icmp.set_hops(u32::try_from(number).unwrap_or(64))?;
    for attempt in 0..tries {
        let seq = u16::try_from(number * 4 + attempt).unwrap_or(0);
        let sent = Instant::now();
        icmp.send(seq, length)?;
        let heard = timeout_at(sent + patience, about(icmp, seq)).await;
        let Ok(heard) = heard else {
            hop.times.push(None);
            continue;
        };
        hop.times.push(Some(sent.elapsed()));
        match heard? {
            Heard::Reply { .. } => {
                hop.from = Some(target);
                hop.last = true;
            }
            Heard::Refused { from, expired, code, .. } => {
                hop.from = from.or(hop.from);
                hop.code = code;
                hop.last |= !expired;
            }
        }
    }
    Ok(hop)
}

async fn about(icmp: &Icmp, wanted: u16) -> io::Result<Heard> {
    loop {
        let heard = icmp.hear().await?;
        let (Heard::Reply { seq } | Heard::Refused { seq, .. }) = heard;
        if seq == wanted {
            return Ok(heard);
        }
    }
}

/// The output arguments. A request that was not answered has the time 0, a silent hop no address.
pub fn outputs(status: &str, target: IpAddr, hops: &[Hop]) -> Outputs {
    let mut outputs = Outputs::status(status);
    outputs.set("IPAddressUsed", target);
    let milliseconds = |time: Duration| time.as_micros().div_ceil(1000);
    let last = hops.last().into_iter().flat_map(|hop| hop.times.iter().flatten()).min().copied();
    outputs.set("ResponseTime", milliseconds(last.unwrap_or_default()));
    for (number, hop) in (1..).zip(hops) {
        let address = hop.from.map(|from| from.to_string()).unwrap_or_default();
        let times: Vec<String> =
            hop.times.iter().map(|time| milliseconds(time.unwrap_or_default()).to_string()).collect();
        outputs.set(format!("RouteHops.{number}.Host"), &address);
        outputs.set(format!("RouteHops.{number}.HostAddress"), &address);
        outputs.set(format!("RouteHops.{number}.ErrorCode"), hop.code);
        outputs.set(format!("RouteHops.{number}.RTTimes"), times.join(","));
    }
    outputs
}
