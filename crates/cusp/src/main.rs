//! The `cusp` command line: `cusp serve`, and the same operations as the API, as tables for people and JSON
//! for programs.

mod admin;
mod cert;
mod check;
mod cli;
mod client;
mod datamodels;
mod demo;
mod devices;
mod enrol;
mod expected;
mod ops;
mod outcome;
mod output;
mod paths;
mod serve;
mod sim;
mod table;
mod tenants;
mod trace;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::client::{Client, Failure};
use crate::output::Output;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // clap itself leaves with 2 where the usage is wrong.
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let out = &mut Output::stdout(cli.global.json);
    let server = &cli.global.server;
    match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Init(args) => admin::init(out, &args),
        Command::Config(command) => admin::config(out, &command),
        Command::Backup(args) => admin::backup(out, &args),
        Command::Restore(args) => admin::restore(out, &args),
        Command::Audit(command) => admin::audit(out, &command),
        Command::User(command) => admin::user(out, &command),
        Command::Token(command) => admin::token(out, server, &command),
        Command::Tenant(command) => tenants::run(out, server, &command),
        Command::Login(args) => client::login::run(out, server, &args),
        Command::Devices(args) => devices::devices(out, &Client::new(server)?, &args),
        Command::Device(args) => devices::device(out, &Client::new(server)?, &args),
        Command::Pending => enrol::pending(out, &Client::new(server)?),
        Command::Refused => enrol::refused(out, &Client::new(server)?),
        Command::Approve(args) => enrol::approve(out, &Client::new(server)?, &args),
        Command::Reject(args) => enrol::reject(out, &Client::new(server)?, &args),
        Command::Datamodel(command) => datamodels::run(out, &Client::new(server)?, &command),
        Command::Cert(command) => cert::run(out, server, &command),
        Command::Enrol(command) => enrol::enrol(out, server, &command),
        Command::Jobs(args) => devices::jobs(out, &Client::new(server)?, &args),
        Command::Job(args) => devices::job(out, &Client::new(server)?, &args),
        Command::Get(args) => ops::get(out, server, &args),
        Command::Set(args) => ops::set(out, server, &args),
        Command::Add(args) => ops::add(out, server, &args),
        Command::Delete(args) => ops::delete(out, server, &args),
        Command::Operate(args) => ops::operate(out, server, &args),
        Command::Instances(args) => ops::instances(out, server, &args),
        Command::Schema(args) => ops::schema(out, server, &args),
        Command::Watch(args) => watch::run(out, server, &args),
        Command::Trace(args) => trace::run(out, &Client::new(server)?, &args),
        Command::Sim(command) => sim::run(out, server, &command),
        Command::Check(args) => check::run(out, &args),
    }
}
