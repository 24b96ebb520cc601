//! Who is let in: `approve`, `reject`, `enrol`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::paths;

/// `cusp approve`.
#[derive(Args, Debug)]
pub(crate) struct ApproveArgs {
    /// Endpoint ids, or parts of one that no other pending device has
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// What to call the device; its endpoint id otherwise
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The fingerprint of the certificate that was checked, or `plain` for none: another one is not let in.
    /// The one on the list if absent; to be given for an endpoint that has come with two
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) fingerprint: Option<String>,
    /// The tenant that they go to; the default one otherwise
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
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
        /// A tag that every device gets that it lets in
        #[arg(long, value_name = "TAG")]
        group: Option<String>,
        /// For this endpoint id alone, even if it has a certificate already: a device that was reset
        #[arg(long, value_name = "ID")]
        endpoint: Option<String>,
        /// Whose the devices will be; your own tenant, or the default one, otherwise
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
        /// Make it on the server's own machine, without signing in
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Give a device a user name and a password for the server's own MQTT broker; what it had before counts no more
    Login {
        /// Its endpoint id, which is the user name
        endpoint: String,
        /// What to call the device, if nobody knows it yet
        #[arg(long)]
        name: Option<String>,
        /// Whose it will be, if nobody knows it yet; your own tenant, or the default one, otherwise
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Expect devices: each is let in at first contact, if a trusted CA vouches for it or by its own token
    Import {
        /// Comma-separated values under a line of names: endpoint or serial, and name, group, token
        file: PathBuf,
        /// A tag for every device that has none in the file
        #[arg(long, value_name = "TAG")]
        group: Option<String>,
        /// How long the tokens in the file work
        #[arg(long, default_value = "30d", value_parser = paths::duration)]
        ttl: Duration,
        /// Whose they will be; your own tenant, or the default one, otherwise
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
    },
    /// List devices that are expected and have not come yet
    Expected,
    /// Expect a device no more
    Unexpect {
        /// Its endpoint id or serial number, as it is listed
        value: String,
    },
    /// List enrolment tokens, without their secrets
    List,
    /// Revoke an enrolment token
    Rm {
        /// Its id
        id: String,
    },
}
