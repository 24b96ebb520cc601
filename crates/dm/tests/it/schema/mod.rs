//! The schema catalogue: its facts, its three forms, and the importer.

mod catalogue;
mod forms;
mod importer;
