//! What can be typed: every command, argument and option. It does nothing.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::paths;

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
    /// Sign in to a server, and remember it
    Login(LoginArgs),
    /// List devices
    Devices(DevicesArgs),
    /// Show a device, or remove or rename it
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
    /// One-time enrolment tokens
    #[command(subcommand)]
    Enrol(EnrolCommand),
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
    /// Simulated fleets
    #[command(subcommand)]
    Sim(SimCommand),
}

/// Where the server's own files are.
#[derive(Args, Clone, Default, Debug)]
pub(crate) struct LocalArgs {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The data folder; ./cusp-data unless the configuration says otherwise
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// `cusp serve`.
#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) local: LocalArgs,
}

/// `cusp demo`.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// The data folder
    #[arg(long, value_name = "DIR", default_value = "./cusp-data")]
    pub(crate) data: PathBuf,
}

/// `cusp init`.
#[derive(Args, Debug)]
pub(crate) struct InitArgs {
    /// Where cusp.toml goes
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

/// `cusp config`.
#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Say whether the configuration is sound
    Check(LocalArgs),
    /// Print the configuration in force, secrets hidden
    Show(LocalArgs),
}

/// `cusp backup`.
#[derive(Args, Debug)]
pub(crate) struct BackupArgs {
    /// A file that does not exist yet
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) local: LocalArgs,
}

/// `cusp restore`.
#[derive(Args, Debug)]
pub(crate) struct RestoreArgs {
    /// A copy made by `cusp backup`
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) local: LocalArgs,
}

/// `cusp audit`.
#[derive(Subcommand, Debug)]
pub(crate) enum AuditCommand {
    /// Check that no row of the log was changed or removed
    Verify(LocalArgs),
}

/// `cusp user`.
#[derive(Subcommand, Debug)]
pub(crate) enum UserCommand {
    /// Add a user, and print their one-time sign-in link
    Add {
        /// Their name
        name: String,
        /// What they may do
        #[arg(long, default_value = "operator", value_parser = ROLES)]
        role: String,
        #[command(flatten)]
        local: LocalArgs,
    },
    /// Print a one-time sign-in link
    Link {
        /// Whose
        name: String,
        #[command(flatten)]
        local: LocalArgs,
    },
}

/// Names of roles.
const ROLES: [&str; 3] = ["owner", "operator", "viewer"];

/// `cusp token`.
#[derive(Subcommand, Debug)]
pub(crate) enum TokenCommand {
    /// Make a token on the server's own machine, and print it alone
    Create {
        /// What it may do
        #[arg(long, value_parser = ROLES)]
        role: String,
        /// What it is called
        #[arg(long, default_value = "command line")]
        name: String,
        #[command(flatten)]
        local: LocalArgs,
    },
    /// List tokens, without their secrets
    List,
    /// Revoke a token
    Rm {
        /// Its id
        id: String,
    },
}

/// `cusp login`.
#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    /// The server, such as https://cusp.example:8080
    pub(crate) address: String,
    /// Sign in as this user and make a token; the password is asked for, or read from standard input.
    /// Without it, a token is asked for
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// What the token that is made may do
    #[arg(long, requires = "user", value_parser = ROLES)]
    pub(crate) role: Option<String>,
}

/// `cusp devices`.
#[derive(Args, Default, Debug)]
pub(crate) struct DevicesArgs {
    /// A filter expression, such as 'online && "pilot" in tags'
    #[arg(long, value_name = "EXPR")]
    pub(crate) filter: Option<String>,
    /// A part of name, endpoint id, serial, model or address
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) query: Option<String>,
    /// name, model, manufacturer, serial, software, last_seen or first_seen; backwards with - before it
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    pub(crate) sort: Option<String>,
    /// At most so many; otherwise all
    #[arg(long)]
    pub(crate) limit: Option<usize>,
}

/// `cusp device`.
#[derive(Args, Debug)]
pub(crate) struct DeviceArgs {
    #[command(subcommand)]
    pub(crate) command: Option<DeviceCommand>,
    /// An id, the beginning of one, an endpoint id, a serial or a name
    #[arg(required = true)]
    pub(crate) id: Option<String>,
}

/// `cusp device …`.
#[derive(Subcommand, Debug)]
pub(crate) enum DeviceCommand {
    /// Remove a device and all that is known of it
    Rm {
        /// Which
        id: String,
    },
    /// Give a device another name
    Rename {
        /// Which
        id: String,
        /// The name
        name: String,
    },
    /// Give a device other tags, all of them
    Tag {
        /// Which
        id: String,
        /// The tags
        tags: Vec<String>,
    },
}

/// `cusp approve`.
#[derive(Args, Debug)]
pub(crate) struct ApproveArgs {
    /// Endpoint ids, or parts of one that no other pending device has
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// What to call the device; its endpoint id otherwise
    #[arg(long)]
    pub(crate) name: Option<String>,
}

