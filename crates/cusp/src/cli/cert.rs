//! Certificates of devices: `cert`.

use clap::Subcommand;

/// `cusp cert`.
#[derive(Subcommand, Debug)]
pub(crate) enum CertCommand {
    /// List the certificates that prove devices, or did
    List {
        /// Only of this device
        #[arg(long, value_name = "ID")]
        device: Option<String>,
        /// Only those that are revoked
        #[arg(long)]
        revoked: bool,
    },
    /// End certificates: their connections are closed, and they let nobody in any more
    Revoke {
        /// Fingerprints, or the beginning of one that no other certificate has
        #[arg(required = true, value_name = "FINGERPRINT")]
        fingerprints: Vec<String>,
        /// Why
        #[arg(long, default_value = "unspecified", value_parser = REASONS)]
        reason: String,
    },
}

/// Names of reasons.
const REASONS: [&str; 4] = ["unspecified", "key-compromise", "superseded", "cessation"];
