//! Developer tasks, run as `cargo run -p xtask -- TASK`: `tidy` holds the rules that the compiler
//! cannot, `requirements` writes which requirement ids stand in code and which are proved.
//!
//! Nothing here ships, and no product crate depends on it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks on its streams")]

mod manifest;
mod mask;
mod requirements;
mod tidy;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: xtask tidy
       xtask requirements [--check]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["tidy"] => tidy::run(&root()),
        ["requirements", rest @ ..] => requirements::run(&root(), rest),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(report) => {
            print!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The checkout this tool was built from, or the current directory where that is gone.
fn root() -> PathBuf {
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    if built_from.join("Cargo.toml").is_file() { built_from.to_path_buf() } else { PathBuf::from(".") }
}
