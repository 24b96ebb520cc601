//! `Time.`: the clock, its zone, whether the kernel holds it for synchronised, and the servers of the NTP
//! client, read from the file of whichever client is there.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use dm::time::UtcTime;
use dm::value::{join_list, split_list};
use dm::{Code, Fault};
use engine::provider::{Committed, Edit, Pending, Prepared, Provider, ProviderError, Report};

use super::rows::{RowBuilder, object, report};
use super::support::Support;
use super::transaction::{Step, Transaction};
use crate::config::Policy;
use crate::kernel;
use crate::limits::MAX_TIME_SERVERS;
use crate::system::SystemRoot;

const TIME: &str = "Device.Time.";
const CLIENT: &str = "Device.Time.Client.{i}.";

/// A system that says it is earlier than 2024 has not set its clock.
const CREDIBLE_SECONDS: u64 = 1_704_067_200;

/// The clock and the NTP client.
#[derive(Debug)]
pub struct Time {
    root: SystemRoot,
    policy: Arc<Policy>,
}

/// A file that names time servers, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NtpFile {
    /// From `/` on.
    pub path: String,
    /// How its lines look.
    pub syntax: NtpSyntax,
}

/// How NTP clients name their servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NtpSyntax {
    /// `NTP=a b` (systemd-timesyncd).
    Timesyncd,
    /// `server a iburst` or `pool a` (ntpd, chrony).
    Lines,
    /// `list server 'a'` (OpenWrt).
    Uci,
}

impl Time {
    /// Reads below `root`.
    pub fn new(root: SystemRoot, policy: Arc<Policy>) -> Time {
        Time { root, policy }
    }

    /// The first file of an NTP client that names a server.
    pub fn ntp_file(&self) -> Option<NtpFile> {
        use NtpSyntax::{Lines, Timesyncd, Uci};
        let usual = [
            ("etc/systemd/timesyncd.conf", Timesyncd),
            ("etc/chrony/chrony.conf", Lines),
            ("etc/chrony.conf", Lines),
            ("etc/ntpsec/ntp.conf", Lines),
            ("etc/ntp.conf", Lines),
            ("etc/config/system", Uci),
        ];
        let configured = self.policy.ntp_config.as_ref().map(|path| {
            let path = path.display().to_string();
            let syntax = if path.ends_with("timesyncd.conf") { Timesyncd } else { Lines };
            NtpFile { path, syntax }
        });
        let usual = usual.into_iter().map(|(path, syntax)| NtpFile { path: path.to_owned(), syntax });
        let named = |file: &NtpFile| {
            self.root.text(&file.path).is_some_and(|text| !servers(&text, file.syntax).is_empty())
        };
        configured.into_iter().chain(usual).find(named)
    }

    fn rows(&self) -> Vec<RowBuilder> {
        let synchronised = kernel::clock_is_synchronised();
        let status = synchronised.map(|yes| if yes { "Synchronized" } else { "Unsynchronized" });
        let now = SystemTime::now();
        let time = RowBuilder::new(TIME, &[])
            .maybe_text("Status", status)
            .time("CurrentLocalTime", credible(now).map(whole_seconds))
            .maybe_text("LocalTimeZone", self.zone());
        let client = self.ntp_file().and_then(|file| {
            let list = servers(&self.root.text(&file.path)?, file.syntax);
            Some(
                RowBuilder::new(CLIENT, &["ntp"])
                    .maybe_text("Status", status)
                    .text("Servers", join_list(list)),
            )
        });
        std::iter::once(time).chain(client).collect()
    }

    fn with_servers(&self, list: &str) -> Result<Step, Fault> {
        let list: Vec<String> = split_list(list).map(|item| item.to_string()).collect();
        check_servers(&list)?;
        let gone =
            || Fault::new(Code::OBJECT_COULD_NOT_BE_UPDATED, "no NTP client's configuration was found");
        let file = self.ntp_file().ok_or_else(gone)?;
        let before = self.root.text(&file.path).ok_or_else(gone)?;
        let after = with_servers(&before, file.syntax, &list);
        Ok(Step::File { path: self.root.path(&file.path), before, after })
    }

    fn zone(&self) -> Option<String> {
        self.root.line("etc/TZ").or_else(|| zone_of(&self.root.bytes("etc/localtime")?))
    }
}

