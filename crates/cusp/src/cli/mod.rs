//! What can be typed: every command, argument and option, one file per noun. It does nothing.

mod cert;
mod check;
mod datamodel;
mod device;
mod enrol;
mod local;
mod sim;
mod tenant;
mod verbs;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use cert::CertCommand;
pub(crate) use check::CheckArgs;
pub(crate) use datamodel::DatamodelCommand;
pub(crate) use device::{
    DeviceArgs, DeviceCommand, DevicesArgs, JobArgs, JobsArgs, LoginArgs, TraceArgs, WatchArgs,
};
pub(crate) use enrol::{ApproveArgs, EnrolCommand, RejectArgs};
pub(crate) use local::{
    AuditCommand, BackupArgs, ConfigCommand, DemoArgs, InitArgs, LocalArgs, RestoreArgs, ServeArgs,
    TokenCommand, UserCommand,
};
pub(crate) use sim::{Comeback, SimCommand, SimUspArgs};
pub(crate) use tenant::TenantCommand;
pub(crate) use verbs::{
    AddArgs, DeleteArgs, GetArgs, InstancesArgs, OperateArgs, RunArgs, SchemaArgs, SetArgs,
};

/// Manages devices over USP (TR-369).
///
/// Leaves with 0 when it is done, 1 when it failed (in part, too), and 2 when it was used wrongly.
#[derive(Parser, Debug)]
#[command(name = "cusp", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// Print JSON instead of tables
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Which server a client command talks to. The token comes from CUSP_TOKEN or `cusp login`.
#[derive(Args, Clone, Default, Debug)]
pub(crate) struct ServerArgs {
    /// The server; otherwise the one of `cusp login`
    #[arg(long = "url", global = true, env = "CUSP_URL", value_name = "URL")]
    pub(crate) server_url: Option<String>,
    /// Certificates (PEM) that vouch for the server, instead of the public ones
    #[arg(long, global = true, env = "CUSP_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

/// A command.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run the server
    Serve(ServeArgs),
    /// Run the server with an agent for this machine and a small simulated fleet, to look around
    Demo(DemoArgs),
    /// Write a commented cusp.toml with TLS on all interfaces, the internal CA and certificates
    Init(InitArgs),
    /// Check or show the server's configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Copy the store of a data folder, of a running server too
    Backup(BackupArgs),
    /// Put a copy made by `cusp backup` into a data folder that has no store
    Restore(RestoreArgs),
    /// The audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Users, on the server's own machine
    #[command(subcommand)]
    User(UserCommand),
    /// API tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Tenants: who devices belong to
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Sign in to a server, and remember it
    Login(LoginArgs),
    /// List devices
    Devices(DevicesArgs),
    /// Show a device; add, remove, rename or tag one
    #[command(args_conflicts_with_subcommands = true)]
    Device(DeviceArgs),
    /// List devices that ask to be let in
    Pending,
    /// List attempts that were turned away
    Refused,
    /// Let pending devices in
    Approve(ApproveArgs),
    /// Turn pending devices away
    Reject(RejectArgs),
    /// Data models that describe what devices support
    #[command(subcommand)]
    Datamodel(DatamodelCommand),
    /// One-time enrolment tokens
    #[command(subcommand)]
    Enrol(EnrolCommand),
    /// Certificates that devices are proven by
    #[command(subcommand)]
    Cert(CertCommand),
    /// List operations, newest first
    Jobs(JobsArgs),
    /// Show an operation, or cancel it while it waits
    Job(JobArgs),
    /// Read values from a device
    Get(GetArgs),
    /// Change parameters of a device
    Set(SetArgs),
    /// Make a row in a device
    Add(AddArgs),
    /// Remove rows from a device
    Delete(DeleteArgs),
    /// Run a command in a device
    Operate(OperateArgs),
    /// Read which rows a device has
    Instances(InstancesArgs),
    /// Read what a device supports
    Schema(SchemaArgs),
    /// Follow what happens
    Watch(WatchArgs),
    /// Keep a device's messages, and print them as a recording: one Record a line, secrets masked
    Trace(TraceArgs),
    /// Simulated fleets
    #[command(subcommand)]
    Sim(SimCommand),
    /// Check whether an agent, ours or another, keeps the rules of TR-369
    Check(Box<CheckArgs>),
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Cli, Command, DeviceCommand};

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_can_be_typed() {
        let check = |line: &str, good: bool| {
            let parsed = Cli::try_parse_from(line.split(' '));
            assert_eq!(parsed.is_ok(), good, "{line}: {:?}", parsed.err().map(|error| error.to_string()));
        };
        for good in [
            "cusp serve",
            "cusp serve --config cusp.toml --data /var/lib/cusp",
            "cusp init",
            "cusp demo",
            "cusp config check --config cusp.toml",
            "cusp config show",
            "cusp token create --data d --role owner",
            "cusp token create --role viewer --tenant acme",
            "cusp tenant create acme",
            "cusp tenant create acme --data d",
            "cusp tenant list",
            "cusp enrol token --tenant acme",
            "cusp approve a --tenant acme",
            "cusp device move attic acme",
            "cusp devices --tenant acme",
            "cusp user add ann --role viewer",
            "cusp user link ann",
            "cusp backup copy.db --data d",
            "cusp restore copy.db",
            "cusp audit verify --data d",
            "cusp login http://127.0.0.1:8080",
            "cusp devices --filter online --sort -name --json",
            "cusp --json devices",
            "cusp device attic",
            "cusp device rm attic",
            "cusp pending",
            "cusp approve a b",
            "cusp approve a --fingerprint plain",
            "cusp device add os::1 --connect ws://192.0.2.7:8184/usp",
            "cusp device undial attic",
            "cusp datamodel import model.xml",
            "cusp datamodel list",
            "cusp datamodel rm 0a1b",
            "cusp trace attic",
            "cusp trace attic --on",
            "cusp enrol token --group pilot --endpoint os::1",
            "cusp enrol token --ttl 1h",
            "cusp enrol login os::1 --name attic",
            "cusp get attic Device. --wait 5m",
            "cusp set attic Device.A.B=c Device.A.C=d --partial",
            "cusp add attic Device.A. B=c",
            "cusp delete attic Device.A.1.",
            "cusp operate attic Device.Reboot()",
            "cusp instances attic Device.IP.Interface.",
            "cusp schema attic Device.",
            "cusp watch",
            "cusp watch attic --count 1",
            "cusp sim usp --count 5 --to ws://127.0.0.1:8183/usp --for 30s --json",
            "cusp check --list",
            "cusp check --list R-GET",
            "cusp check --listen ws://127.0.0.1:8183/usp --junit r.xml --html r.html R-GET R-SET.1",
            "cusp check --connect ws://192.0.2.7:8184/usp --id self::c --agent os::1 --wait 5s --json",
        ] {
            check(good, true);
        }
        for wrong in [
            "cusp",
            "cusp frobnicate",
            "cusp get attic",
            "cusp get attic Device. --wait 30",
            "cusp get attic Device. --wait 6m",
            "cusp device",
            "cusp device add os::1",
            "cusp datamodel",
            "cusp trace attic --on --off",
            "cusp approve",
            "cusp sim usp --count 5",
            "cusp check",
            "cusp check --list --listen ws://127.0.0.1:8183/usp",
            "cusp check --listen ws://127.0.0.1:1/ --connect ws://127.0.0.1:2/",
            "cusp sim usp --count x --to ws://a",
            "cusp token create",
            "cusp tenant",
            "cusp device move attic",
            "cusp token create --role king",
            "cusp enrol token --uses x",
            "cusp login http://a --role owner",
        ] {
            check(wrong, false);
        }
    }

    #[test]
    fn a_device_may_be_removed_by_name() {
        let cli = Cli::try_parse_from(["cusp", "device", "rm", "attic"]).expect("it is a command");
        let Command::Device(args) = cli.command else { panic!("another command") };
        let Some(DeviceCommand::Rm { id }) = args.command else { panic!("another command") };
        assert_eq!(id, "attic");
    }
}
