//! `cusp-agent`: the device agent for Linux.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;

use agent::host::{self, End};
use agent::system::SystemRoot;
use anyhow::{Context, Result};
use tracing_subscriber::filter::LevelFilter;

const USAGE: &str = "\
usage: cusp-agent --config FILE [--log LEVEL]

  --config FILE   the factory default and the policy of this agent
  --log LEVEL     off, error, warn, info (the default), debug or trace
  --help          this text
  --version       the version
";

/// What the command line asks for.
enum Asked {
    Run { config: PathBuf, level: LevelFilter },
    Print(String),
}

fn main() -> ExitCode {
    let asked = match arguments() {
        Ok(asked) => asked,
        Err(error) => return complain(&format!("{error:#}\n{USAGE}"), 2),
    };
    let (config, level) = match asked {
        Asked::Run { config, level } => (config, level),
        Asked::Print(text) => {
            let _ = std::io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
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
    use lexopt::prelude::{Long, ValueExt};
    let (mut config, mut level) = (None, LevelFilter::INFO);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("config") => config = Some(PathBuf::from(parser.value()?)),
            Long("log") => level = parser.value()?.parse()?,
            Long("help") => return Ok(Asked::Print(USAGE.to_owned())),
            Long("version") => {
                return Ok(Asked::Print(format!("cusp-agent {}\n", env!("CARGO_PKG_VERSION"))));
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Asked::Run { config: config.context("--config is missing")?, level })
}

fn complain(text: &str, code: u8) -> ExitCode {
    let _ = write!(std::io::stderr(), "cusp-agent: {text}");
    ExitCode::from(code)
}