impl Provider for Time {
    fn name(&self) -> &'static str {
        "time"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        let mut support = Support::new(model, &self.policy);
        let mut params = vec!["CurrentLocalTime", "ClientNumberOfEntries"];
        let status = kernel::clock_is_synchronised().is_some();
        params.extend(status.then_some("Status"));
        params.extend(self.zone().is_some().then_some("LocalTimeZone"));
        support.object(TIME, &params);
        let mut params = vec!["Alias", "Servers"];
        params.extend(status.then_some("Status"));
        support.writable(CLIENT, &params, &["Servers"]);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(TIME)]
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(async { Ok(report(self.rows())) })
    }

    fn prepare<'a>(&'a self, changes: &'a [Edit]) -> Pending<'a, Result<Prepared, Fault>> {
        Box::pin(async move {
            let mut transaction = Transaction::new();
            for edit in changes {
                match edit {
                    Edit::Set { param, value, .. } if *param == "Servers" => {
                        transaction.push(self.with_servers(&value.expose())?);
                        transaction.push(Step::Hook(self.policy.ntp_reload.clone()));
                    }
                    _ => return Err(Fault::new(Code::NON_WRITEABLE_PARAMETER, "only Servers can be set")),
                }
            }
            Ok(transaction.prepared())
        })
    }

    fn commit<'a>(&'a self, prepared: &'a mut Prepared) -> Pending<'a, Result<Committed, Fault>> {
        Box::pin(Transaction::commit(prepared, None))
    }

    fn abort(&self, prepared: Prepared) -> Pending<'_, Result<(), Fault>> {
        Box::pin(Transaction::abort(prepared, None))
    }
}

/// UTC, unless the system has not set its clock.
pub fn credible(now: SystemTime) -> Option<UtcTime> {
    let since = now.duration_since(UNIX_EPOCH).ok()?;
    (since.as_secs() >= CREDIBLE_SECONDS).then(|| UtcTime(0) + since)
}

/// Without its fraction.
pub fn whole_seconds(time: UtcTime) -> UtcTime {
    UtcTime(time.0 - time.0.rem_euclid(1_000_000))
}

/// The POSIX zone at the end of a time zone file, between its last two line ends (RFC 8536 section 3.3).
pub fn zone_of(tzif: &[u8]) -> Option<String> {
    let rest = tzif.starts_with(b"TZif").then_some(tzif)?.strip_suffix(b"\n")?;
    let start = rest.iter().rposition(|byte| *byte == b'\n')? + 1;
    let zone = std::str::from_utf8(&rest[start..]).ok()?;
    (!zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_graphic())).then(|| zone.to_owned())
}

/// The servers that a file names.
pub fn servers(text: &str, syntax: NtpSyntax) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(named) = named_in(line, syntax) {
            found.extend(named.map(str::to_owned));
        }
    }
    found.truncate(MAX_TIME_SERVERS);
    found
}

/// The servers of a line that names some.
fn named_in(line: &str, syntax: NtpSyntax) -> Option<Box<dyn Iterator<Item = &str> + '_>> {
    match syntax {
        NtpSyntax::Timesyncd => Some(Box::new(line.strip_prefix("NTP=")?.split_ascii_whitespace())),
        NtpSyntax::Lines => {
            let mut words = line.split_ascii_whitespace();
            let names = matches!(words.next()?, "server" | "pool");
            names.then(|| Box::new(words.take(1)) as Box<dyn Iterator<Item = &str>>)
        }
        NtpSyntax::Uci => {
            let mut words = line.split_ascii_whitespace();
            let names = words.next()? == "list" && words.next()? == "server";
            let quotes = ['\'', '"'];
            names.then(|| {
                Box::new(words.take(1).map(move |word| word.trim_matches(quotes)))
                    as Box<dyn Iterator<Item = &str>>
            })
        }
    }
}

/// The file with other servers, in the place of the first line that names some.
pub fn with_servers(text: &str, syntax: NtpSyntax, list: &[String]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut written = false;
    for line in text.lines() {
        if named_in(line.trim(), syntax).is_none() {
            lines.push(line.to_owned());
        } else if !written {
            written = true;
            match syntax {
                NtpSyntax::Timesyncd => lines.push(format!("NTP={}", list.join(" "))),
                NtpSyntax::Lines => lines.extend(list.iter().map(|server| format!("server {server} iburst"))),
                NtpSyntax::Uci => lines.extend(list.iter().map(|server| format!("\tlist server '{server}'"))),
            }
        }
    }
    lines.join("\n") + "\n"
}

fn check_servers(list: &[String]) -> Result<(), Fault> {
    let is_host = |server: &String| {
        !server.is_empty()
            && server.len() <= 255
            && server.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'))
    };
    if list.is_empty() || list.len() > MAX_TIME_SERVERS || !list.iter().all(is_host) {
        return Err(Fault::new(Code::INVALID_VALUE, "one to 16 host names or addresses"));
    }
    Ok(())
}
