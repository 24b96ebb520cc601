//! The run-time supported model.

mod answer;
mod build;
mod canonical;
mod check;
mod learn;

use std::sync::Arc;

use dm::model::{Model, ModelBuilder};
use dm::schema::{Protocol, text};

/// A model from the text form of its rows.
fn model(rows: &str) -> Arc<Model> {
    builder(rows).build()
}

fn builder(rows: &str) -> ModelBuilder {
    let mut builder = ModelBuilder::new("urn:example:model", Protocol::Usp);
    for object in text::parse(rows).expect("rows").objects {
        for row in &object.rows {
            builder.add_row(object.path.as_str(), row).expect("a row");
        }
    }
    builder
}
