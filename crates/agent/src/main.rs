//! `cusp-agent`: the device agent for Linux.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;

use agent::discovery::hook;
use agent::host::{self, End};
use agent::system::SystemRoot;
use anyhow::{Context, Result};
use tracing_subscriber::filter::LevelFilter;

const USAGE: &str = "\
usage: cusp-agent --config FILE [--log LEVEL]
       cusp-agent dhcp-hook --config FILE [--json] [EVENT]
       cusp-agent dhcp-options --config FILE

  --config FILE   the factory default and the policy of this agent
  --log LEVEL     off, error, warn, info (the default), debug or trace
  dhcp-hook       for scripts of DHCP clients: hands a lease to the agent
  --json          the lease is what `networkctl status --json=short` prints
  dhcp-options    prints what a DHCP client has to send
  --help          this text
  --version       the version
";

/// What the command line asks for.
enum Asked {
    Run { config: PathBuf, level: LevelFilter },
    Hook { config: PathBuf, event: Option<String>, json: bool },
    Options { config: PathBuf },
    Print(String),
}

fn main() -> ExitCode {
    let asked = match arguments() {
        Ok(asked) => asked,
        Err(error) => return complain(&format!("{error:#}\n{USAGE}"), 2),
    };
    let (config, level) = match asked {
        Asked::Run { config, level } => (config, level),
        Asked::Print(text) => return print(&text),
        Asked::Hook { config, event, json } => {
            return match hook::run(&config, event.as_deref(), json) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => complain(&format!("{error:#}\n"), 1),
            };
        }
        Asked::Options { config } => {
            return match hook::options(&config, &SystemRoot::host()) {
                Ok(text) => print(&text),
                Err(error) => complain(&format!("{error:#}\n"), 1),
            };
        }
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    match run(&config) {
        Ok(End::Stopped) => ExitCode::SUCCESS,
        Ok(End::Reset) => restart(),
        Err(error) => complain(&format!("{error:#}\n"), 1),
    }
}

fn run(config: &std::path::Path) -> Result<End> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime")?;
    let end = runtime.block_on(Box::pin(host::run(config, SystemRoot::host())));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    end
}

/// A reset agent begins as a new process does.
fn restart() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    match std::env::current_exe() {
        Ok(program) => complain(&format!("{}\n", std::process::Command::new(program).args(args).exec()), 1),
        Err(error) => complain(&format!("{error}\n"), 1),
    }
}

fn arguments() -> Result<Asked> {
    use lexopt::prelude::{Long, Value, ValueExt};
    let (mut config, mut level, mut json) = (None, None, false);
    let mut words: Vec<String> = Vec::new();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("config") => config = Some(PathBuf::from(parser.value()?)),
            Long("log") => level = Some(parser.value()?.parse()?),
            Long("json") => json = true,
            Long("help") => return Ok(Asked::Print(USAGE.to_owned())),
            Long("version") => {
                return Ok(Asked::Print(format!("cusp-agent {}\n", env!("CARGO_PKG_VERSION"))));
            }
            Value(word) if words.len() < 2 => words.push(word.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let config = config.context("--config is missing")?;
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] if !json => Ok(Asked::Run { config, level: level.unwrap_or(LevelFilter::INFO) }),
        ["dhcp-options"] if !json && level.is_none() => Ok(Asked::Options { config }),
        ["dhcp-hook", ref event @ ..] if level.is_none() => {
            Ok(Asked::Hook { config, event: event.first().map(|event| (*event).to_owned()), json })
        }
        _ => anyhow::bail!("these words and options don't go together"),
    }
}

fn print(text: &str) -> ExitCode {
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn complain(text: &str, code: u8) -> ExitCode {
    let _ = write!(std::io::stderr(), "cusp-agent: {text}");
    ExitCode::from(code)
}
