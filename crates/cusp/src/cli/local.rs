//! Commands of the server's own machine: `serve`, `demo`, `init`, `config`, `backup`, `restore`, `audit`, `user`, `token`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
    /// The data folder, for the CA and all that the server keeps; cusp-data beside cusp.toml if absent
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// `cusp config`.
#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Say whether the configuration is sound
    Check(LocalArgs),
    /// Print the configuration in force, secrets hidden
    Show(LocalArgs),
    /// Have the server that runs take certificates, CAs and lists of revoked certificates as their files are now
    Reload(LocalArgs),
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
pub(super) const ROLES: [&str; 3] = ["owner", "operator", "viewer"];

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
        /// The tenant whose devices it reaches; every one otherwise
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
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
