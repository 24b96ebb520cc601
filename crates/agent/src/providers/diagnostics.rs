//! What the diagnostics have in common: their arguments, names turned into addresses, being cancelled.

pub mod lookup;
pub mod ping;
pub mod trace;

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use dm::{Code, Fault};
use engine::provider::{Call, CommandResult, Pending, Provider, ProviderError, Report};
use engine::reference;
use tokio::sync::watch;

use super::rows::{RowBuilder, object, report};
use super::support::Support;
use crate::config::Policy;
use crate::limits::MAX_REPLY_TIMEOUT;
use crate::system::SystemRoot;

const IP_DIAGNOSTICS: &str = "Device.IP.Diagnostics.";
const DNS_DIAGNOSTICS: &str = "Device.DNS.Diagnostics.";

/// `IPPing()`, `TraceRoute()` and `NSLookupDiagnostics()`.
#[derive(Debug)]
pub struct Diagnostics {
    root: SystemRoot,
}

impl Diagnostics {
    /// Name servers are read below `root`.
    pub fn new(root: SystemRoot) -> Diagnostics {
        Diagnostics { root }
    }
}

impl Provider for Diagnostics {
    fn name(&self) -> &'static str {
        "diagnostics"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        let policy = Policy::default();
        let params =
            ["IPv4PingSupported", "IPv6PingSupported", "IPv4TraceRouteSupported", "IPv6TraceRouteSupported"];
        Support::new(model, &policy)
            .object(IP_DIAGNOSTICS, &params)
            .actions(IP_DIAGNOSTICS, &["IPPing()", "TraceRoute()"])
            .object(DNS_DIAGNOSTICS, &[])
            .actions(DNS_DIAGNOSTICS, &["NSLookupDiagnostics()"]);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(IP_DIAGNOSTICS), object(DNS_DIAGNOSTICS)]
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(async {
            let ipv6 = self.root.exists("proc/sys/net/ipv6");
            let row = RowBuilder::new(IP_DIAGNOSTICS, &[])
                .bool("IPv4PingSupported", true)
                .bool("IPv6PingSupported", ipv6)
                .bool("IPv4TraceRouteSupported", true)
                .bool("IPv6TraceRouteSupported", ipv6);
            Ok(report([row]))
        })
    }

    fn operate(&self, call: Call, cancelled: watch::Receiver<bool>) -> Pending<'_, CommandResult> {
        Box::pin(async move {
            let args = Args(&call);
            let work: Pending<'_, CommandResult> = match call.command.as_str() {
                "IPPing" => Box::pin(ping::run(args)),
                "TraceRoute" => Box::pin(trace::run(args)),
                "NSLookupDiagnostics" => Box::pin(lookup::run(args, &self.root)),
                _ => return Err(Fault::new(Code::COMMAND_FAILURE, "no such command")),
            };
            unless_cancelled(work, cancelled).await
        })
    }
}

/// Ends with 7023 as soon as the controller cancels.
pub async fn unless_cancelled(
    work: Pending<'_, CommandResult>,
    mut cancelled: watch::Receiver<bool>,
) -> CommandResult {
    tokio::select! {
        result = work => result,
        _ = cancelled.wait_for(|cancelled| *cancelled) => {
            Err(Fault::new(Code::COMMAND_CANCELED, "cancelled"))
        }
    }
}

/// The arguments of a call, whose types the engine has checked.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a>(pub &'a Call);

/// Why a name was not turned into an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unresolved;

impl<'a> Args<'a> {
    /// A text that is not empty.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        let found = self.0.args.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// 7027 when it is not.
    pub fn required(&self, name: &str) -> Result<&'a str, Fault> {
        self.text(name).ok_or_else(|| bad(format!("{name} is missing")))
    }

    /// A number, or what holds without it.
    ///
    /// # Errors
    /// 7027 when it is outside `range`.
    pub fn number(&self, name: &str, usual: u64, range: std::ops::RangeInclusive<u64>) -> Result<u64, Fault> {
        let Some(text) = self.text(name) else { return Ok(usual) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| bad(format!("{name}: {} to {}", range.start(), range.end())))
    }

    /// Milliseconds to wait for one answer.
    ///
    /// # Errors
    /// 7027 when it is zero or too long.
    pub fn timeout(&self, name: &str, usual_ms: u64) -> Result<Duration, Fault> {
        let limit = u64::try_from(MAX_REPLY_TIMEOUT.as_millis()).unwrap_or(u64::MAX);
        self.number(name, usual_ms, 1..=limit).map(Duration::from_millis)
    }

    /// The name of the interface that is meant.
    ///
    /// # Errors
    /// 7027 when the reference names no interface of this system.
    pub fn interface(&self) -> Result<Option<String>, Fault> {
        let Some(text) = self.text("Interface") else { return Ok(None) };
        let known = reference::parse(text).and_then(|(_, keys)| keys.into_iter().next());
        known
            .map(|key| Some(key.0.to_string()))
            .ok_or_else(|| bad("Interface: there is no such row".to_owned()))
    }

    /// An address of a host, of the kind of IP that is asked for.
    ///
    /// # Errors
    /// When the name is not known, or has no such address.
    pub async fn resolve(&self, host: &str) -> Result<IpAddr, Unresolved> {
        let wanted = |ip: &IpAddr| match self.text("ProtocolVersion") {
            Some("IPv4") => ip.is_ipv4(),
            Some("IPv6") => ip.is_ipv6(),
            _ => true,
        };
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Some(ip).filter(wanted).ok_or(Unresolved);
        }
        let found = tokio::net::lookup_host((host, 0)).await.map_err(|_| Unresolved)?;
        found.map(|address: SocketAddr| address.ip()).find(wanted).ok_or(Unresolved)
    }
}

/// Wrong arguments.
pub fn bad(reason: String) -> Fault {
    Fault::new(Code::INVALID_COMMAND_ARGUMENTS, reason)
}

/// Output arguments.
#[derive(Default, Debug)]
pub struct Outputs(Vec<(String, String)>);

impl Outputs {
    /// With the status of a diagnostic.
    pub fn status(status: &str) -> Outputs {
        let mut outputs = Outputs::default();
        outputs.set("Status", status);
        outputs
    }

    /// Adds one.
    pub fn set(&mut self, name: impl Into<String>, value: impl Display) {
        self.0.push((name.into(), value.to_string()));
    }

    /// The end of the command.
    ///
    /// # Errors
    /// None; the type is that of a command's end.
    pub fn done(self) -> CommandResult {
        Ok(self.0)
    }
}
