//! Integration tests of the data model, one module per subject.

mod model;
mod path;
mod path_properties;
mod schema;
mod schema_path;
mod time;
mod tree;
mod unsaid;
mod value;
mod value_properties;