/// `cusp reject`.
#[derive(Args, Debug)]
pub(crate) struct RejectArgs {
    /// Endpoint ids, or parts of one that no other pending device has
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

/// `cusp enrol`.
#[derive(Subcommand, Debug)]
pub(crate) enum EnrolCommand {
    /// Make an enrolment token, and print it alone
    Token {
        /// How long it works
        #[arg(long, default_value = "1h", value_parser = paths::duration)]
        ttl: Duration,
        /// How many devices it lets in
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// Make it on the server's own machine, without signing in
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// List enrolment tokens, without their secrets
    List,
    /// Revoke an enrolment token
    Rm {
        /// Its id
        id: String,
    },
}

/// `cusp jobs`.
#[derive(Args, Debug)]
pub(crate) struct JobsArgs {
    /// Of one device
    #[arg(long, value_name = "ID")]
    pub(crate) device: Option<String>,
    /// In one state, such as queued or failed
    #[arg(long)]
    pub(crate) state: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
}

/// `cusp job`.
#[derive(Args, Debug)]
pub(crate) struct JobArgs {
    /// Its id
    pub(crate) id: String,
    /// Cancel it
    #[arg(long)]
    pub(crate) cancel: bool,
}

/// How an operation is run.
#[derive(Args, Clone, Debug)]
pub(crate) struct RunArgs {
    /// How long to wait for the device, up to 5m; with 0s only the operation's number is printed
    #[arg(long, default_value = "30s", value_parser = paths::wait)]
    pub(crate) wait: Duration,
    /// After how long it expires if the device has not answered; 24h if absent
    #[arg(long, value_name = "TIME", value_parser = paths::duration)]
    pub(crate) expires_in: Option<Duration>,
    /// Write even what the device's model does not know; owners only
    #[arg(long)]
    pub(crate) force: bool,
    /// The same key with the same request is the same operation
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

/// `cusp get`.
#[derive(Args, Debug)]
pub(crate) struct GetArgs {
    /// The device: an id, the beginning of one, an endpoint id, a serial or a name
    pub(crate) id: String,
    /// Object, instance, parameter or search paths
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// Levels below the object: 0 all, 1 its own parameters, …
    #[arg(long, default_value_t = 0)]
    pub(crate) max_depth: u32,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// `cusp set`.
#[derive(Args, Debug)]
pub(crate) struct SetArgs {
    /// The device
    pub(crate) id: String,
    /// Parameters and their values; split at the first = outside brackets
    #[arg(required = true, value_name = "PATH=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Each object stands or falls alone
    #[arg(long)]
    pub(crate) partial: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// `cusp add`.
#[derive(Args, Debug)]
pub(crate) struct AddArgs {
    /// The device
    pub(crate) id: String,
    /// The table
    pub(crate) object: String,
    /// Parameters of the row
    #[arg(value_name = "PARAM=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Parameters that fail are left at their default, instead of failing the row
    #[arg(long)]
    pub(crate) partial: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// `cusp delete`.
#[derive(Args, Debug)]
pub(crate) struct DeleteArgs {
    /// The device
    pub(crate) id: String,
    /// Instance or search paths
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// Each path stands or falls alone
    #[arg(long)]
    pub(crate) partial: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// `cusp operate`.
#[derive(Args, Debug)]
pub(crate) struct OperateArgs {
    /// The device
    pub(crate) id: String,
    /// The command, such as 'Device.Reboot()'
    pub(crate) command: String,
    /// Its arguments
    #[arg(value_name = "ARG=VALUE")]
    pub(crate) args: Vec<String>,
    /// The caller's own key
    #[arg(long, value_name = "KEY")]
    pub(crate) command_key: Option<String>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// `cusp instances`.
#[derive(Args, Debug)]
pub(crate) struct InstancesArgs {
    /// The device
    pub(crate) id: String,
    /// Table or search paths
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// Only rows of the tables named
    #[arg(long)]
    pub(crate) first_level_only: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// `cusp schema`.
#[derive(Args, Debug)]
pub(crate) struct SchemaArgs {
    /// The device
    pub(crate) id: String,
    /// Object paths in {i} form
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// The object in full, its children by name
    #[arg(long)]
    pub(crate) first_level_only: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// `cusp watch`.
#[derive(Args, Debug)]
pub(crate) struct WatchArgs {
    /// Only this device
    pub(crate) id: Option<String>,
    /// Only devices that match this filter expression
    #[arg(long, value_name = "EXPR")]
    pub(crate) filter: Option<String>,
    /// Only these kinds, separated by commas
    #[arg(long, value_name = "KINDS")]
    pub(crate) kind: Option<String>,
    /// From this position of the log on; from now otherwise
    #[arg(long, value_name = "SEQ")]
    pub(crate) after: Option<u64>,
    /// End after so many events
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
}

/// `cusp sim`.
#[derive(Subcommand, Debug)]
pub(crate) enum SimCommand {
    /// Agents that speak USP over WebSocket; approved by themselves when CUSP_URL and CUSP_TOKEN are set
    Usp(SimUspArgs),
}

/// `cusp sim usp`.
#[derive(Args, Debug)]
pub(crate) struct SimUspArgs {
    /// How many agents
    #[arg(long)]
    pub(crate) count: usize,
    /// Where they connect to, such as ws://127.0.0.1:8183/usp
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: String,
    /// How long to run; until Ctrl-C otherwise
    #[arg(long = "for", value_name = "TIME", value_parser = paths::duration)]
    pub(crate) duration: Option<Duration>,
    /// New connections per second; 0 for as many as the server takes
    #[arg(long, default_value_t = 200)]
    pub(crate) rate: u32,
    /// Number of the first agent: fleets of several processes need different ones
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) first: usize,
    /// A folder where each agent keeps a real journal; otherwise it forgets
    #[arg(long, value_name = "DIR")]
    pub(crate) journals: Option<PathBuf>,
    /// How often the counters of each agent move; 0s for never
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = paths::duration)]
    pub(crate) move_every: Duration,
    /// How often each agent has something to notify; 0s for never
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = paths::duration)]
    pub(crate) notify_every: Duration,
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
            "cusp enrol token --ttl 1h",
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
            "cusp approve",
            "cusp sim usp --count 5",
            "cusp sim usp --count x --to ws://a",
            "cusp token create",
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
