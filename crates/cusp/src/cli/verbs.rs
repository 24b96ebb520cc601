//! The data-model verbs.

use std::time::Duration;

use clap::Args;

use crate::paths;

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
