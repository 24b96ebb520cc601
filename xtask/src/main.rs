//! Developer tasks, run as `cargo run -p xtask -- TASK`: `tidy` holds the rules that the compiler
//! cannot, `codegen` makes the schema catalogue, `requirements` writes which requirement ids stand in
//! code and which are proved.
//!
//! Nothing here ships, and no product crate depends on it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks on its streams")]

mod codegen;
mod manifest;
mod mask;
mod requirements;
mod tidy;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: xtask tidy
       xtask codegen [--check] [--models DIR]
       xtask requirements [--check]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["tidy"] => tidy::run(&root()),
        ["codegen", rest @ ..] => codegen::run(&root(), rest),
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

/// The checkout around the current directory, else the one this tool was built from.
fn root() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let around = here.ancestors().find(|folder| folder.join("xtask/Cargo.toml").is_file());
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    around.or(built_from).unwrap_or(Path::new(".")).to_path_buf()
}
