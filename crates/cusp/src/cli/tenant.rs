//! Tenants: `tenant`.

use std::path::PathBuf;

use clap::Subcommand;

/// `cusp tenant`.
#[derive(Subcommand, Debug)]
pub(crate) enum TenantCommand {
    /// Make a tenant; its name is never changed
    Create {
        /// What it is called: letters a to z, digits, - and .
        name: String,
        /// Make it on the server's own machine, without signing in
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// List tenants
    List,
}
