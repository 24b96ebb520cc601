//! Imported data models.

use std::path::PathBuf;

use clap::Subcommand;

/// `cusp datamodel`.
#[derive(Subcommand, Debug)]
pub(crate) enum DatamodelCommand {
    /// Import a data-model file of the Broadband Forum's form, in full (…-full.xml)
    Import {
        /// The file
        file: PathBuf,
    },
    /// List what was imported
    List,
    /// Remove an imported model
    #[command(alias = "remove")]
    Rm {
        /// Its id, or the beginning of it
        id: String,
    },
}
