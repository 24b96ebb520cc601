//! What a fleet tells while it runs, and how that reads.

use std::fmt;

use crate::latency::Percentiles;

/// News of a running fleet. Displays as a line for people.
#[derive(Clone, PartialEq, Debug)]
pub enum Notice {
    /// Told once, before the first connection.
    Started {
        /// How many agents there will be.
        agents: usize,
        /// How many this process may have; `None`: no limit.
        allowed: Option<u64>,
    },
    /// All agents lose power.
    PowerCut {
        /// How many.
        agents: usize,
    },
    /// Told again and again.
    Progress(Progress),
}

/// The state of a fleet, and its rates since the last such notice.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Progress {
    /// Seconds since the start.
    pub elapsed_s: f64,
    /// How many agents there will be.
    pub agents: usize,
    /// How many are connected.
    pub connected: usize,
    /// Attempts to connect that failed, since the start.
    pub connect_failures: u64,
    /// Connections per second.
    pub connects_per_s: f64,
    /// Since the start.
    pub connect_latency: Percentiles,
    /// Notifications per second.
    pub notifications_per_s: f64,
    /// Since the start.
    pub notification_latency: Percentiles,
    /// Requests of the controller per second.
    pub requests_per_s: f64,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Started { agents, allowed: Some(allowed) } => {
                write!(f, "{agents} agents; the limit on open files allows {allowed}")
            }
            Notice::Started { agents, allowed: None } => {
                write!(f, "{agents} agents; open files are not limited")
            }
            Notice::PowerCut { agents } => write!(f, "{agents} agents lose power"),
            Notice::Progress(progress) => progress.fmt(f),
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (connect, notify) = (&self.connect_latency, &self.notification_latency);
        write!(f, "{:6.1} s  {}/{} connected", self.elapsed_s, self.connected, self.agents)?;
        if self.connect_failures > 0 {
            write!(f, ", {} failed attempts", self.connect_failures)?;
        }
        write!(f, "  {:.0} connects/s (p99 {:.1} ms)", self.connects_per_s, connect.p99_ms)?;
        write!(f, "  {:.0} notifications/s (p50 {:.1}", self.notifications_per_s, notify.p50_ms)?;
        write!(f, ", p99 {:.1} ms)  {:.0} requests/s", notify.p99_ms, self.requests_per_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let started = Notice::Started { agents: 100, allowed: Some(1000) };
        assert_eq!(started.to_string(), "100 agents; the limit on open files allows 1000");
        let latency = |ms| Percentiles { count: 1, p50_ms: ms, p95_ms: ms, p99_ms: ms };
        let progress = Progress {
            elapsed_s: 2.04,
            agents: 100,
            connected: 97,
            connect_failures: 3,
            connects_per_s: 48.6,
            connect_latency: latency(1.5),
            notifications_per_s: 12.2,
            notification_latency: latency(4.0),
            requests_per_s: 700.0,
        };
        assert_eq!(
            Notice::Progress(progress).to_string(),
            "   2.0 s  97/100 connected, 3 failed attempts  49 connects/s (p99 1.5 ms)  \
             12 notifications/s (p50 4.0, p99 4.0 ms)  700 requests/s"
        );
    }
}
